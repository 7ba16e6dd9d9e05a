package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Options.
const (
	DefaultSegmentBytes = 64 << 20
	DefaultSegmentAge   = time.Minute
	DefaultSyncInterval = 200 * time.Millisecond

	// MinSegmentBytes is the least that makes sense: a segment has room for a few records of the largest kind.
	MinSegmentBytes = 64 << 10
)

// controlShare: the control stream is the smaller one, and so are its segments.
const controlShare = 4

// Options are fixed for the life of a store. The zero value of each field but Dir and Journal means its default.
type Options struct {
	Dir          string // of this journal; made (0700) where it is missing
	Journal      [16]byte
	SegmentBytes int64         // of the access stream; the control stream's segments are a quarter
	SegmentAge   time.Duration // a segment with a record in it is sealed after this time
	SyncInterval time.Duration // how often what was appended is brought to disk
	Now          func() time.Time

	// Sealed is called after a segment was sealed, by a goroutine of the store: return soon.
	Sealed func(Segment)
	// Synced is called after a sync brought something new to disk, and when Writable changes.
	Synced func()

	files *files // of tests
}

// ErrFull: the segment is full and there is no other. Writable has said so before.
var ErrFull = errors.New("the journal's disk is full")

// A Segment is what the store says of one of its files.
type Segment struct {
	Stream  Stream
	Path    string
	First   int64 // seq
	Last    int64 // 0: nobody has looked yet (Stat does)
	Count   int64
	Size    int64 // bytes on disk
	Created time.Time
	Ended   time.Time // when it was sealed
	Sealed  bool      // it ends with a footer and does not change any more
	Fenced  bool      // it is damaged and does not change any more
}

// A Store is open for appending and reading. All methods may be called from any goroutine.
type Store struct {
	opt   Options
	files files

	head   atomic.Int64 // newest seq
	synced atomic.Int64 // newest seq that is on disk, with all before it
	fault  atomic.Pointer[fault]

	failing atomic.Bool
	turns   atomic.Uint64 // of Writable

	naming sync.RWMutex // held while a file gets another name, and while one is found and opened; before mu

	mu       sync.Mutex // guards all below
	streams  [streams]stream
	spares   int // counts names
	preparer error
	syncer   error
	closed   bool

	stats   counters
	wantNew chan struct{} // to the preparer: a spare was taken
	wantRun chan struct{} // to the keeper: sync, or seal what is full
	wait    waiters
	stop    chan struct{}
	running sync.WaitGroup
}

// A stream's segments, in order of their first seq: those that do not change, those that are full, the one that is
// written, and one that waits.
type stream struct {
	dir    string
	bytes  int64 // of a segment
	done   []*done
	full   []*segment
	active *segment // nil after Close alone
	spare  *segment // nil: it is being made, or cannot be
}

// A done segment is sealed or fenced.
type done struct {
	Segment
	index []indexEntry // nil: it was sealed by an earlier process
}

// fault is why nothing new should be started.
type fault struct{ err error }

// Open recovers what is there and begins new segments. Recovery says what was found. An error says that no record can be
// written: no space, no rights, or a disk that fails.
func Open(opt Options) (*Store, Recovery, error) {
	opt = opt.withDefaults()
	s := &Store{
		opt: opt, files: osFiles(), wantNew: make(chan struct{}, 1), wantRun: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if opt.files != nil {
		s.files = *opt.files
	}
	s.wait.init()
	var found Recovery
	for i := range s.streams {
		st := &s.streams[i]
		st.dir = filepath.Join(opt.Dir, Stream(i).String())
		st.bytes = s.segmentBytes(Stream(i))
		if err := os.MkdirAll(st.dir, 0o700); err != nil {
			return nil, found, fmt.Errorf("making the journal's directory: %w", err)
		}
		if err := s.recover(Stream(i), &found); err != nil {
			return nil, found, err
		}
	}
	found.Head += found.unknown
	s.head.Store(found.Head)
	s.synced.Store(found.Head)
	for i := range s.streams {
		g, err := s.prepare(Stream(i))
		if err != nil {
			return nil, found, errors.Join(err, s.release())
		}
		s.streams[i].active = g
	}
	s.running.Add(2)
	go s.prepareAhead()
	go s.keep()
	return s, found, nil
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.SegmentAge <= 0 {
		o.SegmentAge = DefaultSegmentAge
	}
	if o.SyncInterval <= 0 {
		o.SyncInterval = DefaultSyncInterval
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sealed == nil {
		o.Sealed = func(Segment) {}
	}
	if o.Synced == nil {
		o.Synced = func() {}
	}
	return o
}

// segmentBytes is a multiple of a page.
func (s *Store) segmentBytes(stream Stream) int64 {
	n := s.opt.SegmentBytes
	if stream == Control {
		n /= controlShare
	}
	page := int64(os.Getpagesize())
	return (max(n, MinSegmentBytes) + page - 1) / page * page
}

// Largest is the longest payload that a segment of the stream can take.
func (s *Store) Largest(stream Stream) int {
	return int(min(s.segmentBytes(stream)-HeaderSize-FooterSize-frameHead-8, MaxPayload))
}

// Append writes a record: payload is copied. seq is more than any before and is the one in the payload. An error means
// that the record is not in the journal; ErrFull that none will be until there is space.
func (s *Store) Append(stream Stream, seq int64, payload []byte) error {
	if len(payload) == 0 || len(payload) > s.Largest(stream) {
		return fmt.Errorf("a record of %d bytes does not fit into a segment", len(payload))
	}
	if inside, ok := SeqOf(payload); !ok || inside != seq {
		return fmt.Errorf("a record with seq %d is to be appended as %d", inside, seq)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return os.ErrClosed
	case seq <= s.head.Load():
		return fmt.Errorf("seq %d is not after %d", seq, s.head.Load())
	}
	st := &s.streams[stream]
	if st.active.room() < frameSize(len(payload)) && !s.rotate(st) {
		s.stats.refused++
		return ErrFull
	}
	if err := s.write(st.active, seq, payload); err != nil {
		s.stats.refused++
		return err
	}
	s.head.Store(seq)
	if st.spare == nil {
		s.judge()
	}
	return nil
}

// Fits is nil where the next Append to the stream, of a payload of n bytes, finds room.
func (s *Store) Fits(stream Stream, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.streams[stream]
	switch {
	case s.closed:
		return os.ErrClosed
	case n > s.Largest(stream) || st.spare == nil && st.active.room() < frameSize(n):
		s.stats.refused++
		return ErrFull
	}
	return nil
}

func (s *Store) write(g *segment, seq int64, payload []byte) error {
	return guard(func() {
		if g.count == 0 {
			g.begin(s.opt.Journal, seq, s.opt.Now())
		}
		g.append(seq, payload)
	})
}

// rotate makes the spare segment the one that is written. mu is held.
func (s *Store) rotate(st *stream) bool {
	if st.spare == nil {
		return false
	}
	if st.active.count > 0 {
		st.full = append(st.full, st.active)
	}
	st.active, st.spare = st.spare, nil
	s.stats.rotations++
	nudge(s.wantNew)
	nudge(s.wantRun)
	return true
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// reserve is what is left of the last segment when new accesses are to stop: for what is in flight then.
func (st *stream) reserve() int64 { return st.bytes / 4 }

// judge works out whether new accesses may begin. mu is held.
func (s *Store) judge() {
	var err error
	if s.syncer != nil {
		err = fmt.Errorf("the journal cannot be brought to disk: %w", s.syncer)
	}
	for i := range s.streams {
		st := &s.streams[i]
		if err != nil || st.spare != nil || st.active == nil || st.active.room() >= st.reserve() {
			continue
		}
		err = s.preparer
		if err == nil {
			err = errors.New("the next segment is not ready yet")
		}
	}
	old := s.fault.Load()
	if (err == nil) != (old == nil) {
		defer s.turns.Add(1) // after it: who has the number then has the answer
	}
	switch {
	case err == nil && old != nil:
		s.fault.Store(nil)
	case err != nil && (old == nil || old.err.Error() != err.Error()):
		s.fault.Store(&fault{err})
	}
}

// Writable is nil, or why nothing new should begin: the disk is full, or fails. What has begun can still be appended, as
// long as there is room.
func (s *Store) Writable() error {
	if f := s.fault.Load(); f != nil {
		return f.err
	}
	return nil
}

// Turns counts how often Writable has turned, one way or the other.
func (s *Store) Turns() uint64 { return s.turns.Load() }

// Head is the newest seq, 0 in a new journal.
func (s *Store) Head() int64 { return s.head.Load() }

// Synced is the newest seq that is on disk with all before it.
func (s *Store) Synced() int64 { return s.synced.Load() }

// Failing says that what was appended cannot be brought to disk now.
func (s *Store) Failing() bool { return s.failing.Load() }

// SyncSoon begins a sync for those who will wait for it.
func (s *Store) SyncSoon() { nudge(s.wantRun) }

// First is the oldest number that the access stream holds; one more than the newest where it holds none.
func (s *Store) First() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.streams[Access].after(0); ok {
		return first.First
	}
	return s.head.Load() + 1
}

// Segments lists all that hold records, those of a stream in order.
func (s *Store) Segments() []Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Segment
	for i := range s.streams {
		st := &s.streams[i]
		for _, d := range st.done {
			all = append(all, d.Segment)
		}
		for _, g := range st.written() {
			all = append(all, g.describe())
		}
	}
	return all
}

// written are the segments with records that are not sealed yet.
func (st *stream) written() []*segment {
	list := st.full[:len(st.full):len(st.full)]
	if st.active != nil && st.active.count > 0 {
		list = append(list, st.active)
	}
	return list
}

func (g *segment) describe() Segment {
	return Segment{
		Stream: g.stream, Path: g.path, First: g.first, Last: g.last, Count: g.count, Size: g.size, Created: g.created,
	}
}

// prepare makes a segment for a stream.
func (s *Store) prepare(stream Stream) (*segment, error) {
	st := &s.streams[stream]
	for {
		s.mu.Lock()
		s.spares++
		path := filepath.Join(st.dir, strconv.Itoa(s.spares)+".spare")
		s.mu.Unlock()
		g, err := newSegment(&s.files, stream, path, st.bytes)
		if !errors.Is(err, os.ErrExist) {
			return g, err
		}
	}
}

// Close brings everything to disk and seals what is open. Readers may go on.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.running.Wait()
	return s.finish()
}
