package access

import "sync/atomic"

// A Reference is the id of a record that may still have to be written, so that an answer can name it first. Whoever
// writes that record takes the id, and only the first to take it has it.
type Reference struct {
	ID    string
	taken atomic.Bool
}

// Take says whether the id is the caller's to write a record under.
func (r *Reference) Take() bool { return r != nil && r.taken.CompareAndSwap(false, true) }

// Free says whether the id could still be taken.
func (r *Reference) Free() bool { return r != nil && !r.taken.Load() }

// Taken is the reference to a record that is written.
func Taken(id string) *Reference {
	r := &Reference{ID: id}
	r.taken.Store(true)
	return r
}
