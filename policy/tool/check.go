package tool

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"

	"doorkeeper/policy"
)

// A Report is what is to be said of a policy that loads.
type Report struct {
	Revision string   `json:"revision"`
	Decision string   `json:"decision"`
	Input    string   `json:"input"`
	Files    int      `json:"files"`
	Rules    int      `json:"rules"`
	Tests    int      `json:"tests"`
	Warnings []string `json:"warnings"` // file:line: what loads, and is probably not meant
}

// Check loads a policy as the engine does. The error says file, line and column of what is wrong.
func Check(r *policy.Rules) (*Report, error) {
	engine, err := policy.New(policy.Options{Rules: *r})
	if err != nil {
		return nil, err
	}
	modules, err := r.Modules()
	if err != nil {
		return nil, err
	}
	status := engine.Status()
	report := &Report{Revision: status.Revision, Decision: status.Decision, Input: status.Input.String(), Files: len(modules), Warnings: []string{}}
	for file, m := range modules {
		for _, rule := range m.Rules {
			if strings.HasPrefix(string(rule.Head.Name), tester.TestPrefix) {
				report.Tests++
			} else if !policy.IsTest(file) {
				report.Rules++
			}
		}
		if !policy.IsTest(file) {
			report.Warnings = append(report.Warnings, traps(m)...)
		}
	}
	report.Warnings = append(report.Warnings, strict(r, modules)...)
	slices.Sort(report.Warnings)
	report.Warnings = slices.Compact(report.Warnings)
	return report, nil
}

// strict lists what OPA's strict mode has against a policy: variables and imports that are not used, for example.
func strict(r *policy.Rules, modules map[string]*ast.Module) (warnings []string) {
	c := r.Compiler().WithStrict(true)
	c.Compile(modules)
	for _, e := range c.Errors {
		warnings = append(warnings, at(e.Location)+e.Message)
	}
	return warnings
}

// traps lists what is right Rego and does otherwise than it reads.
func traps(m *ast.Module) (warnings []string) {
	ast.WalkExprs(m, func(e *ast.Expr) bool {
		if name, missing := undefinedUnderNot(e); missing {
			warnings = append(warnings, fmt.Sprintf("%s`not` over %s is undefined, and not true, where %s is not there: give the condition a rule of its own, and negate that", at(e.Location), e.OperatorTerm(), name))
		}
		return false
	})
	ast.WalkTerms(m, func(t *ast.Term) bool {
		if call, ok := t.Value.(ast.Call); ok {
			warnings = append(warnings, unanchored(call, t.Location)...)
		}
		return false
	})
	ast.WalkExprs(m, func(e *ast.Expr) bool {
		if terms, ok := e.Terms.([]*ast.Term); ok && e.IsCall() {
			warnings = append(warnings, unanchored(terms, e.Location)...)
		}
		return false
	})
	return warnings
}

// undefinedUnderNot: in `not x in data.list` the list is looked up before the negation. Where there is none, the whole
// expression is undefined, and a rule that denies by it is silent.
func undefinedUnderNot(e *ast.Expr) (name string, missing bool) {
	if !e.Negated || !e.IsCall() {
		return "", false
	}
	for _, operand := range e.Operands() {
		if ref, ok := operand.Value.(ast.Ref); ok && ref.HasPrefix(ast.DefaultRootRef) {
			return ref.String(), true
		}
	}
	return "", false
}

// unanchored: a pattern that is not tied to both ends matches names that only contain what is meant.
func unanchored(call []*ast.Term, where *ast.Location) []string {
	if len(call) != 3 || call[0].String() != "regex.match" {
		return nil
	}
	pattern, ok := call[1].Value.(ast.String)
	if !ok || strings.HasPrefix(string(pattern), "^") && strings.HasSuffix(string(pattern), "$") {
		return nil
	}
	return []string{fmt.Sprintf("%sthe pattern %q also matches names that only contain it: begin it with ^ and end it with $", at(where), string(pattern))}
}

func at(l *ast.Location) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", l.File, l.Row)
}
