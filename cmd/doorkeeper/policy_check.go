package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"doorkeeper/policy"
	"doorkeeper/policy/tool"
)

func (c *cli) policyCheck() *cobra.Command {
	var schema bool
	var output string
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Check that a policy loads",
		Long: `Load a policy as a running proxy would: syntax, types, names of input fields, data, and the rule that is
asked. What loads and probably does otherwise than it reads is a warning.

Exits with 1 if it does not load.`,
		Example: "  doorkeeper policy check policy/\n  doorkeeper policy check --input opa-kafka kafka-authz.rego\n  doorkeeper policy check --schema > input.schema.json",
	}
	source := c.policyFlags(cmd)
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the input instead")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "`FORM`: table or json")
	complete(cmd, "output", "table", "json")
	cmd.RunE = ran(func(_ *cobra.Command, args []string) error {
		if schema {
			_, err := c.out.Write(policy.InputSchema())
			return err
		}
		form, err := format(output, c.out, "table", "table", "json")
		if err != nil {
			return err
		}
		rules, err := source.rules(args)
		if err != nil {
			return err
		}
		report, err := tool.Check(rules)
		if err != nil {
			return &coded{exitNo, err}
		}
		return c.printReport(form, rules, report)
	})
	return cmd
}

func (c *cli) printReport(form string, rules *policy.Rules, r *tool.Report) error {
	if form == "json" {
		return c.printJSON(r)
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(c.err, safe("warning: "+w))
	}
	_, err := fmt.Fprintf(c.out, "%s: %d rules and %d tests in %d files; %s is asked (%s)\n", safe(rules.Origin), r.Rules, r.Tests, r.Files, r.Decision, r.Revision)
	return err
}
