package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"doorkeeper/access"
	"doorkeeper/admin"
)

func (c *cli) whyCommand() *cobra.Command {
	var output, source, clientID string
	cmd := &cobra.Command{
		Use:   "why REF | PRINCIPAL OPERATION RESOURCE",
		Short: "Say why something was allowed or denied, and whom to ask",
		Long: `Ask a running proxy. With REF, the id of a record or its place as <journal>:<seq>: what was decided then, by
which rule, and what the policy says of the same today. With a principal, an operation and a topic (or GROUP:name): what the
policy says now, for every client of that principal that is connected; with --source or --client-id, for one that is supposed.
The catalog says whose topic it is and how to ask for access.

Records are found as far back as the journal goes. Exits with 1 if the answer is no.`,
		Example: "  doorkeeper why User:erp READ payroll\n  doorkeeper why 01JD8Z2P6Q4V7M8X9T0R1S2W3Y\n  doorkeeper why User:erp READ payroll --source 10.1.2.3",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 3 {
				return errors.New("give a record's id, or principal, operation and resource")
			}
			return nil
		},
		ValidArgsFunction: operationSecond,
	}
	f := cmd.Flags()
	f.StringVar(&source, "source", "", "suppose a client at this `ADDRESS`")
	f.StringVar(&clientID, "client-id", "", "suppose a client with this client.id")
	f.StringVarP(&output, "output", "o", "table", "`FORM`: table or json")
	complete(cmd, "output", "table", "json")
	c.adminFlags(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, args []string) error {
		form, err := format(output, c.out, "table", "table", "json")
		if err != nil {
			return err
		}
		remotes, err := c.remotes()
		if err != nil {
			return err
		}
		q := url.Values{}
		if len(args) == 1 {
			q.Set("ref", args[0])
		} else {
			q.Set("principal", withType(args[0]))
			q.Set("operation", args[1])
			q.Set("resource", args[2])
		}
		for name, value := range map[string]string{"source": source, "client_id": clientID} {
			if value != "" {
				q.Set(name, value)
			}
		}
		return c.whyAll(cmd.Context(), remotes, q, form)
	})
	return cmd
}

// withType makes a principal of a user's bare name.
func withType(principal string) string {
	if strings.Contains(principal, ":") {
		return principal
	}
	return "User:" + principal
}

// whyAll asks every proxy. A record is one proxy's: that others do not have it is no error.
func (c *cli) whyAll(ctx context.Context, remotes []*remote, q url.Values, form string) error {
	var errs []error
	var denied, answered bool
	for _, r := range remotes {
		why, err := r.why(ctx, q)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answered = true
		if err := c.printWhy(form, why); err != nil {
			return err
		}
		denied = denied || saysNo(why)
	}
	switch {
	case len(errs) > 0 && !(answered && q.Has("ref")):
		return errors.Join(errs...)
	case denied:
		return no
	}
	return nil
}

func (r *remote) why(ctx context.Context, q url.Values) (*admin.Why, error) {
	resp, err := r.get(ctx, "/api/v1/why", q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	why := &admin.Why{}
	if err := json.NewDecoder(resp.Body).Decode(why); err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", r.name, err)
	}
	return why, nil
}

// saysNo: the record was denied, or without one, something is denied now.
func saysNo(w *admin.Why) bool {
	if r := recordOf(w); r != nil {
		return r.Decision == "deny" || r.Decision == "refuse"
	}
	for _, now := range w.Now {
		if now.Said.Decision != "allow" {
			return true
		}
	}
	return false
}

func recordOf(w *admin.Why) *access.Record {
	if w.Record == nil {
		return nil
	}
	r := &access.Record{}
	if access.DecodeJSON(w.Record, r) != nil {
		return nil
	}
	return r
}

func (c *cli) printWhy(form string, w *admin.Why) error {
	if form == "json" {
		return c.printJSON(w)
	}
	if r := recordOf(w); r != nil {
		if err := c.printThen(w, r); err != nil {
			return err
		}
	}
	for _, now := range w.Now {
		if err := c.printSaid(headline(w, &now), now.Said); err != nil {
			return err
		}
	}
	return c.printOwners(w)
}

// printThen shows what was decided when the record was made.
func (c *cli) printThen(w *admin.Why, r *access.Record) error {
	word := map[string]string{"allow": "was allowed", "deny": "was denied", "refuse": "was refused, to be tried again,"}[r.Decision]
	if word == "" {
		word = "was recorded:"
	}
	if r.Enforced != nil && !r.GetEnforced() {
		word = "was denied by a rule on trial, and went through:"
	}
	p, color := painter(c.out), 0
	if r.Decision == "deny" || r.Decision == "refuse" {
		color = red
	}
	what := strings.TrimSpace(strings.Join([]string{r.Operation, r.ResourceType, r.Resource}, " "))
	if _, err := fmt.Fprintln(c.out, p.in(color, cell(strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Principal, word, what))))); err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	policy := r.Policy
	if policy != "" && policy != w.Policy {
		policy += " (not the one in force)"
	}
	rows := [][2]string{
		{"at", r.Time.AsTime().UTC().Format("2006-01-02T15:04:05.000Z07:00")}, {"from", r.Source}, {"client", strings.TrimSpace(r.ClientId + " " + r.Software)},
		{"api", r.Api}, {"rule", r.Rule}, {"reason", r.Reason}, {"outcome", r.Outcome}, {"policy", policy}, {"session", r.Session},
	}
	if would := r.Would; would != nil {
		rows = append(rows, [2]string{"would", strings.TrimSpace(strings.Join([]string{would.Decision, would.Limit, would.Rule}, " "))})
	}
	if other := r.Candidate; other != nil {
		rows = append(rows, [2]string{"candidate", strings.TrimSpace(strings.Join([]string{other.Decision, other.Rule, other.Reason}, " "))})
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(t, "  %s\t%s\n", row[0], cell(row[1]))
		}
	}
	return t.Flush()
}

// headline is the answer in a sentence.
func headline(w *admin.Why, now *admin.WhyNow) string {
	text := fmt.Sprintf("%s %s %s %s %s", w.Principal, verb(now.Said), w.Operation, w.ResourceType, w.Resource)
	if w.Record != nil {
		text = "today: " + text
	}
	if now.Sessions > 0 {
		text += fmt.Sprintf(" (%d connected from %s as %q, %s)", now.Sessions, now.Source, now.ClientID, now.Software)
	} else if now.Source != "" && w.Record == nil {
		text += " (supposed from " + now.Source + ")"
	} else if w.Record == nil {
		text += " (not connected)"
	}
	switch {
	case now.Quarantined: // above every mode
	case w.Mode == "none":
		text += ": there is no policy"
	case w.Mode == "monitor" && now.Said.Decision != "allow":
		text += ": it passes all the same, since the policy is only watched (mode monitor)"
	}
	return text
}

// printOwners says whom to ask.
func (c *cli) printOwners(w *admin.Why) error {
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	entry := func(what string, e *admin.WhyEntry) {
		if e == nil {
			return
		}
		owner := e.Owner
		if owner == "" {
			owner = "nobody, says the catalog"
		}
		if e.Contact != "" {
			owner += " (" + e.Contact + ")"
		}
		fmt.Fprintf(t, "%s\t%s belongs to %s\n", what, cell(e.Name), cell(owner))
		if e.Access != "" {
			fmt.Fprintf(t, "\tfor access: %s\n", cell(e.Access))
		}
	}
	entry("topic", w.Topic)
	entry("principal", w.Owner)
	if w.Topic == nil && w.ResourceType == "TOPIC" && w.Resource != "" {
		hint := "no catalog says whose topic this is (catalog_file)"
		if w.Catalog != "" {
			hint = "the catalog (" + w.Catalog + ") does not have it"
		}
		fmt.Fprintf(t, "topic\t%s: %s\n", cell(w.Resource), cell(hint))
	}
	return t.Flush()
}
