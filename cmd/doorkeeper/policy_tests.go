package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/policy/tool"
)

func (c *cli) policyTest() *cobra.Command {
	var o tool.TestOptions
	var output string
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run a policy's tests",
		Long: `Run a policy's tests as "opa test" does: every rule whose name begins with test_ must be true. They run on
the policy's own data, in the language that doorkeeper takes, and a builtin that is given nonsense is an error.

With --coverage, also say which lines no test comes to. Exits with 1 if a test fails, or if there is none.`,
		Example: "  doorkeeper policy test policy/\n  doorkeeper policy test --coverage --threshold 90\n  doorkeeper policy test policy/ -v --run office",
	}
	source := c.policyFlags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "name every test, and trace those that fail")
	f.StringVarP(&o.Run, "run", "r", "", "only tests whose path matches this regular `EXPRESSION`")
	f.BoolVar(&o.Coverage, "coverage", false, "say which lines no test comes to")
	f.Float64Var(&o.Threshold, "threshold", 0, "fail if less than this per `CENT` is covered")
	f.DurationVarP(&o.Timeout, "timeout", "t", 5*time.Second, "how long each test may take")
	f.StringVarP(&output, "output", "o", "table", "`FORM`: table or json")
	complete(cmd, "output", "table", "json")
	cmd.RunE = ran(func(cmd *cobra.Command, args []string) error {
		form, err := format(output, c.out, "table", "table", "json")
		if err != nil {
			return err
		}
		rules, err := source.rules(args)
		if err != nil {
			return err
		}
		o.JSON = form == "json"
		passed, err := tool.Test(cmd.Context(), rules, o, &safeWriter{c.out})
		if errors.Is(err, tool.ErrNoTests) {
			return &coded{exitNo, fmt.Errorf("%s: %w", rules.Origin, err)}
		}
		if err == nil && !passed {
			return no
		}
		return err
	})
	return cmd
}
