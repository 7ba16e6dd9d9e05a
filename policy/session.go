package policy

import (
	"sync/atomic"

	"doorkeeper/access"
)

// A Session decides for one connection. Both of its pumps may ask at the same time.
type Session struct {
	engine  *Engine
	session *access.Session
	table   atomic.Pointer[table]
	bound   atomic.Pointer[bound]
	hits    *atomic.Uint64
}

// bound is what a session keeps of an identity, to answer for its epoch.
type bound struct {
	identity  *access.Identity
	principal *principal
}

// Session returns the decider of one session.
func (e *Engine) Session(s *access.Session) *Session {
	return &Session{engine: e, session: s, hits: e.hits.shard()}
}

// Epoch moves whenever a decision made before, of this identity, may no longer hold. It takes no lock.
func (s *Session) Epoch(i *access.Identity) uint64 {
	policy := s.engine.current.Load().epoch
	_, epoch := s.principal(i)
	return policy + epoch // both only grow
}

// Watches says that nothing of what is decided is carried out: there are no rules, or they are only watched.
func (s *Session) Watches() bool {
	c := s.engine.current.Load()
	return c.running == nil || c.mode == Monitor
}

// principal returns an identity's principal with its epoch.
func (s *Session) principal(i *access.Identity) (*principal, uint64) {
	b := s.bound.Load()
	for {
		if b != nil && b.identity == i {
			if epoch := b.principal.epoch.Load(); epoch != 0 {
				return b.principal, epoch
			}
		}
		b = &bound{identity: i, principal: s.engine.epochs.of(i.Principal)}
		s.bound.Store(b)
	}
}

// Decide answers whether an action may pass. What was asked before under the same policy, identity, client and epoch is
// known without a lock or an allocation.
func (s *Session) Decide(r *access.Request, a *access.Action) *access.Decision {
	snap := s.engine.current.Load()
	t := s.table.Load()
	if t == nil || t.policy != snap.epoch || t.identity != r.Identity || t.client != r.Client || t.principal.epoch.Load() != t.epoch {
		snap, t = s.open(r)
	}
	l := snap.parts.lookup(r, a)
	if e := t.find(&l); e != nil && (e.span.until == 0 || e.span.holds(s.engine.now().UnixNano())) {
		s.hits.Add(1)
		return e.decision
	}
	return s.miss(snap, t, r, a)
}

// open makes a table for what the request comes with.
func (s *Session) open(r *access.Request) (*snapshot, *table) {
	snap := s.engine.snapshot()
	t := &table{policy: snap.epoch, identity: r.Identity, client: r.Client}
	t.who = &who{session: s.session, identity: r.Identity, client: r.Client}
	t.principal, t.epoch = s.principal(r.Identity)
	t.slots = make([]atomic.Pointer[entry], minSlots)
	q := &question{who: t.who}
	if snap.running != nil {
		t.keys[0] = snap.running.reads.appendWho(nil, q)
	}
	if snap.candidate != nil {
		t.keys[1] = snap.candidate.reads.appendWho(nil, q)
	}
	s.table.Store(t)
	return snap, t
}

// miss asks the policy and keeps the answer.
func (s *Session) miss(snap *snapshot, t *table, r *access.Request, a *access.Action) *access.Decision {
	if s.engine.snapshot() != snap { // a grant began or ended, or the policy was changed just now
		snap, t = s.open(r)
	}
	q := &question{who: t.who, request: r, action: *a, now: s.engine.now()}
	ans, cached := snap.answer(&t.keys, q)
	d := ans.fresh
	if cached {
		s.hits.Add(1)
		d = ans.cached
	}
	if l := snap.parts.lookup(r, a); ans.keep && l.small() {
		t.put(&entry{lookup: l, span: ans.span, decision: ans.cached})
		if t.crowded() {
			s.table.CompareAndSwap(t, t.larger())
		}
	}
	return d
}
