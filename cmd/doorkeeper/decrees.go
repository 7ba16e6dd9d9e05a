package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"doorkeeper/admin"
	"doorkeeper/policy"
	"doorkeeper/quarantine"
)

// What quarantines and grants have in common: both are changed at every proxy at once, and listed from all.

// effectLine says in a line what was done.
func effectLine(e *admin.Effect) string {
	n := count(len(e.Sessions), "session")
	q := e.Quarantine
	switch {
	case e.Cuts && e.DryRun:
		return fmt.Sprintf("would cut %s (%s)", n, q)
	case e.Cuts:
		return fmt.Sprintf("cut %s; %s (%s)", n, q.Rule(), q)
	case e.DryRun:
		return fmt.Sprintf("would deny that to %s, and cut none (%s)", n, q)
	}
	return fmt.Sprintf("is denied to %s, which go on; %s (%s)", n, q.Rule(), q)
}

func warnings(e *admin.Effect) (all []string) {
	if e.DryRun && len(e.Protected) > 0 {
		all = append(all, "needs --force: policy.protected names "+strings.Join(e.Protected, ", "))
	}
	if e.Warning != "" {
		all = append(all, e.Warning)
	}
	return all
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (c *cli) decreeFlags(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "`FORM`: table or json (default: table on a terminal, else json)")
	complete(cmd, "output", "table", "json")
	c.adminFlags(cmd)
}

// onTerminal says whether there is somebody who can be asked.
func (c *cli) onTerminal() bool {
	f, ok := c.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// sure asks; any answer but yes ends the command.
func (c *cli) sure(question string) error {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(c.in, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(c.err, "nothing was changed")
	return no
}

// takeBack lifts or revokes.
func (c *cli) takeBack(ctx context.Context, path, output string, ids []string, why, done string) error {
	form, err := format(output, c.out, "json", "table", "json")
	if err != nil {
		return err
	}
	remotes, err := c.remotes()
	if err != nil {
		return err
	}
	var all []outcome
	for _, id := range ids {
		q := url.Values{"id": {id}}
		if why != "" {
			q.Set("reason", why)
		}
		all = append(all, everywhere(ctx, remotes, http.MethodDelete, path, q, nil)...)
	}
	if err := c.printDecrees(form, all, done); err != nil {
		return err
	}
	return c.report(all)
}

// A decreeAnswer is what the proxy says of one that was taken back, or of a grant that was given.
type decreeAnswer struct {
	Quarantine *quarantine.Quarantine `json:"quarantine,omitempty"`
	Grant      *policy.Grant          `json:"grant,omitempty"`
	Warning    string                 `json:"warning,omitempty"`
}

func (d *decreeAnswer) String() string {
	switch {
	case d.Quarantine != nil:
		return d.Quarantine.Rule() + " (" + d.Quarantine.String() + ")"
	case d.Grant != nil:
		return d.Grant.Rule() + " (" + d.Grant.String() + "), until " + when(d.Grant.Until, false)
	}
	return ""
}

func (c *cli) printDecrees(form string, all []outcome, done string) error {
	type report struct {
		outcome
		decreeAnswer
	}
	reports := make([]report, len(all))
	for i, o := range all {
		reports[i].outcome = o
		if o.Result != applied {
			continue
		}
		if err := json.Unmarshal(o.answer, &reports[i].decreeAnswer); err != nil {
			return fmt.Errorf("%s: reading the answer: %w", o.Proxy, err)
		}
	}
	if form == "json" {
		return c.printJSON(reports)
	}
	for _, r := range reports {
		if r.Result == applied {
			fmt.Fprintf(c.out, "%s: %s: %s\n", cell(r.Proxy), done, cell(r.decreeAnswer.String()))
			if r.Warning != "" {
				fmt.Fprintf(c.out, "  %s\n", cell(r.Warning))
			}
		}
	}
	return nil
}

// list asks every proxy for what is in force there; one that does not answer does not keep back what others say.
func (c *cli) list(ctx context.Context, path string, take func(*remote, []byte) error) error {
	remotes, err := c.remotes()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range remotes {
		var text json.RawMessage
		err := r.ask(ctx, http.MethodGet, path, nil, nil, &text)
		if err == nil {
			err = take(r, text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// printList prints what came, and returns why not all of it did.
func (c *cli) printList(output string, all any, n int, rows [][]string, failed error) error {
	if failed != nil && n == 0 {
		return failed
	}
	form, err := format(output, c.out, "json", "table", "json")
	if err != nil {
		return err
	}
	if form == "json" {
		err = c.printJSON(all)
	} else {
		c.printRows("", rows)
	}
	return errors.Join(err, failed)
}

func (c *cli) printRows(title string, rows [][]string) {
	if title != "" {
		fmt.Fprintln(c.out, title)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		printRow(w, row)
	}
	_ = w.Flush() // nobody reads it any more
}

// when is a time for a person, "" for none.
func when(t time.Time, local bool) string {
	if t.IsZero() {
		return ""
	}
	return clock(t, local).Format(time.RFC3339)
}
