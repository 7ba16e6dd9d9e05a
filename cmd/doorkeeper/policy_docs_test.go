package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"doorkeeper/policy"
)

// A block is one fenced piece of a page: ```language file.
type block struct {
	line           int
	language, file string
	text           string
}

func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fence, fenced := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "```")
		switch {
		case fenced && open != nil:
			all = append(all, *open)
			open = nil
		case fenced:
			open = &block{line: n}
			open.language, open.file, _ = strings.Cut(fence, " ")
		case open != nil:
			open.text += line
		}
	}
	return all
}

// TestPolicyPage does what docs/policy.md says, from top to bottom: it writes the files, runs the commands ($ …) and
// holds what they print against the page, in which … stands for anything.
func TestPolicyPage(t *testing.T) {
	page := blocks(t, "../../docs/policy.md")
	t.Chdir(t.TempDir())
	ran := 0
	for _, b := range page {
		switch b.language {
		case "rego", "yaml":
			if b.file == "" {
				t.Errorf("line %d: without a file's name nobody tests this", b.line)
				continue
			}
			if err := os.MkdirAll(filepath.Dir(b.file), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, b.file, b.text)
			if b.language == "rego" {
				if got := runPage(t, "doorkeeper policy fmt "+b.file); got != b.text {
					t.Errorf("line %d: %s is not formatted; it should be\n%s", b.line, b.file, got)
				}
			}
		case "console":
			ran += checkConsole(t, b)
		case "sh":
			checkUsage(t, b)
		case "json":
			checkInput(t, b)
		default:
			t.Errorf("line %d: a block in %q is not tested", b.line, b.language)
		}
	}
	if ran < 15 {
		t.Errorf("only %d commands ran", ran)
	}
}

// checkConsole runs each command of a block and compares.
func checkConsole(t *testing.T, b block) (ran int) {
	t.Helper()
	for part := range strings.SplitSeq("\n"+strings.TrimSuffix(b.text, "\n"), "\n$ ") {
		if part == "" {
			continue
		}
		command, want, _ := strings.Cut(part, "\n")
		got := strings.TrimSuffix(runPage(t, command), "\n")
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", "(?s:.*)")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("line %d: $ %s\nprints\n%s\nand the page says\n%s", b.line, command, got, want)
		}
		ran++
	}
	return ran
}

// runPage runs a command and returns what it printed, and [exit N] where that is not 0.
func runPage(t *testing.T, command string) string {
	t.Helper()
	words := strings.Fields(command)
	if words[0] != "doorkeeper" {
		t.Fatalf("%q is no command of ours", command)
	}
	var out, errs bytes.Buffer
	code := run(words[1:], strings.NewReader(""), &out, &errs)
	text := out.String() + errs.String()
	if code != 0 {
		text += fmt.Sprintf("[exit %d]\n", code)
	}
	return text
}

// checkUsage: commands that need a running proxy exist as they are written.
func checkUsage(t *testing.T, b block) {
	t.Helper()
	for line := range strings.Lines(b.text) {
		words := strings.Fields(line)
		root := (&cli{}).root()
		cmd, rest, err := root.Find(words[1:])
		if err != nil || cmd == root {
			t.Errorf("line %d: %s: %v", b.line, line, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("line %d: %s: %v", b.line, line, err)
		} else if cmd.Args != nil {
			if err := cmd.Args(cmd, cmd.Flags().Args()); err != nil {
				t.Errorf("line %d: %s: %v", b.line, line, err)
			}
		}
	}
}

// checkInput holds the page's input against the published schema: the same fields, no more and no less.
func checkInput(t *testing.T, b block) {
	t.Helper()
	var shown map[string]any
	var schema map[string]any
	if err := json.Unmarshal([]byte(b.text), &shown); err != nil {
		t.Fatalf("line %d: %v", b.line, err)
	}
	if err := json.Unmarshal(policy.InputSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	sameFields(t, "input", schema, shown)
}

func sameFields(t *testing.T, at string, schema map[string]any, shown any) {
	t.Helper()
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	fields, _ := shown.(map[string]any)
	want, got := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(fields))
	if !slices.Equal(want, got) {
		t.Errorf("%s: the schema has %v, the page %v", at, want, got)
	}
	for name, below := range properties {
		sameFields(t, at+"."+name, below.(map[string]any), fields[name])
	}
}
