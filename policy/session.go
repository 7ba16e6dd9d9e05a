package policy

import (
	"sync/atomic"

	"doorkeeper/access"
)

// A Session decides for one connection. Both of its pumps may ask at the same time.
type Session struct {
	engine  *Engine
	session *access.Session
	bound   atomic.Pointer[bound]
}

// bound is what a session keeps of an identity.
type bound struct {
	identity  *access.Identity
	principal *principal
}

// Epoch moves whenever a decision made before, of this identity, may no longer hold.
func (s *Session) Epoch(i *access.Identity) uint64 {
	policy := s.engine.current.Load().epoch
	b := s.bound.Load()
	for {
		if b != nil && b.identity == i {
			if epoch := b.principal.epoch.Load(); epoch != 0 {
				return max(policy, epoch)
			}
		}
		b = &bound{identity: i, principal: s.engine.epochs.of(i.Principal)}
		s.bound.Store(b)
	}
}

// Decide answers whether an action may pass.
func (s *Session) Decide(r *access.Request, a *access.Action) *access.Decision {
	return s.engine.decide(s.engine.current.Load(), s.session, r, a)
}
