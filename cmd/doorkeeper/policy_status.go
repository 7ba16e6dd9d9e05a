package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/admin"
)

func (c *cli) policyStatus() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say which policy a running proxy decides by",
		Long: `Ask running proxies which policy is in force, since when, and what became of the last attempt to change it.

Exits with 1 if a change was refused, or the catalog or the bundle cannot be had: what was good before is then still in
force.`,
		Example: "  doorkeeper policy status\n  doorkeeper policy status --admin https://dk-1:9180 --admin https://dk-2:9180 --token-file token",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "`FORM`: table or json")
	complete(cmd, "output", "table", "json")
	c.adminFlags(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		form, err := format(output, c.out, "table", "table", "json")
		if err != nil {
			return err
		}
		remotes, err := c.remotes()
		if err != nil {
			return err
		}
		var errs []error
		bad := false
		for _, r := range remotes {
			s, err := r.policy(cmd.Context())
			if err != nil {
				errs = append(errs, err)
				continue
			}
			bad = bad || s.Refused != "" || s.Catalog != nil && s.Catalog.Stale != "" || s.Bundle != nil && (s.Bundle.Problem != "" || s.Bundle.Outdated)
			if err := c.printStatus(form, r.name, s); err != nil {
				return err
			}
		}
		if len(errs) == 0 && bad {
			return no
		}
		return errors.Join(errs...)
	})
	return cmd
}

func (r *remote) policy(ctx context.Context) (*admin.PolicyStatus, error) {
	resp, err := r.get(ctx, "/api/v1/policy", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	s := &admin.PolicyStatus{}
	if err := json.NewDecoder(resp.Body).Decode(s); err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", r.name, err)
	}
	return s, nil
}

func (c *cli) printStatus(form, name string, s *admin.PolicyStatus) error {
	if form == "json" {
		return c.printJSON(s)
	}
	mode := s.Mode
	if mode == "none" {
		mode = "none: everything is allowed"
	}
	rows := [][2]string{
		{"proxy", name}, {"mode", mode}, {"revision", s.Revision}, {"from", s.Origin}, {"asked", s.Decision},
		{"since", s.Loaded.Format(time.RFC3339)}, {"candidate", s.Candidate}, {"refused", s.Refused},
	}
	if b := s.Bundle; b != nil {
		old := ""
		if b.Outdated {
			old = "it is older than policy.bundle.max_age"
		}
		rows = append(rows, [2]string{"bundle", b.Name + " of " + b.URL}, [2]string{"problem", b.Problem}, [2]string{"outdated", old})
	}
	if k := s.Catalog; k != nil {
		rows = append(rows, [2]string{"catalog", fmt.Sprintf("%s: %d topics, %d principals", k.File, k.Topics, k.Principals)}, [2]string{"stale", k.Stale})
	}
	rows = append(rows,
		[2]string{"evaluated", strconv.FormatUint(s.Counts.Evaluations, 10) + ", from caches " + strconv.FormatUint(s.Counts.CacheHits, 10)},
		[2]string{"failed", strconv.FormatUint(s.Counts.Errors, 10)},
		[2]string{"last failure", failure(s.Failure)}, [2]string{"candidate's", failure(s.Trial)})
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], cell(row[1]))
		}
	}
	return w.Flush()
}

func failure(f *admin.Failure) string {
	if f == nil {
		return ""
	}
	return f.At.Format(time.RFC3339) + ": " + f.Reason
}
