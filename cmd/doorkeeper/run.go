package main

import (
	"github.com/spf13/cobra"

	"doorkeeper/app"
)

func (c *cli) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the proxy",
		Long: `Run the proxy until SIGTERM or SIGINT: it then stops accepting, lets connections finish what is in
flight (timeouts.drain at most), and exits with 0. A second signal cuts them. SIGHUP reloads the configuration.`,
		Example: "  doorkeeper run -c /etc/doorkeeper/doorkeeper.yaml",
		Args:    cobra.NoArgs,
		RunE: ran(func(*cobra.Command, []string) error {
			return app.Run(c.file(), app.Options{Version: app.Version, Log: c.err}, nil)
		}),
	}
	c.configFlag(cmd)
	return cmd
}
