package store

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
)

// A Reader yields the records of both streams in the order of their numbers. It belongs to one goroutine, holds two open
// files at most, and keeps what it is reading readable when that is removed meanwhile.
type Reader struct {
	store   *Store
	after   int64 // seq of the last record that was yielded or found missing
	cursors [streams]cursor
	damage  []error // since Damage was asked
}

// A cursor is a Reader's place in one stream.
type cursor struct {
	first  int64 // of the segment it is in; 0: in none yet
	fenced bool  // that does not grow, and an end in it may be a hole
	scan   *Scanner
	frame  Frame // the next one
	have   bool
}

// Read begins after a number; 0 is the beginning.
func (s *Store) Read(after int64) *Reader { return &Reader{store: s, after: after} }

// Close closes its files.
func (r *Reader) Close() error {
	var failed error
	for i := range r.cursors {
		if c := r.cursors[i].scan; c != nil {
			failed = errors.Join(failed, c.Close())
		}
		r.cursors[i] = cursor{}
	}
	return failed
}

// Next returns the next record that is in the journal by now; the payload is good until the next call. missing is how
// many numbers between it and the one before have no record: removed, or damaged. Where they are missing up to the
// newest number, payload is nil and seq is that number. ok is false when there is nothing new.
func (r *Reader) Next() (seq int64, payload []byte, missing int64, ok bool) {
	return r.NextUpTo(math.MaxInt64)
}

// NextUpTo is Next for records up to a number.
func (r *Reader) NextUpTo(limit int64) (seq int64, payload []byte, missing int64, ok bool) {
	head := min(r.store.Head(), limit) // what is in front of it can be read from here on
	if r.after >= head {
		return 0, nil, 0, false
	}
	next := -1
	for i := range r.cursors {
		c := &r.cursors[i]
		if !c.have {
			r.advance(Stream(i), head)
		}
		if c.have && c.frame.Seq <= head && (next < 0 || c.frame.Seq < r.cursors[next].frame.Seq) {
			next = i
		}
	}
	if next < 0 {
		missing = head - r.after
		r.after = head
		return head, nil, missing, true
	}
	c := &r.cursors[next]
	c.have = false
	missing = c.frame.Seq - r.after - 1
	r.after = c.frame.Seq
	return c.frame.Seq, c.frame.Payload, missing, true
}

// Damage returns what did not check since it was asked last.
func (r *Reader) Damage() []error {
	all := r.damage
	r.damage = nil
	return all
}

// advance finds the stream's next record after the reader's place, up to head.
func (r *Reader) advance(stream Stream, head int64) {
	c := &r.cursors[stream]
	for {
		// Whether there is another segment is asked first: then this one does not grow any more.
		next, more := r.store.segmentAfter(stream, c.first)
		if c.scan != nil {
			if r.scan(c) {
				return
			}
			if !more {
				return
			}
			r.note(c.scan.Close())
			c.scan = nil
		}
		if c.first == 0 { // the beginning: not the first segment, but the one with the reader's place
			next, more = r.store.segmentWith(stream, r.after+1)
		}
		if !more || next.First > head {
			return
		}
		r.enter(c, next)
	}
}

// enter opens a segment, near the reader's place where there is an index.
func (r *Reader) enter(c *cursor, next place) {
	c.first, c.fenced = next.First, next.Fenced
	scan, err := r.store.openAt(next.stream, next.First)
	if errors.Is(err, fs.ErrNotExist) { // removed
		return
	}
	if err != nil {
		r.note(err)
		return
	}
	if h := scan.Header; h.Journal != r.store.opt.Journal || h.Stream != next.stream || h.First != next.First {
		r.note(errors.Join(scan.damage(0, "the header is another segment's"), scan.Close()))
		return
	}
	i, _ := slices.BinarySearchFunc(next.index, r.after+1, func(e indexEntry, seq int64) int { return cmp.Compare(e.seq, seq) })
	if i == len(next.index) || next.index[i].seq != r.after+1 {
		i--
	}
	if i > 0 {
		scan.Jump(next.index[i].offset, next.index[i].seq-1)
	}
	c.scan = scan
}

func (r *Reader) note(err error) {
	if err != nil && len(r.damage) < 100 {
		r.damage = append(r.damage, err)
	}
}

// scan reads the cursor's segment up to the next record after the reader's place. It says false at the segment's end.
func (r *Reader) scan(c *cursor) bool {
	for {
		f, err := c.scan.Next()
		if err == nil {
			if f.Seq > r.after {
				c.frame, c.have = f, true
				return true
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			if !c.fenced || c.scan.Footer() != nil || !c.scan.Resync() {
				return false
			}
			continue
		}
		r.note(err)
		if !c.scan.Resync() {
			return false
		}
	}
}

// A place is where a segment can be read.
type place struct {
	Segment
	stream Stream
	index  []indexEntry
}

// segmentAfter is the stream's next segment after the one that begins with first.
func (s *Store) segmentAfter(stream Stream, first int64) (place, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[stream].after(first)
}

func (st *stream) after(first int64) (place, bool) {
	i, found := slices.BinarySearchFunc(st.done, first, byFirst)
	if found {
		i++
	}
	if i < len(st.done) {
		return st.done[i].place(), true
	}
	for _, g := range st.written() {
		if g.first > first {
			return g.place(), true
		}
	}
	return place{}, false
}

func byFirst(d *done, first int64) int { return cmp.Compare(d.First, first) }

// segmentWith is the segment of the stream in which a number is or would be; else the first.
func (s *Store) segmentWith(stream Stream, seq int64) (place, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.streams[stream]
	for _, g := range slices.Backward(st.written()) {
		if g.first <= seq {
			return g.place(), true
		}
	}
	i, found := slices.BinarySearchFunc(st.done, seq, byFirst)
	if !found {
		i--
	}
	if i >= 0 {
		return st.done[i].place(), true
	}
	return st.after(0)
}

// openAt opens the segment that begins with first, under the name that it has now.
func (s *Store) openAt(stream Stream, first int64) (*Scanner, error) {
	s.naming.RLock()
	defer s.naming.RUnlock()
	next, ok := s.segmentAfter(stream, first-1)
	if !ok || next.First != first {
		return nil, fs.ErrNotExist
	}
	return OpenSegment(next.Path)
}

func (d *done) place() place { return place{d.Segment, d.Stream, d.index} }

func (g *segment) place() place { return place{g.describe(), g.stream, slices.Clone(g.index)} }
