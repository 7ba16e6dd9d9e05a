package policy

import (
	"context"
	"fmt"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// An Explanation is a decision, made anew and without caches, and the rules that made it.
type Explanation struct {
	Decision *access.Decision
	Location string // file:line of the rule that decided; "": none did
	Rules    []Fired
}

// Fired is a rule that held, in the order of evaluation.
type Fired struct {
	Name     string // its path, e.g. data.doorkeeper.allow
	Location string // file:line
}

// Explain decides an action anew and says which rules made the decision.
func (e *Engine) Explain(_ context.Context, r *access.Request, a *access.Action) (Explanation, error) {
	s := e.snapshot()
	if s.running == nil {
		return Explanation{Decision: unruled.fresh}, nil
	}
	q := &question{who: &who{session: r.Session, identity: r.Identity, client: r.Client}, request: r, action: *a, now: e.now()}
	t := &tracer{}
	ans := s.running.unasked(q)
	if ans == nil {
		ans = s.running.evaluate(q, rego.EvalQueryTracer(t))
	}
	x := Explanation{Decision: ans.fresh, Rules: t.fired}
	if n := len(t.fired); n > 0 {
		x.Location = t.fired[n-1].Location
	}
	return x, nil
}

// A tracer notes which rules held.
type tracer struct{ fired []Fired }

func (*tracer) Enabled() bool               { return true }
func (*tracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

func (t *tracer) TraceEvent(e topdown.Event) {
	rule, ok := e.Node.(*ast.Rule)
	if !ok || e.Op != topdown.ExitOp || rule.Location == nil {
		return
	}
	t.fired = append(t.fired, Fired{Name: rule.Path().String(), Location: fmt.Sprintf("%s:%d", rule.Location.File, rule.Location.Row)})
}
