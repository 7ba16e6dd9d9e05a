package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"doorkeeper/app"
)

// A cli is what all subcommands share.
type cli struct {
	in       io.Reader
	out, err io.Writer

	configFile string
	admins     []string
	tokenFile  string
}

// run is main without the process: the exit code is its result.
func run(args []string, in io.Reader, out, err io.Writer) int {
	c := &cli{in: in, out: out, err: err}
	if code, asked := c.fakeCluster(); asked {
		return code
	}
	root := c.root()
	root.SetArgs(args)
	return c.exit(root.ExecuteC())
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "doorkeeper",
		Short: "A Kafka-protocol proxy that answers who read which records, and stops it",
		Long: `doorkeeper stands in front of a Kafka cluster, needs no change in clients or brokers, and answers
who read which records, from where.`,
		Version:       app.Version,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.AddCommand(
		c.runCommand(), c.demoCommand(), c.checkCommand(), c.tailCommand(), c.sessionsCommand(), c.whyCommand(), c.quarantineCommand(),
		c.grantCommand(), c.policyCommand(), c.versionCommand(), c.docsCommand(),
	)
	root.InitDefaultCompletionCmd()
	return root
}

// configFlag adds -c. The file is the flag's, else the environment's, else doorkeeper.yaml here.
func (c *cli) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.configFile, "config", "c", "", "configuration `FILE` (default $DOORKEEPER_CONFIG, then doorkeeper.yaml)")
	must(cmd.MarkFlagFilename("config", "yaml", "yml"))
}

func (c *cli) file() string {
	if c.configFile != "" {
		return c.configFile
	}
	if file := os.Getenv("DOORKEEPER_CONFIG"); file != "" {
		return file
	}
	return "doorkeeper.yaml"
}

// adminFlags adds what commands need that talk to a running proxy.
func (c *cli) adminFlags(cmd *cobra.Command) {
	c.configFlag(cmd)
	cmd.Flags().StringArrayVar(&c.admins, "admin", nil, "admin `SOCKET|URL` of a proxy; may be repeated (default: the socket that the configuration names)")
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "`FILE` with the token for the admin API")
	must(cmd.MarkFlagFilename("token-file"))
}

// must is for what only a mistake in this program can fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
