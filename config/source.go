package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// source remembers where in the file each value stands, so that a problem found long after decoding still names its
// line. Paths look like "clusters[0].listeners[1].address".
type source struct {
	file     string
	lines    []string
	at       map[string]place
	written  map[string]string // path -> the scalar as written, where ${ENV} was expanded in it
	problems Problems
	warnings Problems
}

type place struct{ line, column int }

func newSource(file string, text []byte) *source {
	return &source{
		file: file, lines: strings.Split(string(text), "\n"),
		at: map[string]place{}, written: map[string]string{},
	}
}

func (s *source) mark(path string, tk *token.Token) {
	if tk != nil && tk.Position != nil {
		s.at[path] = place{tk.Position.Line, tk.Position.Column}
	}
}

// set says whether the file itself gives a value at path.
func (s *source) set(path string) bool { _, ok := s.at[path]; return ok }

// problem makes a Problem about path. Where the file does not mention path, it points at the nearest parent that it does.
func (s *source) problem(path, format string, args ...any) *Problem {
	at, ok := s.at[path]
	for parent := path; !ok && parent != ""; at, ok = s.at[parent] {
		parent = parentOf(parent)
	}
	return s.problemAt(at, path, format, args...)
}

func (s *source) problemAt(at place, path, format string, args ...any) *Problem {
	p := &Problem{File: s.file, Line: at.line, Column: at.column, Field: path, Message: fmt.Sprintf(format, args...)}
	if at.line > 0 && at.line <= len(s.lines) {
		p.Source = strings.TrimRight(s.lines[at.line-1], "\r")
	}
	return p
}

func (s *source) fail(path, format string, args ...any) {
	s.problems = append(s.problems, s.problem(path, format, args...))
}

func (s *source) failToken(tk *token.Token, path, format string, args ...any) {
	var at place
	if tk != nil && tk.Position != nil {
		at = place{tk.Position.Line, tk.Position.Column}
	}
	s.problems = append(s.problems, s.problemAt(at, path, format, args...))
}

func (s *source) warn(path, format string, args ...any) {
	p := s.problem(path, format, args...)
	p.Warning = true
	s.warnings = append(s.warnings, p)
}

// err returns what is wrong so far, in the order of the file, or nil.
func (s *source) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	sort.SliceStable(s.problems, func(i, j int) bool {
		a, b := s.problems[i], s.problems[j]
		if a.File != b.File {
			return a.File == s.file
		}
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	return s.problems
}

// parentOf cuts the last step of a path: "a.b[0]" -> "a.b" -> "a" -> "".
func parentOf(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// join adds a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
