package policy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A Mode says whether decisions are carried out.
type Mode uint8

// Enforce carries them out; Monitor lets everything pass and says in Would what would have been.
const (
	Enforce Mode = iota
	Monitor
)

// String returns the word of the configuration's policy.mode.
func (m Mode) String() string {
	if m == Monitor {
		return "monitor"
	}
	return "enforce"
}

// DefaultDeadline is how long an evaluation may take.
const DefaultDeadline = 50 * time.Millisecond

// Options are what an engine decides by.
type Options struct {
	Mode      Mode
	Rules     Rules            // no files: everything is allowed
	Candidate *Rules           // decided beside Rules and only recorded; nil: none
	Deadline  time.Duration    // of one evaluation; 0: DefaultDeadline
	Now       func() time.Time // nil: time.Now
}

// An Engine decides. It is safe for many goroutines.
type Engine struct {
	now     func() time.Time
	current atomic.Pointer[snapshot]
	eval    evaluator
	epochs  epochs
	stats   counters

	apply  sync.Mutex // one change at a time
	grants []Grant
	failed error // of the last Apply
}

// A snapshot is what decides at one moment: immutable, and swapped as a whole.
type snapshot struct {
	running, candidate *program // nil where there is none
	mode               Mode
	deadline           time.Duration
	loaded             time.Time
	epoch              uint64
}

// New makes an engine. An error says file, line and column of what is wrong with a policy.
func New(o Options) (*Engine, error) {
	e := &Engine{now: o.Now}
	if e.now == nil {
		e.now = time.Now
	}
	return e, e.Apply(o)
}

// Apply swaps what decides, all of it or nothing: on an error the engine goes on as it was. Now cannot be changed.
func (e *Engine) Apply(o Options) error {
	commit, err := e.Prepare(o)
	if err != nil {
		return err
	}
	commit()
	return nil
}

// Prepare is Apply up to where it takes effect, for who changes more than the policy at once: everything that can fail
// has been done when commit is called, if it is.
func (e *Engine) Prepare(o Options) (commit func(), err error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	s, err := e.load(o)
	e.failed = err
	if err != nil {
		return nil, err
	}
	return func() {
		e.apply.Lock()
		defer e.apply.Unlock()
		s.loaded = e.now()
		if regranted, err := s.withGrants(grantsValue(e.grants)); err == nil { // they may have changed meanwhile
			s = regranted
		}
		e.swap(s)
	}, nil
}

func (e *Engine) load(o Options) (*snapshot, error) {
	s := &snapshot{mode: o.Mode, deadline: o.Deadline}
	if s.deadline <= 0 {
		s.deadline = DefaultDeadline
	}
	if len(o.Rules.Files) == 0 {
		return s, nil
	}
	grants := grantsValue(e.grants)
	var err error
	if s.running, err = o.Rules.program(grants); err != nil {
		return nil, err
	}
	if o.Candidate != nil {
		if s.candidate, err = o.Candidate.program(grants); err != nil {
			return nil, fmt.Errorf("candidate: %w", err)
		}
	}
	return s, nil
}

// grantsValue is data.grants.
func grantsValue(grants []Grant) ast.Value {
	v, err := ast.InterfaceToValue(GrantData(grants))
	if err != nil {
		panic("policy: grants are no data: " + err.Error()) // they are maps, lists and strings
	}
	return v
}

func (r *Rules) program(grants ast.Value) (*program, error) {
	c, err := compile(r)
	if err != nil {
		return nil, err
	}
	return c.with(grants)
}

func (e *Engine) swap(s *snapshot) {
	s.epoch = e.epochs.next()
	e.current.Store(s)
}

// SetGrants replaces the running break-glass grants, which policies see as data.grants.
func (e *Engine) SetGrants(grants []Grant) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.grants = grants
	s, err := e.current.Load().withGrants(grantsValue(grants))
	if e.failed = err; err != nil {
		return
	}
	e.swap(s)
}

// withGrants is the same snapshot over other grants.
func (s *snapshot) withGrants(grants ast.Value) (*snapshot, error) {
	next := *s
	var err, err2 error
	if s.running != nil {
		next.running, err = s.running.with(grants)
	}
	if s.candidate != nil {
		next.candidate, err2 = s.candidate.with(grants)
	}
	return &next, errors.Join(err, err2)
}

// Bump says that decisions about a principal may not hold any more.
func (e *Engine) Bump(principal string) { e.epochs.bump(principal) }

// Session returns the decider of one session.
func (e *Engine) Session(s *access.Session) *Session { return &Session{engine: e, session: s} }
