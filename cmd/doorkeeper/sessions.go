package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/admin"
)

func (c *cli) sessionsCommand() *cobra.Command {
	var output string
	var local bool
	cmd := &cobra.Command{
		Use:     "sessions",
		Short:   "List the client connections of a running proxy",
		Example: "  doorkeeper sessions --principal 'User:erp*'\n  doorkeeper sessions --source 10.1.0.0/16 -o csv",
		Args:    cobra.NoArgs,
	}
	filter := filterFlags(cmd, admin.SessionWords)
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FORM`: table, json or csv (default: table on a terminal, else json)")
	complete(cmd, "output", "table", "json", "csv")
	cmd.Flags().BoolVar(&local, "local", false, "times in the local zone, not in UTC")
	c.adminFlags(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		form, err := format(output, c.out, "json", "table", "json", "csv")
		if err != nil {
			return err
		}
		remotes, err := c.remotes()
		if err != nil {
			return err
		}
		all, err := c.collect(cmd.Context(), remotes, filter())
		if err != nil && len(all) == 0 {
			return err
		}
		if printErr := c.printSessions(form, all, local); printErr != nil {
			return printErr
		}
		return err
	})
	return cmd
}

// collect asks every proxy; one that does not answer does not keep back what others say.
func (c *cli) collect(ctx context.Context, remotes []*remote, q url.Values) ([]admin.Session, error) {
	all := []admin.Session{}
	var errs []error
	for _, r := range remotes {
		sessions, err := r.sessions(ctx, q)
		all, errs = append(all, sessions...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (r *remote) sessions(ctx context.Context, q url.Values) ([]admin.Session, error) {
	resp, err := r.get(ctx, "/api/v1/sessions", q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct{ Sessions []admin.Session }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", r.name, err)
	}
	return answer.Sessions, nil
}

func (c *cli) printSessions(form string, all []admin.Session, local bool) error {
	switch form {
	case "json":
		return c.printJSON(all)
	case "csv":
		w := csv.NewWriter(c.out)
		rows := [][]string{sessionColumns}
		for i := range all {
			rows = append(rows, sessionRow(&all[i], local, strconv.FormatInt))
		}
		return w.WriteAll(rows)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	printRow(w, sessionColumns)
	for i := range all {
		printRow(w, sessionRow(&all[i], local, func(n int64, _ int) string { return size(n) }))
	}
	return w.Flush()
}

var sessionColumns = []string{"SESSION", "OPENED", "PROXY", "CLUSTER", "LISTENER", "BROKER", "SOURCE", "PRINCIPAL", "AUTH", "CLIENT_ID", "SOFTWARE", "IN", "OUT", "LAST_API", "IN_FLIGHT"}

func sessionRow(s *admin.Session, local bool, amount func(int64, int) string) []string {
	broker := ""
	if s.Broker != nil {
		broker = strconv.Itoa(int(*s.Broker))
	}
	row := []string{
		s.ID, clock(s.Opened, local).Format(time.RFC3339), s.Proxy, s.Cluster, s.Listener, broker, s.Source, s.Principal, s.Auth,
		s.ClientID, s.Software, amount(s.BytesIn, 10), amount(s.BytesOut, 10), s.LastAPI, strconv.Itoa(s.InFlight),
	}
	for i := range row {
		row[i] = cell(row[i])
	}
	return row
}

func printRow(w *tabwriter.Writer, row []string) {
	for i, text := range row {
		if text == "" {
			text = "-"
		}
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, text)
	}
	fmt.Fprintln(w)
}

func clock(t time.Time, local bool) time.Time {
	if local {
		return t.Local()
	}
	return t.UTC()
}

// size is a number of bytes for a person: "1.5MiB".
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, i := float64(n), 0
	for value >= 1024 && i < len(units)-1 {
		value, i = value/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + units[i]
}
