package policy

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// inputSchema is the published type of the input: policies are checked against it when they load.
//
//go:embed input.schema.json
var inputSchema []byte

// InputSchema returns the JSON Schema of the Doorkeeper input.
func InputSchema() []byte { return slices.Clone(inputSchema) }

// forbidden are the builtins that no policy gets: they reach the network or the process's environment, or answer the
// same question otherwise each time.
var forbidden = []string{"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122"}

// Capabilities are what a policy may use: OPA's language without what is dangerous, and no network.
func Capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return slices.Contains(forbidden, b.Name) })
	c.AllowNet = []string{}
	return c
}

// A code is the compiled rules of a policy, with its data but the grants.
type code struct {
	compiler *ast.Compiler
	entry    ast.Ref
	format   Format
	origin   string
	revision string
	reads    reads
	data     ast.Object
}

// compile makes code of rules. Errors name file, line and column.
func compile(r *Rules) (*code, error) {
	entry, err := ast.ParseRef(r.decision())
	if err != nil || len(entry) < 2 || !entry.HasPrefix(ast.DefaultRootRef) || !entry.IsGround() {
		return nil, fmt.Errorf("policy: decision %q: want the path of a rule, e.g. %s", r.decision(), r.Input.DefaultDecision())
	}
	modules, err := parse(r)
	if err != nil {
		return nil, err
	}
	document, err := r.document()
	if err != nil {
		return nil, err
	}
	data, err := ast.InterfaceToValue(document)
	if err != nil {
		return nil, fmt.Errorf("policy: %s: data: %w", r.Origin, err)
	}
	c := ast.NewCompiler().WithCapabilities(Capabilities()).WithPathConflictsCheck(conflicts(data))
	if r.Input == Doorkeeper {
		schemas := ast.NewSchemaSet()
		schemas.Put(ast.SchemaRootRef, inputSchemaValue())
		c = c.WithSchemas(schemas)
	}
	if c.Compile(modules); c.Failed() {
		return nil, located(c.Errors)
	}
	if len(c.GetRulesDynamicWithOpts(entry, ast.RulesOptions{})) == 0 {
		return nil, fmt.Errorf("policy: %s: there is no rule %s, which is what is asked: write it, or set policy.decision", r.Origin, entry)
	}
	if r.Input == Doorkeeper {
		if err := checkAnswers(modules, entry); err != nil {
			return nil, err
		}
	}
	return &code{
		compiler: c, entry: entry, format: r.Input, origin: r.Origin, revision: r.Revision(),
		reads: readsOf(c, entry, r.Input), data: data.(ast.Object),
	}, nil
}

func inputSchemaValue() (schema any) {
	if err := json.Unmarshal(inputSchema, &schema); err != nil {
		panic("policy: input.schema.json: " + err.Error())
	}
	return schema
}

func parse(r *Rules) (map[string]*ast.Module, error) {
	modules := map[string]*ast.Module{}
	var errs ast.Errors
	for _, file := range r.files() {
		if kind(file) != regoFile {
			continue
		}
		name := r.Name(file)
		m, err := parseModule(name, string(r.Files[file]), r.Input)
		var several ast.Errors
		switch {
		case errors.As(err, &several):
			errs = append(errs, several...)
		case err != nil:
			return nil, fmt.Errorf("policy: %s: %w", name, err)
		case m != nil: // else an empty file
			modules[name] = m
		}
	}
	if len(errs) > 0 {
		return nil, located(errs)
	}
	if len(modules) == 0 {
		return nil, fmt.Errorf("policy: %s: no rules there (.rego)", r.Origin)
	}
	return modules, nil
}

// parseModule reads Rego v1. Policies of the opa-kafka-plugin may be older than that.
func parseModule(name, text string, format Format) (*ast.Module, error) {
	opts := ast.ParserOptions{Capabilities: Capabilities(), RegoVersion: ast.RegoV1}
	m, err := ast.ParseModuleWithOpts(name, text, opts)
	if err != nil && format == OPAKafka {
		opts.RegoVersion = ast.RegoV0
		if old, err := ast.ParseModuleWithOpts(name, text, opts); err == nil {
			return old, nil
		}
	}
	return m, err
}

// conflicts says whether data stands where a rule wants to.
func conflicts(data ast.Value) func([]string) (bool, error) {
	return func(at []string) (bool, error) {
		ref := make(ast.Ref, len(at))
		for i, key := range at {
			ref[i] = ast.StringTerm(key)
		}
		_, err := data.Find(ref)
		return err == nil, nil
	}
}

// located writes OPA's errors as file:line:column: what, one a line.
func located(errs ast.Errors) error {
	const most = 10
	var b strings.Builder
	for i, e := range errs {
		if i == most {
			fmt.Fprintf(&b, "\nand %d more", len(errs)-most)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		if e.Location != nil {
			fmt.Fprintf(&b, "%s:%d:%d: ", e.Location.File, e.Location.Row, e.Location.Col)
		}
		b.WriteString(e.Message)
		if e.Details != nil {
			for _, line := range e.Details.Lines() {
				b.WriteString("\n\t" + line)
			}
		}
	}
	return errors.New(b.String())
}
