package policy

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
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
	epochs  epochs
	running role
	trial   role
	hits    hits

	apply  sync.Mutex // one change at a time
	grants []Grant
	failed error // of the last Apply
}

// A role is what stays when a program is replaced by its successor.
type role struct {
	evaluator evaluator
	counters  counters
}

// A snapshot is what decides at one moment: immutable, and swapped as a whole.
type snapshot struct {
	running, candidate *program // nil where there is none
	mode               Mode
	deadline           time.Duration
	loaded             time.Time
	epoch              uint64
	parts              part // that either program reads
	grants             span // in which the grants are the running ones
}

// New makes an engine. An error says file, line and column of what is wrong with a policy.
func New(o Options) (*Engine, error) {
	e := &Engine{now: o.Now}
	if e.now == nil {
		e.now = time.Now
	}
	if err := e.Apply(o); err != nil {
		return nil, err
	}
	return e, nil
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
// has been done when commit is called, if it is. What decides goes on meanwhile.
func (e *Engine) Prepare(o Options) (commit func(), err error) {
	s, err := e.load(o)
	e.apply.Lock()
	defer e.apply.Unlock()
	e.failed = err
	if err != nil {
		return nil, err
	}
	return func() {
		e.apply.Lock()
		defer e.apply.Unlock()
		s.loaded = e.now()
		e.swap(s)
	}, nil
}

func (e *Engine) load(o Options) (*snapshot, error) {
	defer makeRoom()()
	s := &snapshot{mode: o.Mode, deadline: o.Deadline}
	if s.deadline <= 0 {
		s.deadline = DefaultDeadline
	}
	var err error
	if len(o.Rules.Files) > 0 {
		if s.running, err = load(&o.Rules, &e.running, s.deadline); err != nil {
			return nil, err
		}
	}
	if o.Candidate != nil {
		if s.candidate, err = load(o.Candidate, &e.trial, s.deadline); err != nil {
			return nil, fmt.Errorf("candidate: %w", err)
		}
		s.candidate.candidate = true
	}
	for _, p := range []*program{s.running, s.candidate} {
		if p != nil {
			s.parts |= p.reads.parts
		}
	}
	return s, nil
}

// swap puts a snapshot into force, over the grants that are running now. Its epoch is a new one. The caller holds apply.
func (e *Engine) swap(s *snapshot) {
	next := *s
	active, holds := running(e.grants, e.now())
	next.grants = holds
	next.running, next.candidate = s.running.over(active, holds), s.candidate.over(active, holds)
	next.epoch = e.epochs.next()
	e.current.Store(&next)
}

// snapshot is what decides now.
func (e *Engine) snapshot() *snapshot {
	s := e.current.Load()
	if s.grants.until == 0 || s.grants.holds(e.now().UnixNano()) {
		return s
	}
	e.apply.Lock()
	defer e.apply.Unlock()
	if s = e.current.Load(); !s.grants.holds(e.now().UnixNano()) {
		e.swap(s)
	}
	return e.current.Load()
}

// SetGrants replaces the break-glass grants, of which policies see the running ones as data.grants.
func (e *Engine) SetGrants(grants []Grant) {
	e.apply.Lock()
	defer e.apply.Unlock()
	e.grants = grants
	e.swap(e.current.Load())
}

// Bump says that decisions about a principal may not hold any more.
func (e *Engine) Bump(principal string) { e.epochs.bump(principal) }
