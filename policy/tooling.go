package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What tools need of rules that they do not run: package policy/tool.

// Modules parses every rule, tests included, by the name that people call its file.
func (r *Rules) Modules() (map[string]*ast.Module, error) {
	modules := map[string]*ast.Module{}
	for _, file := range slices.Sorted(maps.Keys(r.Files)) {
		if k := kind(file); k != regoFile && k != testFile {
			continue
		}
		m, err := parseModule(r.Name(file), string(r.Files[file]), r.Input)
		switch {
		case err != nil:
			return nil, placed(err)
		case m != nil:
			modules[r.Name(file)] = m
		}
	}
	return modules, nil
}

// IsTest says whether a file holds tests: it does not run.
func IsTest(file string) bool { return kind(file) == testFile }

// IsRules says whether a file is Rego, tests included.
func IsRules(file string) bool { return kind(file) == regoFile || kind(file) == testFile }

// Document is the policy's data as one document, without grants.
func (r *Rules) Document() (map[string]any, error) { return r.document() }

// Compiler is one that takes what the engine takes, and no more.
func (r *Rules) Compiler() *ast.Compiler {
	c := ast.NewCompiler().WithCapabilities(Capabilities())
	if r.Input != Doorkeeper {
		return c
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, inputSchemaValue())
	return c.WithSchemas(schemas)
}

// placed writes OPA's errors as file:line:column: what, one a line.
func placed(err error) error {
	if errs, ok := err.(ast.Errors); ok { //nolint:errorlint // OPA returns it as it is
		return located(errs)
	}
	return fmt.Errorf("policy: %w", err)
}

// Located writes OPA's errors as file:line:column: what, one a line.
func Located(errs ast.Errors) error { return located(errs) }
