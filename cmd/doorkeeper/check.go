package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"doorkeeper/app"
	"doorkeeper/config"
)

func (c *cli) checkCommand() *cobra.Command {
	var schema, online, coverage bool
	var commandConfig, output string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration",
		Long: `Check a configuration: every mistake with its line. With --online, also dial each bootstrap broker as
configured and ask it for its API versions and its cluster.

With --coverage, ask the brokers for every listener that they advertise, and try each from this host: what passes there, past
doorkeeper, stands in no record. Run it where clients are. The result is handed to the proxy, whose checkpoints then have it.

Exits with 1 if something is wrong, or a listener can be reached without doorkeeper.`,
		Example: "  doorkeeper check -c doorkeeper.yaml\n  doorkeeper check --online --command-config client.properties\n  doorkeeper check --coverage --admin https://dk-1:9180 --token-file token\n  doorkeeper check --schema > doorkeeper.schema.json",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the configuration's JSON Schema instead")
	cmd.Flags().BoolVar(&online, "online", false, "also dial the brokers")
	cmd.Flags().BoolVar(&coverage, "coverage", false, "also look for listeners that can be reached without doorkeeper")
	cmd.Flags().StringVar(&commandConfig, "command-config", "", "Kafka client properties, a `FILE` with the SASL login for --online and --coverage")
	must(cmd.MarkFlagFilename("command-config", "properties"))
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FORM` of --coverage: table or json (default: table on a terminal, else json)")
	complete(cmd, "output", "table", "json")
	c.adminFlags(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		if schema {
			return c.printSchema()
		}
		if commandConfig != "" && !online && !coverage {
			return usageError(errors.New("--command-config is for --online and --coverage"))
		}
		form, err := format(output, c.out, "json", "table", "json")
		if err != nil {
			return err
		}
		cfg, err := c.checkFile()
		if err == nil && online {
			err = c.checkOnline(cmd.Context(), cfg, commandConfig)
		}
		if err != nil || !coverage {
			return err
		}
		return c.checkCoverage(cmd.Context(), cfg, commandConfig, form)
	})
	return cmd
}

func (c *cli) printSchema() error {
	schema, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s\n", schema)
	return err
}

// checkFile prints what is wrong with the file. The answer no is an error of exit code 1.
func (c *cli) checkFile() (*config.Config, error) {
	cfg, err := config.Load(c.file())
	if err == nil {
		err = app.Check(cfg)
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(c.err, safe(problems.Detail()))
		fmt.Fprintf(c.err, "%s is not valid\n", c.file())
		return nil, no
	}
	if err != nil {
		return nil, err
	}
	if w := cfg.Warnings(); len(w) > 0 {
		fmt.Fprintln(c.err, safe(w.Detail()))
	}
	_, err = fmt.Fprintf(c.out, "%s is valid (%s)\n", cfg.File(), cfg.Digest())
	return cfg, err
}
