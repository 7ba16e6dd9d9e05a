package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"doorkeeper/policy/library"
)

func (c *cli) policyInit() *cobra.Command {
	var only []string
	var list bool
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Write starter rules into a directory",
		Long: `Write starter rules into a directory, each with its tests: a policy to begin with, and to change. As it comes
it allows nobody anything; settings.yaml says who may do what. Files that are there already are left alone, and an
error.`,
		Example: "  doorkeeper policy init policy\n  doorkeeper policy init policy --only least_privilege,networks\n  doorkeeper policy init --list",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "only these `RULES`, by name")
	cmd.Flags().BoolVar(&list, "list", false, "say what rules there are")
	complete(cmd, "only", library.Names()...)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	cmd.RunE = ran(func(_ *cobra.Command, args []string) error {
		if list {
			return c.listRules()
		}
		if len(args) == 0 {
			return usageError(fmt.Errorf("into which directory?"))
		}
		files, err := library.Select(only...)
		if err != nil {
			return usageError(fmt.Errorf("--only: %w", err))
		}
		return c.writeRules(args[0], files)
	})
	return cmd
}

func (c *cli) listRules() error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, r := range library.Rules() {
		fmt.Fprintf(w, "%s\t%s\n", r.Name, r.Title)
	}
	return w.Flush()
}

func (c *cli) writeRules(dir string, files map[string][]byte) error {
	for name := range files {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s is there already: choose another directory, or move it away", filepath.Join(dir, name))
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.out, "%d files in %s; next: doorkeeper policy test %s, then say in %s who may do what\n",
		len(files), dir, dir, filepath.Join(dir, "settings.yaml"))
	return err
}
