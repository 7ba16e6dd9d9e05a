package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"doorkeeper/admin"
	"doorkeeper/config"
)

const coveragePath = "/api/v1/coverage"

// checkCoverage looks, prints what it found, and hands it to the proxies, whose checkpoints then have it. The answer no, if
// a listener is open, is an error of exit code 1.
func (c *cli) checkCoverage(ctx context.Context, cfg *config.Config, commandConfig, form string) error {
	remotes, err := c.remotes()
	if err != nil {
		return err
	}
	s := surveyor{config: cfg}
	if s.login, err = readLogin(commandConfig); err != nil {
		return err
	}
	named := len(c.admins) > 0
	s.here = runsHere(ctx, remotes)
	found, err := s.survey(ctx)
	if err != nil {
		return err
	}
	if err := c.printCoverage(form, found); err != nil {
		return err
	}
	if !named && !s.here {
		fmt.Fprintf(c.err, "no doorkeeper runs here (%s): this stands in no checkpoint. Hand it to a proxy with --admin URL --token-file FILE.\n", safe(remotes[0].name))
	} else if err := c.report(everywhere(ctx, remotes, http.MethodPost, coveragePath, nil, found)); err != nil {
		return err
	}
	if strings.HasPrefix(found.Result, admin.CoverageOpen) {
		return no
	}
	return nil
}

// runsHere says whether one of the proxies is on this host: it answers on a socket.
func runsHere(ctx context.Context, remotes []*remote) bool {
	for _, r := range remotes {
		var last admin.Coverage
		if info, err := os.Stat(r.name); err != nil || info.Mode()&os.ModeSocket == 0 {
			continue
		}
		if r.ask(ctx, http.MethodGet, coveragePath, nil, nil, &last) == nil {
			return true
		}
	}
	return false
}

func (c *cli) printCoverage(form string, found *admin.Coverage) error {
	if form == "json" {
		return c.printJSON(found)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	printRow(w, []string{"CLUSTER", "NODE", "LISTENER", "PROTOCOL", "ADDRESS", "VERDICT", "WHY"})
	for i := range found.Listeners {
		l := &found.Listeners[i]
		row := []string{l.Cluster, strconv.Itoa(int(l.Node)), l.Name, l.Protocol, l.Address, l.Verdict, l.Why}
		for i := range row {
			row[i] = cell(row[i])
		}
		printRow(w, row)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.out, safe(found.Result))
	return err
}
