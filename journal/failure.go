package journal

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/store"
)

// What a journal survives (Options.Durability). Memory is what New makes.
const (
	Memory  = "memory"  // nothing
	Strict  = "strict"  // as bounded; and what is released was noted on disk before. No configuration can ask for it yet
	Bounded = "bounded" // of finished records: the end of the process; of a power cut all but the last sync interval
	Permit  = "permit"  // as bounded; and where it cannot be written, all goes on, and is counted
)

// OnFailure says what a journal that cannot be written refuses. Permit refuses nothing.
type OnFailure struct{ RefuseReads, RefuseWrites bool }

// Durability is what this journal survives.
func (j *Journal) Durability() string {
	if j.disk == nil {
		return Memory
	}
	return j.opt.Durability
}

// Writable is nil, or why the journal takes nothing new: its disk is full or fails.
func (j *Journal) Writable() error {
	if j.disk == nil {
		return nil
	}
	return j.disk.Writable()
}

// Accepts is nil, or why a read (else: a write) is to be refused now, since it could not be recorded. It costs no more
// than a look.
func (j *Journal) Accepts(read bool) error {
	err := j.Writable()
	if err == nil || j.opt.Durability == Permit {
		return nil
	}
	if read && !j.opt.OnFailure.RefuseReads || !read && !j.opt.OnFailure.RefuseWrites {
		return nil
	}
	return fmt.Errorf("journal: %w", err)
}

// Epoch moves with what Accepts says.
func (j *Journal) Epoch() uint64 {
	if j.disk == nil {
		return 0
	}
	return j.disk.Turns()
}

// Sync returns when everything that was appended before is on disk. All who wait share one sync.
func (j *Journal) Sync() error {
	if j.disk == nil {
		return nil
	}
	return j.disk.Sync()
}

// A loss is what could not be written to a stream since the last gap record that says so.
type loss struct {
	count    int64
	from, to time.Time
	cause    error
}

// lose counts a record that could not be written. mu is held.
func (j *Journal) lose(r *access.Record, err error) {
	l := &j.losses[streamOf(r)]
	if l.count == 0 {
		l.from = r.Time.AsTime()
	}
	l.count++
	l.to, l.cause = r.Time.AsTime(), err
	j.lost++
}

// confess writes the gap records of what was lost, now that a stream takes records again. mu is held.
func (j *Journal) confess(stream store.Stream) {
	l := j.losses[stream]
	if l.count == 0 {
		return
	}
	j.losses[stream] = loss{} // the gap's own record comes here again
	gap := &access.Record{
		Kind: KindGap, Count: l.count, FromTime: timestamppb.New(l.from), ToTime: timestamppb.New(l.to),
		Cause: "records could not be written: " + l.cause.Error(),
	}
	j.complete(gap)
	size := access.Sanitize(gap)
	e := encoders.Get().(*encoder)
	defer e.free()
	e.body(gap)
	if j.place(gap, size, e, nil, 0) != nil {
		j.losses[stream] = l
	}
}

// confessAll is confess where no record comes along.
func (j *Journal) confessAll() {
	if j.Writable() != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for stream := range j.losses {
		j.confess(store.Stream(stream))
	}
}
