package policy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// errUndefined: no rule said anything. That denies, and is no failure.
var errUndefined = errors.New("the policy says nothing about it")

var errDeadline = errors.New("the evaluation took longer than policy.deadline allows")

var errBehind = errors.New("earlier evaluations that were too slow are still running")

var errBusy = errors.New("more questions of the principal are waiting than could be evaluated in time")

// An evaluator runs evaluations with a deadline, and in turns: of one principal so many run at a time that one who asks
// without end has half of the machine at most, and its own questions wait, nobody else's.
//
// An evaluation that passes its deadline is told to stop and left behind: who asked gets an error at once. It ends by
// itself at its next step; a single builtin cannot be interrupted. How many may be left behind is bounded, as a whole and
// per principal, so that one who found a slow question takes nobody else's place.
type evaluator struct {
	mu     sync.Mutex
	turns  map[string]*turns
	behind int
}

const (
	maxBehind          = 32
	maxBehindPrincipal = 2
	patience           = 20 // for how many deadlines a question waits for its turn
)

// turns are one principal's.
type turns struct {
	tenant  string
	running chan struct{} // as many as may run
	users   int           // that hold on to this
	behind  int
}

// run evaluates a program with a question, in a turn that was entered.
func (e *evaluator) run(p *program, q *question, t *turns, opts []rego.EvalOption) (ast.Value, error) {
	ev := &evaluation{program: p, input: q.input(p.format), now: q.now, cancel: topdown.NewCancel(), done: make(chan result, 1)}
	go ev.run(func() { e.ended(t) }, opts)
	timer := time.NewTimer(p.deadline)
	defer timer.Stop()
	select {
	case r := <-ev.done:
		return r.value, r.err
	case <-timer.C:
	}
	e.leave(t)
	if !ev.state.CompareAndSwap(evaluating, left) {
		e.ended(t) // it ended in the same moment
		r := <-ev.done
		return r.value, r.err
	}
	ev.cancel.Cancel()
	return nil, errDeadline
}

// tenant is whose turn a question takes: the principal's, or the source's where nobody said who they are.
func (w *who) tenant() string {
	if w.identity.Principal == access.Anonymous {
		return access.Anonymous + "@" + host(w.session.Source)
	}
	return w.identity.Principal
}

// An evaluation is one run, on a goroutine of its own.
type evaluation struct {
	program *program
	input   ast.Value
	now     time.Time
	cancel  topdown.Cancel
	done    chan result
	state   atomic.Int32
}

const (
	evaluating = iota
	left       // nobody waits for it any more
	ended
)

type result struct {
	value ast.Value
	err   error
}

func (ev *evaluation) run(wasLeft func(), opts []rego.EvalOption) {
	growStack()
	v, err := ev.program.eval(ev.input, ev.now, ev.cancel, opts...)
	ev.done <- result{v, err}
	if ev.state.Swap(ended) == left {
		wasLeft()
	}
}

// growStack makes the goroutine's stack as large as evaluations need it, while there is nothing on it. Left to itself it
// would be doubled and copied again and again in OPA's deep recursion: a quarter to a half of a small evaluation's time.
//
//go:noinline
func growStack() byte {
	var room [24 << 10]byte
	return room[first]
}

var first int // the compiler must not see that it is always 0

// enter waits for a turn, which ends with exit. waited: what was asked may have been answered meanwhile.
func (e *evaluator) enter(tenant string, patience time.Duration) (t *turns, waited bool, err error) {
	if t, err = e.hold(tenant); err != nil {
		return nil, false, err
	}
	select {
	case t.running <- struct{}{}:
		return t, false, nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case t.running <- struct{}{}:
		return t, true, nil
	case <-timer.C:
		e.mu.Lock()
		defer e.mu.Unlock()
		e.drop(t)
		return nil, true, errBusy
	}
}

func (e *evaluator) hold(tenant string) (*turns, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.turns[tenant]
	if e.behind >= maxBehind || t != nil && t.behind >= maxBehindPrincipal {
		return nil, errBehind
	}
	if t == nil {
		if e.turns == nil {
			e.turns = map[string]*turns{}
		}
		t = &turns{tenant: tenant, running: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
		e.turns[tenant] = t
	}
	t.users++
	return t, nil
}

// drop lets go of turns that were held. The caller holds mu.
func (e *evaluator) drop(t *turns) {
	if t.users--; t.users == 0 {
		delete(e.turns, t.tenant)
	}
}

func (e *evaluator) exit(t *turns) {
	<-t.running
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(t)
}

// leave counts an evaluation that is left behind; ended counts it out.
func (e *evaluator) leave(t *turns) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t.users++
	t.behind++
	e.behind++
}

func (e *evaluator) ended(t *turns) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t.behind--
	e.behind--
	e.drop(t)
}

// eval evaluates the entry point. A panic of a builtin is an error like any other.
func (p *program) eval(input ast.Value, now time.Time, cancel topdown.Cancel, opts ...rego.EvalOption) (v ast.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("the evaluation panicked: %v\n%s", r, debug.Stack())
		}
	}()
	rs, err := p.query.Eval(context.Background(), append([]rego.EvalOption{
		rego.EvalParsedInput(input), rego.EvalTransaction(p.txn), rego.EvalMetrics(metrics.NoOp()), rego.EvalTime(now),
		rego.EvalExternalCancel(cancel), rego.EvalInterQueryBuiltinValueCache(p.values),
	}, opts...)...)
	switch {
	case err != nil:
		return nil, evalError(err)
	case len(rs) == 0 || len(rs[0].Expressions) == 0:
		return nil, errUndefined
	}
	v, ok := rs[0].Expressions[0].Value.(ast.Value)
	if !ok {
		return nil, fmt.Errorf("the evaluation returned %T", rs[0].Expressions[0].Value)
	}
	return v, nil
}

var linebreaks = regexp.MustCompile(`\n\s*`)

// evalError writes OPA's error as file:line:column: what.
func evalError(err error) error {
	var e *topdown.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == topdown.CancelErr {
		return errDeadline
	}
	message := strings.ReplaceAll(linebreaks.ReplaceAllString(e.Message, "; "), ":; ", ": ")
	if e.Location == nil {
		return errors.New(message)
	}
	return fmt.Errorf("%s:%d:%d: %s", e.Location.File, e.Location.Row, e.Location.Col, message)
}
