package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"doorkeeper/config"
	formats "doorkeeper/sink/format"
	"doorkeeper/telemetry"
)

// docsCommand writes the pages that are generated from code. It is for the repository and for packagers, and hidden.
func (c *cli) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "docs config FILE | metrics FILE | formats FILE | schema FILE | man DIR",
		Short:  "Write generated documentation",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			what, path := args[0], args[1]
			switch what {
			case "config":
				return os.WriteFile(path, []byte(config.Markdown()), 0o644)
			case "metrics":
				return os.WriteFile(path, []byte(telemetry.Markdown()), 0o644)
			case "formats":
				return os.WriteFile(path, []byte(formats.Markdown()), 0o644)
			case "schema":
				schema, err := config.Schema()
				if err != nil {
					return err
				}
				return os.WriteFile(path, append(schema, '\n'), 0o644)
			case "man":
				return writeMan(cmd.Root(), path)
			}
			return usageError(fmt.Errorf("there is no documentation named %q", what))
		}),
	}
}

// writeMan writes a page per command, named as man finds it.
func writeMan(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, cmd := range visible(root) {
		name := manName(cmd) + ".1"
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(manPage(cmd)), 0o644))
	}
	return errors.Join(errs...)
}
