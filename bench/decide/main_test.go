package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	dir := t.TempDir()
	rule := "package doorkeeper\n\ndecision := {\"allow\": input.action.resource.name == \"orders\", \"rule\": \"r\"}\n"
	if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	if ns, err := decide([]string{dir, "User:a", "READ", "orders"}); err != nil || ns <= 0 {
		t.Errorf("%v ns, %v", ns, err)
	}
	for want, args := range map[string][]string{
		"want POLICY":  {dir},
		"may not READ": {dir, "User:a", "READ", "payroll"},
		"no such file": {filepath.Join(dir, "none"), "User:a", "READ", "orders"},
		"BREAK":        {dir, "User:a", "BREAK", "orders"},
	} {
		if _, err := decide(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
