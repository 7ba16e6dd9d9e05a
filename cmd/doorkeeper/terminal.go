package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint colours text, where text is shown to a person who has not said NO_COLOR.
type paint bool

func painter(w io.Writer) paint { return paint(isTerminal(w) && os.Getenv("NO_COLOR") == "") }

const (
	red    = 31
	yellow = 33
	dim    = 2
)

func (p paint) in(color int, text string) string {
	if !p || text == "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text)
}

// format chooses between a table for a person and a form for a program.
func format(asked string, w io.Writer, program string, known ...string) (string, error) {
	if asked == "" {
		if isTerminal(w) {
			return "table", nil
		}
		return program, nil
	}
	for _, k := range known {
		if k == asked {
			return asked, nil
		}
	}
	return "", usageError(fmt.Errorf("-o %s: must be one of %v", asked, known))
}

func (c *cli) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, safe(string(text)))
	return err
}
