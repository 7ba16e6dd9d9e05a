package policy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// errUndefined: no rule said anything. That denies, and is no failure.
var errUndefined = errors.New("the policy says nothing about it")

var errDeadline = errors.New("the evaluation took longer than policy.deadline allows")

// An evaluator runs evaluations with a deadline. One that passes it is told to stop and left behind: the one who asked
// gets an error at once. It ends by itself at its next step; a single builtin cannot be interrupted. How many may be left
// behind is bounded, as a whole and per principal, so that one who found a slow question takes nobody else's place.
type evaluator struct {
	mu     sync.Mutex
	behind map[string]int // principal -> evaluations left behind and still running
	total  int
}

const (
	maxBehind          = 32
	maxBehindPrincipal = 2
)

var errBehind = errors.New("earlier evaluations that were too slow are still running")

type result struct {
	value ast.Value
	err   error
}

// run evaluates a program with a question.
func (e *evaluator) run(p *program, q *question, opts ...rego.EvalOption) (ast.Value, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	principal := q.who.identity.Principal
	if !e.room(principal) {
		return nil, errBehind
	}
	cancel := topdown.NewCancel()
	done := make(chan result, 1)
	input, now := q.input(p.format), q.now
	go func() {
		v, err := p.eval(input, now, cancel, opts...)
		done <- result{v, err}
	}()
	timer := time.NewTimer(p.deadline)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
	}
	cancel.Cancel()
	e.leave(principal)
	go func() {
		<-done
		e.ended(principal)
	}()
	return nil, errDeadline
}

func (e *evaluator) room(principal string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.total < maxBehind && e.behind[principal] < maxBehindPrincipal
}

func (e *evaluator) leave(principal string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.behind == nil {
		e.behind = map[string]int{}
	}
	e.behind[principal]++
	e.total++
}

func (e *evaluator) ended(principal string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.behind[principal]--; e.behind[principal] == 0 {
		delete(e.behind, principal)
	}
	e.total--
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

// left is how many evaluations were left behind and still run.
func (e *evaluator) left() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.total
}
