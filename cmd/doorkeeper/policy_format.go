package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"doorkeeper/policy"
	"doorkeeper/policy/tool"
)

func (c *cli) policyFormat() *cobra.Command {
	var write, list, fail bool
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Lay a policy out as opa fmt does",
		Long: `Lay Rego files out as "opa fmt" does, and print them; with --write, change the files. Without a path, what
comes on standard input.`,
		Example: "  doorkeeper policy fmt -w policy/\n  doorkeeper policy fmt --list --fail policy/",
	}
	f := cmd.Flags()
	f.BoolVarP(&write, "write", "w", false, "change the files instead of printing")
	f.BoolVarP(&list, "list", "l", false, "only name the files that would change")
	f.BoolVar(&fail, "fail", false, "exit with 1 if a file would change")
	cmd.RunE = ran(func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.formatInput(cmd)
		}
		files, err := regoFiles(args)
		if err != nil {
			return err
		}
		changed := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			formatted, err := tool.Format(file, text)
			if err != nil {
				return &coded{exitNo, err}
			}
			differs := !bytes.Equal(text, formatted)
			changed = changed || differs
			if err := c.putFormatted(file, formatted, differs, write, list); err != nil {
				return err
			}
		}
		if fail && changed {
			return no
		}
		return nil
	})
	return cmd
}

func (c *cli) formatInput(cmd *cobra.Command) error {
	var text bytes.Buffer
	if _, err := text.ReadFrom(cmd.InOrStdin()); err != nil {
		return err
	}
	formatted, err := tool.Format("stdin", text.Bytes())
	if err != nil {
		return &coded{exitNo, err}
	}
	_, err = c.out.Write(formatted)
	return err
}

func (c *cli) putFormatted(file string, text []byte, differs, write, list bool) (err error) {
	if list && differs {
		if _, err := fmt.Fprintln(c.out, safe(file)); err != nil {
			return err
		}
	}
	switch {
	case write && differs:
		return replaceFile(file, text)
	case !write && !list:
		_, err = c.out.Write(text)
	}
	return err
}

// replaceFile changes a file as a whole, so that a proxy that watches it never reads half of it. A link stays one.
func replaceFile(file string, text []byte) error {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Chmod(info.Mode().Perm()), next.Close()); err == nil {
		err = os.Rename(next.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}

// regoFiles lists the Rego files among paths and in directories, hidden ones left out.
func regoFiles(paths []string) (files []string, err error) {
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name != path && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
			case !d.IsDir() && (policy.IsRules(name) || name == path):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
