package policy

import (
	"sync"
	"sync/atomic"
)

// epochs gives every change a number of its own, from one clock: the policy's changes and the principals'. Each has its
// number a moment before it takes effect, so that two may take effect in the other order. The epoch of a session is the sum of
// the policy's and its principal's: both only grow, so it moves with either, whichever is first, and never comes back. (The
// larger of the two would not move with one that was late.)
type epochs struct {
	clock atomic.Uint64

	mu         sync.Mutex
	principals map[string]*principal
	oldest     []*principal // in order of arrival
}

// maxPrincipals is above the connections that a proxy serves at a time.
const maxPrincipals = 1 << 15

// A principal's epoch. Sessions hold on to it; 0 says that it was forgotten and must be looked up anew.
type principal struct {
	name  string
	epoch atomic.Uint64
}

func (e *epochs) next() uint64 { return e.clock.Add(1) }

// bump moves a principal's epoch. Under the lock: of two at a time the later number stays, and who was forgotten is 0.
func (e *epochs) bump(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.get(name).epoch.Store(e.next())
}

// of returns a principal's epoch. One that was forgotten starts anew with a number that nobody has had.
func (e *epochs) of(name string) *principal {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.get(name)
}

// get is called with mu held.
func (e *epochs) get(name string) *principal {
	if p := e.principals[name]; p != nil {
		return p
	}
	if e.principals == nil {
		e.principals = map[string]*principal{}
	}
	if len(e.oldest) >= maxPrincipals {
		gone := e.oldest[0]
		e.oldest = e.oldest[1:]
		delete(e.principals, gone.name)
		gone.epoch.Store(0)
	}
	p := &principal{name: name}
	p.epoch.Store(e.next())
	e.principals[name] = p
	e.oldest = append(e.oldest, p)
	return p
}

func (e *epochs) len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.principals)
}
