package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Which of its input a policy reads is seen from its rules when it loads: every rule that the entry point may reach is
// walked, and each reference to the input in it counts up to where it stops being constant. That takes too much rather
// than too little. (OPA's dependencies.Base is more exact, and takes minutes on ten thousand rules.)

// reads is what the rules of a policy depend on.
type reads struct {
	projection
	grants   bool // data.grants
	none     bool // the word NONE stands in them: they know the operation of what Kafka's authorizer is not asked
	volatile bool // a builtin answers the same question otherwise each time: nothing can be cached
}

// clock says whether a decision holds until the end of the minute only.
func (r *reads) clock() bool { return r.parts&partClock != 0 || r.volatile }

// notFlagged read the clock, or the host's certificates, and OPA does not say so.
var notFlagged = []string{"crypto.x509.parse_and_verify_certificates", "crypto.x509.parse_and_verify_certificates_with_options"}

func volatileBuiltin(name string) bool {
	b := ast.BuiltinMap[name]
	return b != nil && b.IsNondeterministic() || slices.Contains(notFlagged, name)
}

func readsOf(c *ast.Compiler, entry ast.Ref, format Format) reads {
	w := walker{compiler: c, seen: map[*ast.Rule]bool{}, refs: map[string]bool{}, input: map[string]ast.Ref{}}
	w.visitor = ast.NewGenericVisitor(w.visit)
	w.ref(entry)
	for len(w.queue) > 0 {
		rule := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		w.visitor.Walk(rule)
	}
	list := make([]ast.Ref, 0, len(w.input))
	for _, ref := range w.input {
		list = append(list, ref)
	}
	w.reads.projection = format.projection(list)
	return w.reads
}

// A walker looks at everything that stands in the rules that can be reached, with modifiers and else branches included.
type walker struct {
	compiler *ast.Compiler
	visitor  *ast.GenericVisitor
	seen     map[*ast.Rule]bool
	queue    []*ast.Rule
	refs     map[string]bool    // that were looked at
	input    map[string]ast.Ref // paths of the input
	reads    reads
}

func (w *walker) visit(x any) (skip bool) {
	switch x := x.(type) {
	case *ast.Head: // its path is not walked otherwise
		for _, t := range x.Reference[min(1, len(x.Reference)):] {
			w.visitor.Walk(t)
		}
	case ast.Ref:
		w.ref(x)
		for i, t := range x {
			if _, name := t.Value.(ast.Var); !name || i > 0 {
				w.visitor.Walk(t)
			}
		}
		return true
	case ast.Var:
		if x == inputVar {
			w.input["input"] = ast.InputRootRef
		}
	case ast.String:
		w.reads.none = w.reads.none || x == "NONE"
	}
	return false
}

var (
	inputVar = ast.InputRootDocument.Value.(ast.Var)
	dataVar  = ast.DefaultRootDocument.Value.(ast.Var)
)

func (w *walker) ref(r ast.Ref) {
	name := r.String()
	if w.refs[name] {
		return
	}
	w.refs[name] = true
	switch r[0].Value {
	case inputVar:
		prefix := r.ConstantPrefix()
		w.input[prefix.String()] = prefix
	case dataVar:
		w.data(r)
	default:
		w.reads.volatile = w.reads.volatile || volatileBuiltin(name)
	}
}

// data queues the rules that a reference may reach.
func (w *walker) data(r ast.Ref) {
	if len(r) == 1 || !ast.IsConstant(r[1].Value) || r[1].Value.Compare(ast.String(grantsKey)) == 0 {
		w.reads.grants = true
	}
	for _, rule := range w.compiler.GetRulesDynamicWithOpts(r, ast.RulesOptions{IncludeHiddenModules: true}) {
		if !w.seen[rule] {
			w.seen[rule] = true
			w.queue = append(w.queue, rule)
		}
	}
}
