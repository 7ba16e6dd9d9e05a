// Package register keeps what somebody has decreed until it is taken back or ends: quarantines, grants. A register is
// small, is held in memory, and stands in one file of the state directory.
//
// What is entered holds at once, before it is on disk: a full disk shall not keep a kill switch from working. It knows
// nothing of what it keeps.
package register

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Most bounds the entries of a register.
const Most = 1000

// An Entry is something decreed. Its methods' results never change.
type Entry interface {
	Key() string    // unique, and never used again
	End() time.Time // zero: none
	Check() error   // says what is wrong with an entry that was read from a file; it is asked first, of null too
}

// A Register holds entries. Its methods may be called from any goroutine.
type Register[T Entry] struct {
	path    string // "": nowhere
	changed func(all []T)

	mu  sync.Mutex
	all []T // in the order in which they were entered; replaced, never changed

	saving sync.Mutex // one writer of the file at a time; taken before mu
}

// Open reads the register at path; a file that is not there is an empty one, and path "" stands for memory alone. An
// error means that nobody knows what was decreed: do not go on without it. Before Open returns, and then at every
// change, changed gets all entries; it must be quick and keep no changes to them.
func Open[T Entry](path string, changed func(all []T)) (*Register[T], error) {
	r := &Register[T]{path: path, changed: changed}
	if path != "" {
		all, err := read[T](path)
		if err != nil {
			return nil, err
		}
		r.all = all
	}
	changed(r.all)
	return r, nil
}

// Errors of Add and Remove.
var (
	ErrFull    = errors.New("there are too many: take back what is not needed any more")
	ErrExists  = errors.New("the id is taken")
	ErrUnknown = errors.New("there is none with this id")
)

// Add enters e: it holds when Add returns, and is kept once Save has returned.
func (r *Register[T]) Add(e T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.all) >= Most:
		return fmt.Errorf("%d: %w", len(r.all), ErrFull)
	case r.find(e.Key()) >= 0:
		return fmt.Errorf("%s: %w", e.Key(), ErrExists)
	}
	r.set(append(slices.Clone(r.all), e))
	return nil
}

// Remove takes an entry out, and returns it.
func (r *Register[T]) Remove(key string) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(key)
	if i < 0 {
		var none T
		return none, fmt.Errorf("%s: %w", key, ErrUnknown)
	}
	e := r.all[i]
	r.set(slices.Delete(slices.Clone(r.all), i, i+1))
	return e, nil
}

// Expire takes out what has ended by now, and returns it.
func (r *Register[T]) Expire(now time.Time) (ended []T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var left []T
	for _, e := range r.all {
		if end := e.End(); end.IsZero() || now.Before(end) {
			left = append(left, e)
		} else {
			ended = append(ended, e)
		}
	}
	if len(ended) > 0 {
		r.set(left)
	}
	return ended
}

// All returns the entries, oldest first. They are not to be changed.
func (r *Register[T]) All() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// Save writes the file, if there is one. Whoever changed something before has it on disk when Save returns nil.
func (r *Register[T]) Save() error {
	if r.path == "" {
		return nil
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	return write(r.path, r.All())
}

// find and set are called with mu held.
func (r *Register[T]) find(key string) int {
	return slices.IndexFunc(r.all, func(e T) bool { return e.Key() == key })
}

func (r *Register[T]) set(all []T) {
	r.all = all
	r.changed(all)
}
