package main

import (
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"doorkeeper/app"
	"doorkeeper/demo"
	"doorkeeper/internal/fakecluster"
)

func (c *cli) demoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See what doorkeeper does, in ten seconds, with nothing installed",
		Long: `Play a story on this machine: a fake Kafka cluster in a child process, doorkeeper before it, four
applications, a stolen credential that copies two topics out, and a policy that stops it while the applications
work on. What is printed comes from the access records. It ends by itself; with --keep it stays until Ctrl-C, so that you can be a client yourself.`,
		Example: "  doorkeeper demo\n  doorkeeper demo --keep",
		Args:    cobra.NoArgs,
		RunE: ran(func(cmd *cobra.Command, _ []string) error {
			// A closed terminal or pipe (demo | head) ends it as Ctrl-C does, or its child and folder would stay behind. The
			// signal of a broken pipe says nothing of that: every client that leaves early raises it in the proxy.
			signal.Ignore(syscall.SIGPIPE)
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			return demo.Run(ctx, demo.Options{
				Out: &watched{c.out, stop}, Log: c.err, Colour: bool(painter(c.out)), Keep: keep, Version: app.Version, Command: calledAs(),
			})
		}),
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "stay after the story, for a client of your own")
	return cmd
}

// watched tells when nobody reads any more.
type watched struct {
	io.Writer
	gone func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.gone()
	}
	return n, err
}

// calledAs is how the reader calls this program: under `go run` the binary's own path would be of no use.
func calledAs() string {
	if strings.Contains(os.Args[0], "/go-build") {
		return "go run ./cmd/doorkeeper"
	}
	return os.Args[0]
}

// fakeCluster makes this process a fake cluster, if it is the child that the demo started.
func (c *cli) fakeCluster() (code int, asked bool) {
	asked, err := fakecluster.ServeIfAsked()
	if err != nil {
		return c.exit(c.root(), &coded{exitFailure, err}), asked
	}
	return 0, asked
}
