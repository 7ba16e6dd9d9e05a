package sink

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// Times of a sink that cannot write.
const (
	defaultRetry = time.Second
	remindAfter  = 60 // retries between two lines in the log
)

// fileBuffer is how much is gathered for one write while there is more to read.
const fileBuffer = 64 << 10

// FileOptions are what the configuration says of a sink of type file.
type FileOptions struct {
	Name     string
	Path     string
	MaxBytes int64 // a file that would grow beyond is rotated; 0: never
	Keep     int   // how many rotated files are kept: Path.1 is the newest
	Log      *slog.Logger
}

// A File sink writes each record as one line of JSON. It creates files for their owner alone (0600).
type File struct {
	opt     FileOptions
	journal *journal.Journal
	retry   time.Duration
	cancel  context.CancelFunc
	done    chan struct{}

	drainTo   atomic.Int64 // seq at which the sink is to end; 0: none
	delivered atomic.Int64 // seq up to which all is written
	stats     fileCounters

	// Of the goroutine alone.
	out *rotating
	buf []byte
}

type fileCounters struct {
	records, bytes, errors, rotations atomic.Int64
	failing                           atomic.Bool
}

// FileStats are a file sink's counters.
type FileStats struct {
	Records   int64 // written
	Bytes     int64
	Errors    int64 // failed attempts to write or rotate
	Rotations int64
	Seq       int64 // all records up to this one are written: the journal's head minus this is the lag
	Failing   bool  // the last attempt failed, records wait
}

// OpenFile opens the file and follows the journal from its oldest record on. It fails where the file cannot be
// written now; what fails later is tried again until Close.
func OpenFile(j *journal.Journal, opt FileOptions) (*File, error) {
	return openFile(j, opt, openOS, defaultRetry)
}

func openFile(j *journal.Journal, opt FileOptions, open opener, retry time.Duration) (*File, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	out := &rotating{path: opt.Path, maxBytes: opt.MaxBytes, keep: opt.Keep, open: open}
	if err := out.ready(); err != nil {
		return nil, fmt.Errorf("sink %s: %w (%s)", opt.Name, err, hint(err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &File{opt: opt, journal: j, retry: retry, cancel: cancel, done: make(chan struct{}), out: out}
	go f.run(ctx)
	return f, nil
}

// Stats takes a snapshot.
func (f *File) Stats() FileStats {
	s := &f.stats
	return FileStats{
		Records: s.records.Load(), Bytes: s.bytes.Load(), Errors: s.errors.Load(), Rotations: s.rotations.Load(),
		Seq: f.delivered.Load(), Failing: s.failing.Load(),
	}
}

// Close writes what is in the journal by now, then closes the file. If ctx ends before, it gives up, and the error
// says how many records were not written.
func (f *File) Close(ctx context.Context) error {
	target := f.journal.Head().Seq
	f.drainTo.Store(target)
	// Either the goroutine sees drainTo after it has delivered the last record, or we see here what it delivered.
	if f.delivered.Load() >= target {
		f.cancel()
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		f.cancel()
		<-f.done
	}
	f.cancel()
	if missing := target - f.delivered.Load(); missing > 0 {
		return fmt.Errorf("sink %s: %s: %d records were not written before the deadline", f.opt.Name, f.opt.Path, missing)
	}
	return nil
}

func (f *File) run(ctx context.Context) {
	defer close(f.done)
	defer f.close()
	var last int64
	for r := range f.journal.Follow(ctx, journal.Position{}) {
		if !f.add(ctx, r) {
			return
		}
		last = r.Seq
		if len(f.buf) < fileBuffer && last < f.journal.Head().Seq {
			continue // more is there: one write for many
		}
		if !f.flush(ctx) {
			return
		}
		f.delivered.Store(last)
		if target := f.drainTo.Load(); target > 0 && last >= target {
			return
		}
	}
}

// add appends a record's line to the buffer. Where the file would grow too large it is rotated first.
func (f *File) add(ctx context.Context, r *access.Record) bool {
	before := len(f.buf)
	f.buf = append(access.AppendJSON(f.buf, r), '\n')
	if !f.out.full(before, len(f.buf)-before) {
		f.stats.records.Add(1)
		return true
	}
	line := append([]byte(nil), f.buf[before:]...)
	f.buf = f.buf[:before]
	if !f.flush(ctx) {
		return false
	}
	f.rotate()
	f.buf = append(f.buf, line...)
	f.stats.records.Add(1)
	return true
}

func (f *File) rotate() {
	if err := f.out.rotate(); err != nil {
		f.stats.errors.Add(1)
		f.opt.Log.Error("sink cannot rotate its file and goes on in it", "sink", f.opt.Name, "path", f.opt.Path,
			"error", err, "hint", hint(err))
		return
	}
	f.stats.rotations.Add(1)
}

// flush writes the buffer, again and again until it is written or the sink has to end. Meanwhile records wait in the
// journal.
func (f *File) flush(ctx context.Context) bool {
	for attempt := 0; len(f.buf) > 0; attempt++ {
		err := f.out.write(f.buf)
		if err == nil {
			f.written(attempt)
			return true
		}
		f.failed(err, attempt)
		timer := time.NewTimer(f.retry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
	return true
}

func (f *File) written(attempt int) {
	f.stats.bytes.Add(int64(len(f.buf)))
	f.buf = f.buf[:0]
	if cap(f.buf) > 2*fileBuffer { // one huge record is no reason to keep its room
		f.buf = nil
	}
	if f.stats.failing.Swap(false) {
		f.opt.Log.Info("sink writes again", "sink", f.opt.Name, "path", f.opt.Path, "attempts", attempt+1)
	}
}

func (f *File) failed(err error, attempt int) {
	f.stats.errors.Add(1)
	f.stats.failing.Store(true)
	if attempt%remindAfter == 0 {
		f.opt.Log.Error("sink cannot write; records wait in memory, and the oldest will be replaced by a gap record",
			"sink", f.opt.Name, "path", f.opt.Path, "error", err, "hint", hint(err))
	}
}

// close tries once more to write what is left: Follow may have ended between two records.
func (f *File) close() {
	if len(f.buf) > 0 && f.out.write(f.buf) == nil {
		f.written(0)
	}
	if err := f.out.close(); err != nil {
		f.stats.errors.Add(1)
		f.opt.Log.Error("sink cannot close its file: the last records may be missing in it", "sink", f.opt.Name,
			"path", f.opt.Path, "error", err, "hint", hint(err))
	}
}
