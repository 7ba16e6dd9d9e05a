package policy

import (
	"errors"
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats count since the engine was made.
type Stats struct {
	Evaluations uint64
	Hits        uint64 // decisions that a cache had
	Errors      uint64 // evaluations that failed, those past the deadline among them
	Deadlines   uint64
	Epoch       uint64 // the policy's
	Principals  int    // that have an epoch
	Time        Histogram
	Last        *Failure // the last evaluation that failed; nil: none did
	Candidate   CandidateStats
}

// A Failure is an evaluation that gave no decision.
type Failure struct {
	At     time.Time
	Reason string
}

// CandidateStats count the evaluations of candidates.
type CandidateStats struct {
	Evaluations uint64
	Errors      uint64
	Last        *Failure
}

// A Histogram counts evaluations by how long they took: bucket i holds those of less than 2^i microseconds, without
// those of the buckets before; the last one has no end.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Buckets [20]uint64
}

// hits are counted by sessions in shares, so that they do not wait for each other.
type hits struct {
	shares [64]struct {
		n atomic.Uint64
		_ [56]byte
	}
	next atomic.Uint64
}

func (h *hits) shard() *atomic.Uint64 { return &h.shares[h.next.Add(1)%uint64(len(h.shares))].n }

func (h *hits) sum() (n uint64) {
	for i := range h.shares {
		n += h.shares[i].n.Load()
	}
	return n
}

type counters struct {
	errors, deadlines atomic.Uint64
	count, sum        atomic.Uint64
	buckets           [len(Histogram{}.Buckets)]atomic.Uint64
	last              atomic.Pointer[Failure]
}

func (c *counters) evaluated(at time.Time, took time.Duration, err error) {
	c.count.Add(1)
	c.sum.Add(uint64(took))
	c.buckets[min(bits.Len64(uint64(took.Microseconds())), len(c.buckets)-1)].Add(1)
	if err == nil || errors.Is(err, errUndefined) {
		return
	}
	c.last.Store(&Failure{at, cut(err.Error())})
	c.errors.Add(1)
	if errors.Is(err, errDeadline) {
		c.deadlines.Add(1)
	}
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	c := &e.running.counters
	s := Stats{
		Evaluations: c.count.Load(), Hits: e.hits.sum(), Errors: c.errors.Load(), Deadlines: c.deadlines.Load(),
		Epoch: e.current.Load().epoch, Principals: e.epochs.len(),
		Time: Histogram{Count: c.count.Load(), Sum: time.Duration(c.sum.Load())}, Last: c.last.Load(),
		Candidate: CandidateStats{Evaluations: e.trial.counters.count.Load(), Errors: e.trial.counters.errors.Load(), Last: e.trial.counters.last.Load()},
	}
	for i := range c.buckets {
		s.Time.Buckets[i] = c.buckets[i].Load()
	}
	return s
}

// Status is what the engine decides by.
type Status struct {
	Mode      Mode
	Revision  string // "": there are no rules
	Origin    string
	Decision  string
	Input     Format
	Loaded    time.Time
	Deadline  time.Duration
	Candidate string // the candidate's revision; "": none
	Epoch     uint64
	Err       error // of the last Apply, if it changed nothing
}

// Status returns what the engine decides by.
func (e *Engine) Status() Status {
	e.apply.Lock()
	failed := e.failed
	e.apply.Unlock()
	s := e.current.Load()
	status := Status{Mode: s.mode, Loaded: s.loaded, Deadline: s.deadline, Epoch: s.epoch, Err: failed}
	if p := s.running; p != nil {
		status.Revision, status.Origin, status.Decision, status.Input = p.revision, p.origin, p.entry.String(), p.format
	}
	if s.candidate != nil {
		status.Candidate = s.candidate.revision
	}
	return status
}
