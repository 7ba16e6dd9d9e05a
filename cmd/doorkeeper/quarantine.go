package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"doorkeeper/admin"
	"doorkeeper/quarantine"
)

const quarantinePath = "/api/v1/quarantine"

func (c *cli) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "Cut clients off, at once, whatever the policy says",
		Long: `Cut clients off, at once, whatever the policy says: the kill switch. A quarantine ends the sessions that it is about and
refuses their logins until it is lifted or ends. It is kept over restarts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.quarantineAdd(), c.quarantineLift(), c.quarantineList())
	return cmd
}

// A once is a flag that may be given once: of two values one would be dropped, and its sessions would go on.
type once string

func (o *once) String() string { return string(*o) }
func (o *once) Type() string   { return "string" }
func (o *once) Set(value string) error {
	switch {
	case *o != "":
		return errors.New("it is given twice: add two quarantines")
	case value == "":
		return errors.New("it is empty")
	}
	*o = once(value)
	return nil
}

func (c *cli) quarantineAdd() *cobra.Command {
	var body admin.QuarantineRequest
	var clientID, certificate, ja4, session, howLong once
	var output string
	var yes bool
	cmd := &cobra.Command{
		Use:   "add [PRINCIPAL] --reason REASON",
		Short: "Cut sessions, and refuse their logins from now on",
		Long: `Cut the sessions that fit all the conditions, and refuse their logins from now on. At least one condition is given:
PRINCIPAL, as in User:erp, --source, --client-id, --certificate, --ja4 or --session. When the command returns, no byte is
sent to the sessions any more.

With --operation or --topic sessions go on, and only that is denied to them.`,
		Example: `  doorkeeper quarantine add User:erp --except-source 10.1.0.0/16 --reason 'stolen credential' --dry-run
  doorkeeper quarantine add --source 203.0.113.7 --reason scan --for 2h
  doorkeeper quarantine add User:erp --operation READ --topic payroll --reason 'until the audit is over'`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringArrayVar(&body.Sources, "source", nil, "client `ADDRESS` or prefix (10.0.0.0/8); of several, one must fit")
	f.StringArrayVar(&body.ExceptSources, "except-source", nil, "but not from this `ADDRESS` or prefix; may be repeated")
	f.Var(&clientID, "client-id", "the client.`ID` that requests carry")
	f.Var(&certificate, "certificate", "SHA-256 `FINGERPRINT` of the client's certificate")
	f.Var(&ja4, "ja4", "TLS fingerprint (`JA4`)")
	f.Var(&session, "session", "`ID` of one session")
	f.StringArrayVar(&body.Operations, "operation", nil, "deny this `OPERATION` alone, as in READ; may be repeated")
	f.StringArrayVar(&body.Topics, "topic", nil, "deny what concerns this `TOPIC` alone; may be repeated")
	f.StringVar(&body.Reason, "reason", "", "`WHY`, for records and people")
	f.Var(&howLong, "for", "end by itself after this `TIME`, as in 2h (default: when it is lifted)")
	f.BoolVar(&body.DryRun, "dry-run", false, "only show what it would cut")
	f.BoolVar(&body.Force, "force", false, "also cut principals that policy.protected names")
	f.BoolVar(&yes, "yes", false, "do not ask")
	must(cmd.MarkFlagRequired("reason"))
	complete(cmd, "operation", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE")
	c.decreeFlags(cmd, &output)
	cmd.RunE = ran(func(cmd *cobra.Command, args []string) error {
		form, err := format(output, c.out, "json", "table", "json")
		if err != nil {
			return err
		}
		remotes, err := c.remotes()
		if err != nil {
			return err
		}
		if len(args) == 1 {
			body.Principal = args[0]
		}
		body.ID = ulid.Make().String() // the same at every proxy
		body.ClientID, body.Certificate, body.JA4, body.Session, body.For = string(clientID), string(certificate), string(ja4), string(session), string(howLong)
		if !yes && !body.DryRun && c.onTerminal() {
			if err := c.confirm(cmd.Context(), remotes, body); err != nil {
				return err
			}
		}
		all := everywhere(cmd.Context(), remotes, http.MethodPost, quarantinePath, nil, body)
		if err := c.printEffects(form, all); err != nil {
			return err
		}
		return c.report(all)
	})
	return cmd
}

// confirm shows what would be cut and asks once.
func (c *cli) confirm(ctx context.Context, remotes []*remote, body admin.QuarantineRequest) error {
	body.DryRun = true
	all := everywhere(ctx, remotes, http.MethodPost, quarantinePath, nil, body)
	if err := (&cli{out: c.err}).printEffects("table", all); err != nil {
		return err
	}
	if err := c.report(all); err != nil && !someApplied(all) {
		return err
	}
	return c.sure("Go on?")
}

func someApplied(all []outcome) bool {
	for _, o := range all {
		if o.Result == applied {
			return true
		}
	}
	return false
}

func (c *cli) quarantineLift() *cobra.Command {
	var output, why string
	cmd := &cobra.Command{
		Use:     "lift ID [ID...]",
		Short:   "Let those in again whom a quarantine keeps out",
		Example: "  doorkeeper quarantine list\n  doorkeeper quarantine lift 01JD3Y8K9Q6W2E5R7T0V4X8Z1A --reason 'password changed'",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&why, "reason", "", "`WHY`, for records and people")
	c.decreeFlags(cmd, &output)
	cmd.RunE = ran(func(cmd *cobra.Command, ids []string) error {
		return c.takeBack(cmd.Context(), quarantinePath, output, ids, why, "lifted")
	})
	return cmd
}

// A listedQuarantine is one at one proxy.
type listedQuarantine struct {
	Proxy string `json:"proxy"`
	quarantine.Quarantine
}

func (c *cli) quarantineList() *cobra.Command {
	var output string
	var local bool
	cmd := &cobra.Command{Use: "list", Short: "List the quarantines in force", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&local, "local", false, "times in the local zone, not in UTC")
	c.decreeFlags(cmd, &output)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		all := []listedQuarantine{}
		rows := [][]string{{"ID", "PROXY", "WHAT", "REASON", "BY", "SINCE", "UNTIL"}}
		err := c.list(cmd.Context(), quarantinePath, func(r *remote, text []byte) error {
			var answer struct{ Quarantines []quarantine.Quarantine }
			if err := json.Unmarshal(text, &answer); err != nil {
				return err
			}
			for _, q := range answer.Quarantines {
				all = append(all, listedQuarantine{r.name, q})
				rows = append(rows, []string{q.ID, r.name, q.String(), q.Reason, q.Actor, when(q.From, local), when(q.Until, local)})
			}
			return nil
		})
		return c.printList(output, all, len(all), rows, err)
	})
	return cmd
}

// printEffects prints what a quarantine did, or would do, at the proxies that answered.
func (c *cli) printEffects(form string, all []outcome) error {
	type report struct {
		outcome
		Effect *admin.Effect `json:"effect,omitempty"`
	}
	reports := make([]report, len(all))
	for i, o := range all {
		reports[i].outcome = o
		if o.Result != applied {
			continue
		}
		reports[i].Effect = &admin.Effect{}
		if err := json.Unmarshal(o.answer, reports[i].Effect); err != nil {
			return fmt.Errorf("%s: reading the answer: %w", o.Proxy, err)
		}
	}
	if form == "json" {
		return c.printJSON(reports)
	}
	for _, r := range reports {
		if r.Effect != nil {
			c.printEffect(r.Proxy, r.Effect)
		}
	}
	return nil
}

// mostRows is how many sessions a person is shown; JSON has all.
const mostRows = 40

func (c *cli) printEffect(proxy string, e *admin.Effect) {
	fmt.Fprintf(c.out, "%s: %s\n", cell(proxy), cell(effectLine(e)))
	for _, warning := range warnings(e) {
		fmt.Fprintf(c.out, "  %s\n", cell(warning))
	}
	if len(e.Sessions) > 0 {
		rows := [][]string{{"PRINCIPAL", "CLIENT_ID", "SOFTWARE", "SESSIONS", "SOURCES"}}
		for _, a := range e.Applications {
			rows = append(rows, []string{a.Principal, a.ClientID, a.Software, fmt.Sprint(a.Sessions), strings.Join(a.Sources, " ")})
		}
		c.printRows("\nApplications:", rows)
		rows = [][]string{{"SESSION", "OPENED", "SOURCE", "PRINCIPAL", "CLIENT_ID", "LAST_API", "OUT"}}
		for _, s := range e.Sessions[:min(len(e.Sessions), mostRows)] {
			rows = append(rows, []string{s.ID, when(s.Opened, false), s.Source, s.Principal, s.ClientID, s.LastAPI, size(s.BytesOut)})
		}
		c.printRows("\nSessions:", rows)
		if more := len(e.Sessions) - mostRows; more > 0 {
			fmt.Fprintf(c.out, "and %d more (-o json lists all)\n", more)
		}
	}
	if len(e.Transactions) > 0 {
		rows := [][]string{{"TRANSACTIONAL_ID", "CLUSTER", "PRINCIPAL", "SINCE", "ENDS_BY"}}
		for _, t := range e.Transactions {
			rows = append(rows, []string{t.ID, t.Cluster, t.Principal, when(t.Since, false), when(t.Until, false)})
		}
		c.printRows("\nOpen transactions, until whose end readers of committed data wait:", rows)
	}
}
