package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"doorkeeper/config"
)

// Exit codes, as docs and scripts know them.
const (
	exitOK      = 0
	exitNo      = 1 // the check found something, or the answer is no
	exitUsage   = 2
	exitFailure = 3
)

// A coded error has an exit code of its own; others are failures.
type coded struct {
	code int
	err  error
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

func usageError(err error) error { return &coded{exitUsage, err} }

// no is for a check whose answer is no. Its reasons are printed already.
var no = &coded{exitNo, errors.New("")}

// ran marks an error as the command's own. What cobra itself returns, before a command runs, is about usage.
func ran(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var c *coded
		if err != nil && !errors.As(err, &c) {
			err = &coded{exitFailure, err}
		}
		return err
	}
}

// exit prints what went wrong (what failed, where, what to do) and returns the code.
func (c *cli) exit(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	e := &coded{exitUsage, err}
	errors.As(err, &e)
	if text := detail(e.err); text != "" {
		fmt.Fprintf(c.err, "%s: %s\n", cmd.CommandPath(), safe(text))
	}
	if e.code == exitUsage {
		fmt.Fprintf(c.err, "%s --help says how it is used\n", cmd.CommandPath())
	}
	return e.code
}

// detail shows problems of a configuration with their lines.
func detail(err error) string {
	var problems config.Problems
	if errors.As(err, &problems) {
		return "the configuration is not valid\n" + problems.Detail()
	}
	return strings.TrimSpace(err.Error())
}
