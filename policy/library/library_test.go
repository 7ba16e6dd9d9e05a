package library_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"doorkeeper/policy"
	"doorkeeper/policy/library"
	"doorkeeper/policy/tool"
)

func rulesOf(t *testing.T, names ...string) *policy.Rules {
	t.Helper()
	files, err := library.Select(names...)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Rules{Files: files, Data: map[string]any{"catalog": map[string]any{}}, Origin: "library"}
}

// TestRules: every rule passes its tests, with all others and alone, and loads as the engine loads policies.
func TestRules(t *testing.T) {
	sets := [][]string{nil}
	for _, name := range library.Names() {
		sets = append(sets, []string{name})
	}
	for _, names := range sets {
		t.Run(strings.Join(append(names, "rules"), " "), func(t *testing.T) {
			rules := rulesOf(t, names...)
			var out bytes.Buffer
			passed, err := tool.Test(t.Context(), rules, tool.TestOptions{}, &out)
			if err != nil || !passed {
				t.Errorf("%v\n%s", err, out.String())
			}
			report, err := tool.Check(rules)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Warnings) > 0 {
				t.Errorf("warnings:\n%s", strings.Join(report.Warnings, "\n"))
			}
		})
	}
}

// TestCoverage: the tests come to every line of every rule. (What decision.rego has for the case that a file is left out
// is never true, and so never reached.)
func TestCoverage(t *testing.T) {
	var out bytes.Buffer
	if passed, err := tool.Test(t.Context(), rulesOf(t), tool.TestOptions{Coverage: true}, &out); err != nil || !passed {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "no test comes to") && !strings.HasPrefix(line, "decision.rego") {
			t.Error(line)
		}
	}
}

func TestFormatted(t *testing.T) {
	for name, text := range library.Files() {
		if !policy.IsRules(name) {
			continue
		}
		formatted, err := tool.Format(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(formatted, text) {
			t.Errorf("%s is not formatted: doorkeeper policy fmt -w policy/library/rules", name)
		}
	}
}

// TestDescriptions: each rule says what it is, and has tests.
func TestDescriptions(t *testing.T) {
	want := []string{"break_glass", "egress_budgets", "internal_topics", "least_privilege", "networks", "office_hours", "read_from"}
	if got := library.Names(); !slices.Equal(got, want) {
		t.Fatalf("rules %v, want %v", got, want)
	}
	for _, r := range library.Rules() {
		if r.Title == "" || len(r.Text) < 100 {
			t.Errorf("%s says of itself only %q, %q", r.Name, r.Title, r.Text)
		}
		if library.Files()[r.Name+"_test.rego"] == nil {
			t.Errorf("%s has no tests", r.Name)
		}
	}
	if _, err := library.Select("no_such"); err == nil || !strings.Contains(err.Error(), "office_hours") {
		t.Errorf("an unknown rule: %v", err)
	}
}
