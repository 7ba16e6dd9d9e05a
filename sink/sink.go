package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/journal"
)

// Defaults of Options.
const (
	DefaultMaxRecords = 5000
	DefaultMaxBytes   = 1 << 20
)

// Options are what every type of sink has.
type Options struct {
	Name     string
	Dir      string // the cursor is cursors/<name> in it, dead letters deadletter/<name>.jsonl
	Filter   Filter
	InFlight int // batches that may be on their way at a time; 0: 1, and the far side gets everything in order

	// A batch goes when it has so many records or bytes, or when its first record has waited so long. 0: a default, and
	// no wait: what is there when the sink comes to look goes at once.
	MaxRecords int
	MaxBytes   int
	MaxWait    time.Duration

	Log *slog.Logger
}

// A Sink carries the journal's records to one place. New makes it, Start lets it run, Close ends it.
type Sink struct {
	opt     Options
	sender  Sender
	journal *journal.Journal
	graves  *graves
	pace    *pace

	cancel context.CancelFunc
	target journal.Position // set before stop is closed
	stop   chan struct{}    // closed: deliver the journal up to target, then end
	closer sync.Once
	done   chan struct{}

	stats             counters
	refused           atomic.Int64 // refusals for good since the far side last accepted something
	reminder, mourner reminder     // of failures and dead letters, for the log

	run runner // of the sink's goroutine alone, once it runs
}

type counters struct {
	records, filtered, dead, bytes, errors atomic.Int64
	failing                                atomic.Bool
	behind                                 atomic.Int64 // time of the newest record delivered, Unix nanoseconds
	cursor                                 atomic.Pointer[journal.Position]
}

// Stats are a sink's counters since the process's start, and where it is.
type Stats struct {
	Records   int64 // delivered, as events: a rollup is one
	Filtered  int64 // left out
	Dead      int64 // refused by the far side for good, and kept as dead letters
	Bytes     int64 // of events delivered, before compression
	Errors    int64 // failed attempts
	Rotations int64 // new files begun
	Failing   bool  // the last attempt failed: records wait

	Delivered journal.Position // up to here everything is delivered, left out, dead or being summed
	Cursor    journal.Position // where a restart begins
	Newest    time.Time        // when the newest record that is delivered was logged; zero: none yet
}

// New makes a sink that goes on where its cursor says. The sink owns the sender from here on.
func New(j *journal.Journal, sender Sender, opt Options) *Sink {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxRecords <= 0 {
		opt.MaxRecords = DefaultMaxRecords
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	opt.InFlight = max(opt.InFlight, 1)
	opt.Filter = opt.Filter.folded()
	s := &Sink{
		opt: opt, sender: sender, journal: j, pace: newPace(),
		graves: newGraves(filepath.Join(opt.Dir, "deadletter", opt.Name+".jsonl")),
		stop:   make(chan struct{}), done: make(chan struct{}),
	}
	s.run.sink = s
	return s
}

// Start reads the cursor and lets the sink run. A cursor that cannot be used is put aside, and the sink begins with the
// oldest record.
func (s *Sink) Start() {
	at, n, err := loadCursor(s.cursorPath())
	if err != nil {
		kept, aside := putAside(s.cursorPath())
		s.opt.Log.Error("sink has lost its place and begins with the oldest record of the journal: what was delivered is delivered again",
			"sink", s.opt.Name, "error", errors.Join(err, aside), "kept", kept)
		at, n = journal.Position{}, counts{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.run.begin(at, n)
	go s.run.read(ctx, at)
	go s.run.loop(ctx)
}

func (s *Sink) cursorPath() string { return filepath.Join(s.opt.Dir, "cursors", s.opt.Name) }

// Stats takes a snapshot.
func (s *Sink) Stats() Stats {
	c := &s.stats
	stats := Stats{
		Records: c.records.Load(), Filtered: c.filtered.Load(), Dead: c.dead.Load(), Bytes: c.bytes.Load(),
		Errors: c.errors.Load(), Failing: c.failing.Load(),
	}
	if r, ok := s.sender.(interface{ Rotations() int64 }); ok {
		stats.Rotations = r.Rotations()
	}
	if at := c.cursor.Load(); at != nil {
		stats.Delivered, stats.Cursor = *at, *at
	}
	if at := c.behind.Load(); at > 0 {
		stats.Newest = time.Unix(0, at)
	}
	return stats
}

// Lag is how many records of the journal are not delivered yet.
func (s *Stats) Lag(head journal.Position) int64 {
	if s.Delivered.Journal != head.Journal {
		return head.Seq
	}
	return max(head.Seq-s.Delivered.Seq, 0)
}

// Close delivers what is in the journal by now and ends. If ctx ends before, it gives up: the cursor stays where it is,
// the next start goes on there, and the error says how many records wait.
func (s *Sink) Close(ctx context.Context) error {
	if s.cancel == nil { // never started
		return s.closeSender()
	}
	s.closer.Do(func() {
		s.target = s.journal.Head()
		close(s.stop)
	})
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		<-s.done
	}
	s.cancel()
	err := s.closeSender()
	stats := s.Stats()
	if waiting := stats.Lag(s.target); waiting > 0 {
		return fmt.Errorf("sink %s: %d records were not delivered before the deadline and wait in the journal", s.opt.Name, waiting)
	}
	return err
}

func (s *Sink) closeSender() error {
	if err := s.graves.close(); err != nil {
		return fmt.Errorf("sink %s: dead letters: %w", s.opt.Name, err)
	}
	if err := s.sender.Close(); err != nil {
		return fmt.Errorf("sink %s: %w", s.opt.Name, err)
	}
	return nil
}
