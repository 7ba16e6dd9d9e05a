package sink

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/journal"
)

const (
	chunkLen     = 256         // records that go from the reading goroutine to the sink's at a time
	saveInterval = time.Second // between two writes of the cursor
	opCheckpoint = "CHECKPOINT"
)

// A runner is what a sink's goroutine knows. Another one reads the journal, and each batch is delivered by one of its
// own; what they have to say comes here over channels.
type runner struct {
	sink    *Sink
	chunks  chan []*access.Record // closed at the journal's end
	settled chan *flight

	pending []*access.Record // read, and not yet in a batch
	batch   *flight          // being filled; nil: none
	flights []*flight        // on their way, in the order of their records
	spare   []*Batch

	at     journal.Position // of the last record put into a batch or left out
	newest time.Time        // when it was logged
	left   counts           // left out since the last batch

	cursor journal.Position // all up to here is settled
	counts counts           // of all up to the cursor
	saved  journal.Position // the cursor on disk

	stopping bool // at the sink's target
	ended    bool // the journal has no more
}

// A flight is a batch from its first record until it is settled.
type flight struct {
	*Batch
	due    time.Time
	upTo   journal.Position // with it, all up to here is settled
	newest time.Time
	counts counts
	done   bool
	failed bool // the sink ended before it was delivered
}

func (r *runner) begin(at journal.Position, n counts) {
	r.chunks = make(chan []*access.Record)
	r.settled = make(chan *flight, r.sink.opt.InFlight)
	r.at, r.cursor, r.saved, r.counts = at, at, at, n
	r.show()
}

// read takes the journal's records to the sink's goroutine, many at a time where there are many.
func (r *runner) read(ctx context.Context, after journal.Position) {
	defer close(r.chunks)
	var chunk []*access.Record
	var head int64
	give := func() bool {
		select {
		case r.chunks <- chunk:
			chunk = nil
			return true
		case <-ctx.Done():
			return false
		}
	}
	for record := range r.sink.journal.Follow(ctx, after) {
		if chunk == nil {
			chunk = make([]*access.Record, 0, chunkLen)
		}
		chunk = append(chunk, record)
		if record.Seq >= head {
			head = r.sink.journal.Head().Seq
		}
		if (len(chunk) == chunkLen || record.Seq >= head) && !give() {
			return
		}
	}
	if len(chunk) > 0 {
		give()
	}
}

func (r *runner) loop(ctx context.Context) {
	defer close(r.sink.done)
	save := time.NewTicker(saveInterval)
	defer save.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	stop := r.sink.stop
	for {
		r.fill(ctx)
		if r.finished() {
			r.save()
			return
		}
		in := r.chunks
		if len(r.pending) > 0 || r.last() {
			in = nil
		}
		if r.batch != nil && r.room() {
			due.Reset(time.Until(r.batch.due))
		}
		select {
		case chunk, more := <-in:
			r.pending, r.ended = chunk, !more
		case f := <-r.settled:
			r.settle(f)
		case <-due.C:
		case <-save.C:
			r.save()
		case <-stop:
			r.stopping, stop = true, nil
		case <-ctx.Done():
			r.abandon()
			return
		}
	}
}

// fill puts what was read into batches, and sends those that are full or due, while there is room on the way.
func (r *runner) fill(ctx context.Context) {
	for len(r.pending) > 0 && r.room() {
		r.take(r.pending[0])
		r.pending = r.pending[1:]
		if r.full() {
			r.send(ctx)
		}
	}
	if r.batch != nil && r.room() && (r.last() || !time.Now().Before(r.batch.due)) {
		r.send(ctx)
	}
	if r.batch == nil && len(r.flights) == 0 {
		r.advance(r.at, r.newest, r.left)
		r.left = counts{}
	}
}

func (r *runner) room() bool { return len(r.flights) < r.sink.opt.InFlight }

func (r *runner) full() bool {
	return r.batch != nil && (r.batch.Len() >= r.sink.opt.MaxRecords || len(r.batch.Body) >= r.sink.opt.MaxBytes)
}

// last says whether nothing will follow that a batch could wait for.
func (r *runner) last() bool {
	return len(r.pending) == 0 && (r.ended || r.stopping && reached(r.at, r.sink.target))
}

// reached says whether all up to target is read. A position in another journal is before it.
func reached(at, target journal.Position) bool {
	return target.Seq == 0 || at.Journal == target.Journal && at.Seq >= target.Seq
}

func (r *runner) finished() bool { return r.last() && r.batch == nil && len(r.flights) == 0 }

// take puts one record where it belongs.
func (r *runner) take(record *access.Record) {
	r.at = journal.PositionOf(record)
	r.newest = record.LoggedTime.AsTime()
	if !r.sink.opt.Filter.passes(record) {
		r.left.Filtered++
		r.sink.stats.filtered.Add(1)
		return
	}
	if record.Kind == journal.KindControl && record.Operation == opCheckpoint {
		record = r.withDelivery(record)
	}
	r.add(record)
}

func (r *runner) add(record *access.Record) {
	if r.batch == nil {
		r.batch = &flight{Batch: r.newBatch(), due: time.Now().Add(r.sink.opt.MaxWait)}
	}
	r.batch.add(record, r.sink.sender)
}

// withDelivery is a checkpoint as this sink sends it: it says what became of the records before it.
func (r *runner) withDelivery(record *access.Record) *access.Record {
	c, n := proto.CloneOf(record), r.counts
	c.Delivery = &access.Record_Delivery{
		Sink: r.sink.opt.Name, Sent: proto.Int64(n.Sent), Filtered: proto.Int64(n.Filtered), Dead: proto.Int64(n.Dead),
	}
	return c
}

func (r *runner) newBatch() *Batch {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		return b
	}
	return &Batch{Body: make([]byte, 0, r.sink.opt.MaxBytes/4)}
}

// send lets a goroutine deliver the batch. There are never more of them than there is room in settled.
func (r *runner) send(ctx context.Context) {
	f := r.batch
	r.batch = nil
	f.upTo, f.newest, f.counts = r.at, r.newest, r.left
	r.left = counts{}
	r.flights = append(r.flights, f)
	go func() {
		n, err := r.sink.deliver(ctx, f.Batch)
		f.counts.add(n)
		f.failed = err != nil
		r.settled <- f
	}()
}

// settle notes a batch's end. The cursor moves over those that are done without one before them that is not.
func (r *runner) settle(f *flight) {
	f.done = true
	for len(r.flights) > 0 && r.flights[0].done && !r.flights[0].failed {
		first := r.flights[0]
		r.flights = r.flights[1:]
		r.advance(first.upTo, first.newest, first.counts)
		first.reset(2 * r.sink.opt.MaxBytes)
		r.spare = append(r.spare, first.Batch)
	}
}

func (r *runner) advance(to journal.Position, newest time.Time, n counts) {
	if to == r.cursor {
		return
	}
	r.cursor = to
	r.counts.add(n)
	if !newest.IsZero() {
		r.sink.stats.behind.Store(newest.UnixNano())
	}
	r.show()
}

// show lets others see the place.
func (r *runner) show() {
	at := r.cursor
	r.sink.stats.cursor.Store(&at)
}

// abandon waits for what is on its way, which ends at once: the sink's time is over.
func (r *runner) abandon() {
	under := 0
	for _, f := range r.flights {
		if !f.done {
			under++
		}
	}
	for range under {
		r.settle(<-r.settled)
	}
	r.save()
}

// save writes the cursor, after all that stands before it is safe.
func (r *runner) save() {
	if r.cursor == r.saved {
		return
	}
	err := r.sink.graves.sync()
	if s, ok := r.sink.sender.(syncer); ok && err == nil {
		err = s.Sync()
	}
	if err == nil {
		err = saveCursor(r.sink.cursorPath(), r.cursor, r.counts)
	}
	if err != nil {
		r.sink.stats.errors.Add(1)
		r.sink.opt.Log.Error("sink cannot write down how far it is: after a restart it would deliver again what it has delivered since",
			"sink", r.sink.opt.Name, "cursor", r.sink.cursorPath(), "error", err)
		return
	}
	r.saved = r.cursor
}
