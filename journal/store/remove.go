package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Remove deletes a segment that is sealed or fenced. Who is reading it reads on; its numbers are missing from then on.
func (s *Store) Remove(g Segment) error {
	s.mu.Lock()
	st := &s.streams[g.Stream]
	i, found := slices.BinarySearchFunc(st.done, g.First, byFirst)
	if !found {
		s.mu.Unlock()
		return fmt.Errorf("removing a segment: there is none that is done and begins with %d", g.First)
	}
	path := st.done[i].Path
	st.done = slices.Delete(slices.Clone(st.done), i, i+1)
	s.stats.removed++
	s.mu.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a segment: %w", err)
	}
	return nil
}

// Stat fills in what is not known yet of a segment that an earlier process left: Open reads names alone.
func (s *Store) Stat(g Segment) Segment {
	if g.Last > 0 || !g.Sealed && !g.Fenced {
		return g
	}
	d := &done{Segment: g}
	s.stat(d)
	return d.Segment
}

// measure looks at the segments that earlier processes left, a few at a time, so that Stats and Segments know them. It
// is the preparer's first work.
func (s *Store) measure() {
	for _, g := range s.Segments() {
		if g.Last > 0 {
			continue
		}
		select {
		case <-s.stop:
			return
		default:
		}
		g = s.Stat(g)
		s.mu.Lock()
		st := &s.streams[g.Stream]
		if i, found := slices.BinarySearchFunc(st.done, g.First, byFirst); found && st.done[i].Path == g.Path {
			st.done[i] = &done{g, st.done[i].index}
		}
		s.mu.Unlock()
	}
}
