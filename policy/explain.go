package policy

import (
	"context"
	"fmt"
	"slices"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// An Explanation is a decision, made anew and without caches, and the rules that made it.
type Explanation struct {
	Decision *access.Decision // as the policy says it, whatever the mode
	Location string           // file:line of the rule that decided; "": none did
	Rules    []Fired          // in the order of evaluation
	Implied  access.Operation // the operation whose being allowed implies what was asked; OpNone: there is none
}

// Fired is a rule that held.
type Fired struct {
	Name     string // its path, e.g. data.doorkeeper.allow
	Location string // file:line
}

// Explain decides an action anew and says which rules made the decision. It counts as an evaluation.
func (e *Engine) Explain(ctx context.Context, r *access.Request, a *access.Action) (Explanation, error) {
	if err := ctx.Err(); err != nil {
		return Explanation{}, err
	}
	s := e.snapshot()
	if s.running == nil {
		return Explanation{Decision: unruled.fresh}, nil
	}
	q := &question{who: &who{session: r.Session, identity: r.Identity, client: r.Client}, request: r, action: *a, now: e.now()}
	return s.running.explain(q), nil
}

func (p *program) explain(q *question) Explanation {
	if a := p.unasked(q); a != nil {
		return Explanation{Decision: a.fresh}
	}
	t := &tracer{}
	a := p.evaluate(q, rego.EvalQueryTracer(t))
	x := Explanation{Rules: t.list(), Location: t.decider(p.entry, a.fresh.Verdict)}
	if p.format == Doorkeeper {
		a, _ = p.implication(a, false, q, func(q *question) (*answer, bool) {
			t := &tracer{}
			by := p.evaluate(q, rego.EvalQueryTracer(t))
			if by.fresh.Verdict != access.Deny {
				x.Rules, x.Location, x.Implied = t.list(), t.decider(p.entry, by.fresh.Verdict), q.action.Operation
			}
			return by, false
		})
	}
	x.Decision = a.fresh
	return x
}

// A tracer notes which rules held.
type tracer struct {
	fired []*ast.Rule
}

// maxFired bounds what is noted: a rule that walks the data may hold a million times.
const maxFired = 1000

// Enabled, Config and TraceEvent make it a topdown.QueryTracer.
func (*tracer) Enabled() bool { return true }

// Config asks for no variables.
func (*tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent notes a rule at its end.
func (t *tracer) TraceEvent(e topdown.Event) {
	if rule, ok := e.Node.(*ast.Rule); ok && e.Op == topdown.ExitOp && rule.Location != nil && len(t.fired) < maxFired {
		t.fired = append(t.fired, rule)
	}
}

func (t *tracer) list() (list []Fired) {
	for _, rule := range t.fired {
		if f := (Fired{pathOf(rule).String(), place(rule)}); !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

func place(r *ast.Rule) string { return fmt.Sprintf("%s:%d", r.Location.File, r.Location.Row) }

// decider is the rule that people look for: of the rules beside the entry point that held, the last one called deny where
// the decision is no, else the last one called allow, else the entry point's own.
func (t *tracer) decider(entry ast.Ref, v access.Verdict) string {
	names := []ast.Ref{sibling(entry, "allow"), append(slices.Clone(entry), ast.StringTerm("allow")), entry}
	if v == access.Deny {
		names = append([]ast.Ref{sibling(entry, "deny")}, names...)
	}
	for _, name := range names {
		for _, rule := range slices.Backward(t.fired) {
			if pathOf(rule).HasPrefix(name) || name.Equal(entry) && entry.HasPrefix(pathOf(rule)) {
				return place(rule)
			}
		}
	}
	return ""
}

func sibling(entry ast.Ref, name string) ast.Ref {
	return append(slices.Clone(entry[:len(entry)-1]), ast.StringTerm(name))
}
