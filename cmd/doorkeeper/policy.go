package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"doorkeeper/app"
	"doorkeeper/config"
	"doorkeeper/policy"
)

func (c *cli) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write, test, check and ask policies",
		Long: `Write, test, check and ask policies. docs/policy.md teaches them in ten minutes; begin with

  doorkeeper policy init policy
  doorkeeper policy test policy`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.policyInit(), c.policyTest(), c.policyCheck(), c.policyEval(), c.policyStatus(), c.policyFormat(), c.policyFromACLs())
	return cmd
}

// A policySource is where a command finds the policy that it is about: in the paths that are given, else in those of the
// configuration.
type policySource struct {
	cli                      *cli
	decision, input, catalog string
}

func (c *cli) policyFlags(cmd *cobra.Command) *policySource {
	s := &policySource{cli: c}
	f := cmd.Flags()
	f.StringVar(&s.decision, "decision", "", "the `RULE` that is asked, as policy.decision")
	f.StringVar(&s.input, "input", config.InputDoorkeeper, "what rules see, as policy.input: `FORM` doorkeeper or opa-kafka")
	f.StringVar(&s.catalog, "catalog", "", "catalog `FILE`, as catalog_file")
	complete(cmd, "input", config.InputDoorkeeper, config.InputOPAKafka)
	must(cmd.MarkFlagFilename("catalog", "yaml", "yml"))
	c.configFlag(cmd)
	return s
}

var errNoPolicy = errors.New("which policy? Give its files and directories, or a configuration (-c FILE) that has policy.paths")

// rules loads the policy. With paths, the configuration is not looked at.
func (s *policySource) rules(paths []string) (*policy.Rules, error) {
	if len(paths) == 0 {
		return s.configured()
	}
	rules, err := policy.ReadPaths(paths)
	if err != nil {
		return nil, err
	}
	rules.Decision = s.decision
	switch s.input {
	case config.InputDoorkeeper:
	case config.InputOPAKafka:
		rules.Input = policy.OPAKafka
	default:
		return nil, usageError(fmt.Errorf("--input %s: must be %s or %s", s.input, config.InputDoorkeeper, config.InputOPAKafka))
	}
	if s.catalog != "" {
		catalog, err := config.LoadCatalog(s.catalog)
		if err != nil {
			return nil, err
		}
		rules.Data = map[string]any{"catalog": catalog.Data()}
	}
	return &rules, nil
}

// configured is the policy of the configuration.
func (s *policySource) configured() (*policy.Rules, error) {
	cfg, err := config.Load(s.cli.file())
	if err != nil {
		if s.cli.configFile == "" {
			return nil, fmt.Errorf("%w; %w", errNoPolicy, err)
		}
		return nil, err
	}
	if !cfg.Policy.Configured() {
		return nil, usageError(errNoPolicy)
	}
	options, err := app.PolicyOptions(cfg)
	return &options.Rules, err
}
