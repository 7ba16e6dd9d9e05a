package sink

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"doorkeeper/access"
)

// An Encoder makes the bytes of a record in one of the formats: one line, without its end.
type Encoder func(dst []byte, r *access.Record) []byte

// FileOptions are what the configuration says of a sink of type file.
type FileOptions struct {
	Path     string
	MaxBytes int64 // a file that would grow beyond is rotated; 0: never
	Keep     int   // how many rotated files are kept: Path.1 is the newest
	Encode   Encoder
	Log      *slog.Logger
}

// A File writes each record as one line. It creates files for their owner alone (0600). What a Send returned from is
// handed to the kernel; Sync makes it survive a loss of power.
type File struct {
	opt       FileOptions
	rotations atomic.Int64

	mu  sync.Mutex // between Send and Sync
	out *rotating
}

// NewFile fails where the file cannot be written now.
func NewFile(opt FileOptions) (*File, error) { return newFile(opt, openOS) }

func newFile(opt FileOptions, open opener) (*File, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Encode == nil {
		opt.Encode = access.AppendJSON
	}
	// It is opened in earnest by the first Send: until then another sink may have it.
	h, _, _, err := open(opt.Path)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, hint(err))
	}
	if err := h.Close(); err != nil {
		return nil, err
	}
	return &File{opt: opt, out: &rotating{path: opt.Path, maxBytes: opt.MaxBytes, keep: opt.Keep, open: open}}, nil
}

// Rotations is how many new files were begun.
func (f *File) Rotations() int64 { return f.rotations.Load() }

// Append makes a record's line.
func (f *File) Append(dst []byte, r *access.Record) []byte { return append(f.opt.Encode(dst, r), '\n') }

// Send writes lines. Where the file would grow too large it is rotated first; no line is split over two files.
func (f *File) Send(_ context.Context, b *Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.out.ready(); err != nil {
		return f.explain(err)
	}
	first, start, end := 0, 0, 0
	turns := true
	for i := range b.Len() {
		line := len(b.Event(i))
		if turns && f.out.full(end-start, line) {
			if err := f.write(b, first, start, end); err != nil {
				return err
			}
			turns = f.rotate()
			first, start = i, end
			if err := f.out.ready(); err != nil {
				return f.rest(b, first, err)
			}
		}
		end += line
	}
	return f.write(b, first, start, end)
}

// write appends the lines from start to end of the batch's bytes, of which line first is the first.
func (f *File) write(b *Batch, first, start, end int) error {
	if start == end {
		return nil
	}
	if err := f.out.write(b.Body[start:end]); err != nil {
		return f.rest(b, first, err)
	}
	return nil
}

// rest is the error of a batch whose lines before first are written.
func (f *File) rest(b *Batch, first int, err error) error {
	again := make([]int, 0, b.Len()-first)
	for i := first; i < b.Len(); i++ {
		again = append(again, i)
	}
	return Partial(f.explain(err), nil, again, 0)
}

func (f *File) explain(err error) error { return fmt.Errorf("%s: %w (%s)", f.opt.Path, err, hint(err)) }

// rotate says whether it could: else the file goes on as it is until the next batch.
func (f *File) rotate() bool {
	if err := f.out.rotate(); err != nil {
		f.opt.Log.Error("sink cannot rotate its file and goes on in it", "path", f.opt.Path, "error", err, "hint", hint(err))
		return false
	}
	f.rotations.Add(1)
	return true
}

// Sync makes what was written survive a loss of power.
func (f *File) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.sync()
}

// Close ends the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.close()
}
