package sink

import (
	"context"
	"time"

	"doorkeeper/access"
)

// A Sender is one type of sink: how records look there, and how they get there.
type Sender interface {
	// Append makes the bytes of one event. Only the sink's own goroutine calls it.
	Append(dst []byte, r *access.Record) []byte

	// Send returns nil when the far side has accepted the batch. A plain error, or Retry, means that it is to be sent
	// again as it is; Refuse, that it never will be accepted so; Partial says it event by event. Up to Options.InFlight
	// calls are made at a time, each for a batch of its own.
	Send(ctx context.Context, b *Batch) error

	Close() error
}

// A syncer is a Sender that has accepted what a loss of power could still take: it is called before the cursor moves
// past it on disk.
type syncer interface{ Sync() error }

// A Batch is what one Send takes to the far side. A Sender reads it and keeps nothing of it.
type Batch struct {
	Records []*access.Record
	Body    []byte // what Append made of each, one behind the other
	ends    []int  // where each ends in Body
}

// Len is the number of events.
func (b *Batch) Len() int { return len(b.Records) }

// Event is the i-th event's bytes.
func (b *Batch) Event(i int) []byte {
	if i == 0 {
		return b.Body[:b.ends[0]]
	}
	return b.Body[b.ends[i-1]:b.ends[i]]
}

func (b *Batch) add(r *access.Record, s Sender) {
	b.Body = s.Append(b.Body, r)
	b.Records = append(b.Records, r)
	b.ends = append(b.ends, len(b.Body))
}

// reset keeps the room for the next batch, unless one huge event made it.
func (b *Batch) reset(keep int) {
	clear(b.Records)
	b.Records, b.ends, b.Body = b.Records[:0], b.ends[:0], b.Body[:0]
	if cap(b.Body) > keep {
		b.Body = nil
	}
}

// part is a batch of some of b's events, whose bytes it shares where they stand together.
func (b *Batch) part(from, to int) *Batch {
	start := 0
	if from > 0 {
		start = b.ends[from-1]
	}
	p := &Batch{Records: b.Records[from:to], Body: b.Body[start:b.ends[to-1]], ends: make([]int, 0, to-from)}
	for _, end := range b.ends[from:to] {
		p.ends = append(p.ends, end-start)
	}
	return p
}

// pick is a batch of those events.
func (b *Batch) pick(indices []int) *Batch {
	p := &Batch{}
	for _, i := range indices {
		p.Records = append(p.Records, b.Records[i])
		p.Body = append(p.Body, b.Event(i)...)
		p.ends = append(p.ends, len(p.Body))
	}
	return p
}

// A Dead event is one that the far side will never accept.
type Dead struct {
	Index int // in the batch
	Why   string
}

// A failure is what Send says of a batch that was not accepted whole.
type failure struct {
	error
	after   time.Duration // not to be tried again before
	refused bool          // the whole of it, for good
	partial bool          // of its events, dead ones are refused for good and again ones may be sent again
	dead    []Dead
	again   []int
}

func (f *failure) Unwrap() error { return f.error }

// Retry is an error after which the batch is to be sent again, not before the time that the far side asked for.
func Retry(err error, after time.Duration) error { return &failure{error: err, after: after} }

// Refuse is the error of a batch that the far side will never accept as it is. It is sent again in halves, until what
// it does not like stands alone.
func Refuse(err error) error { return &failure{error: err, refused: true} }

// Partial is the error of a batch of which all was accepted but the events named.
func Partial(err error, dead []Dead, again []int, after time.Duration) error {
	return &failure{error: err, partial: true, dead: dead, again: again, after: after}
}
