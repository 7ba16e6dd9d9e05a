package config

import (
	"fmt"
	"strings"
)

// A Problem is one thing wrong with a configuration.
type Problem struct {
	File    string
	Line    int // from 1; 0: the file as a whole
	Column  int // from 1
	Field   string
	Message string // what is wrong, and what to do
	Source  string // the line of the file
	Warning bool   // the configuration works all the same
}

// Error is the problem on one line: "file:line:column: field: message".
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Detail is Error and, below it, the line of the file with a caret under the place.
func (p *Problem) Detail() string {
	if p.Line == 0 || p.Source == "" {
		return p.Error()
	}
	number := fmt.Sprintf("%4d", p.Line)
	// Tabs stay tabs in front of the caret, or it would point elsewhere.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, firstRunes(p.Source, p.Column-1))
	return p.Error() + "\n" + number + " | " + p.Source + "\n" + strings.Repeat(" ", len(number)) + " | " + pad + "^"
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s + strings.Repeat(" ", max(n, 0))
}

// Problems are all that is wrong with a configuration, in the order of the file.
type Problems []*Problem

// Error holds one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Detail holds each problem with its line of the file.
func (ps Problems) Detail() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Detail()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}
