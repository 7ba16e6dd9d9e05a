package main

import (
	"encoding/json"
	"net/http"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"doorkeeper/admin"
	"doorkeeper/policy"
)

const grantsPath = "/api/v1/grants"

func (c *cli) grantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "Give somebody a right for a while (break-glass)",
		Long: `Give somebody a right for a while that the policy would not give: break-glass. Policies see the running grants in
data.grants, and those that honour them (policy/library has one) record each access under a grant by itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.grantAdd(), c.grantRevoke(), c.grantList())
	return cmd
}

func (c *cli) grantAdd() *cobra.Command {
	var body admin.GrantRequest
	var howLong, kind once
	var output string
	cmd := &cobra.Command{
		Use:     "add PRINCIPAL OPERATION RESOURCE --for TIME --reason REASON",
		Short:   "Give a right for a while",
		Example: "  doorkeeper grant add User:alice READ payroll --for 1h --reason 'incident 4711'\n  doorkeeper grant add User:alice READ payroll-repair --type GROUP --for 1h --reason 'incident 4711'",
		Args:    cobra.ExactArgs(3),
	}
	f := cmd.Flags()
	f.Var(&kind, "type", "resource `TYPE`: TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN or USER (default TOPIC)")
	f.Var(&howLong, "for", "end after this `TIME`, as in 1h; policy.max_grant bounds it")
	f.StringVar(&body.Reason, "reason", "", "`WHY`, for records and people")
	must(cmd.MarkFlagRequired("for"))
	must(cmd.MarkFlagRequired("reason"))
	complete(cmd, "type", "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER")
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
		body.ID = ulid.Make().String() // the same at every proxy
		body.Principal, body.Operation, body.Resource = args[0], args[1], args[2]
		body.ResourceType, body.For = string(kind), string(howLong)
		all := everywhere(cmd.Context(), remotes, http.MethodPost, grantsPath, nil, body)
		if err := c.printDecrees(form, all, "granted"); err != nil {
			return err
		}
		return c.report(all)
	})
	return cmd
}

func (c *cli) grantRevoke() *cobra.Command {
	var output, why string
	cmd := &cobra.Command{
		Use:     "revoke ID [ID...]",
		Short:   "Take a right back before its time",
		Example: "  doorkeeper grant list\n  doorkeeper grant revoke 01JD3Y8K9Q6W2E5R7T0V4X8Z1A",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&why, "reason", "", "`WHY`, for records and people")
	c.decreeFlags(cmd, &output)
	cmd.RunE = ran(func(cmd *cobra.Command, ids []string) error {
		return c.takeBack(cmd.Context(), grantsPath, output, ids, why, "revoked")
	})
	return cmd
}

// A listedGrant is one at one proxy.
type listedGrant struct {
	Proxy string `json:"proxy"`
	policy.Grant
}

func (c *cli) grantList() *cobra.Command {
	var output string
	var local bool
	cmd := &cobra.Command{Use: "list", Short: "List the grants that hold", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&local, "local", false, "times in the local zone, not in UTC")
	c.decreeFlags(cmd, &output)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		all := []listedGrant{}
		rows := [][]string{{"ID", "PROXY", "WHAT", "REASON", "BY", "SINCE", "UNTIL"}}
		err := c.list(cmd.Context(), grantsPath, func(r *remote, text []byte) error {
			var answer struct{ Grants []policy.Grant }
			if err := json.Unmarshal(text, &answer); err != nil {
				return err
			}
			for _, g := range answer.Grants {
				all = append(all, listedGrant{r.name, g})
				rows = append(rows, []string{g.ID, r.name, g.String(), g.Reason, g.Actor, when(g.From, local), when(g.Until, local)})
			}
			return nil
		})
		return c.printList(output, all, len(all), rows, err)
	})
	return cmd
}
