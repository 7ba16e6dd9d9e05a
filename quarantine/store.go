package quarantine

import (
	"sync/atomic"
	"time"

	"doorkeeper/internal/register"
)

// A Store is the quarantines in force, kept in a file. Its methods may be called from any goroutine.
type Store struct {
	kept  *register.Register[*Quarantine]
	set   atomic.Pointer[Set]
	epoch atomic.Uint64
}

// Open reads the quarantines at path; "" stands for memory alone. An error means that nobody knows who is quarantined: do
// not serve.
func Open(path string) (*Store, error) {
	s := &Store{}
	var err error
	s.kept, err = register.Open(path, s.publish)
	return s, err
}

// None returns an empty store that is kept in memory alone.
func None() *Store {
	s, err := Open("")
	if err != nil {
		panic(err) // there is no file that could be wrong
	}
	return s
}

// publish puts a change in force. The set is there before the epoch moves: whoever sees the new epoch asks the new set.
func (s *Store) publish(all []*Quarantine) {
	s.set.Store(newSet(all))
	s.epoch.Add(1)
}

// Set is what is in force at the moment, nil if nothing is.
func (s *Store) Set() *Set { return s.set.Load() }

// Epoch moves with every change of the set.
func (s *Store) Epoch() uint64 { return s.epoch.Load() }

// Add puts a quarantine in force: every Set asked for after it returned has it. It is on disk once Save has returned.
// What Add gets is not to be changed any more.
func (s *Store) Add(q *Quarantine) error {
	if err := q.Check(); err != nil {
		return err
	}
	return s.kept.Add(q)
}

// Lift takes a quarantine away, and returns it.
func (s *Store) Lift(id string) (*Quarantine, error) { return s.kept.Remove(id) }

// Expire takes away what has ended by now, and returns it.
func (s *Store) Expire(now time.Time) []*Quarantine { return s.kept.Expire(now) }

// All lists the quarantines in force, oldest first.
func (s *Store) All() []*Quarantine { return s.kept.All() }

// Save writes the file.
func (s *Store) Save() error { return s.kept.Save() }
