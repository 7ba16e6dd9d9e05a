package journal

import (
	"time"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// An intent is a batch between Intend and the release of its last byte.
type intent struct {
	flow      *flow
	size      int64 // bytes of it that came from the broker
	left      int64 // of them, not yet released
	requested int64
	first     int64
	last      int64 // -1: not known (cut)
	crc       uint32
	messages  int32
	opens     bool // first batch of a request in its flow
	control   bool
	cut       bool
	estimated bool
	note      *recorder.Batch // on the tape; nil: not there
}

// A queue holds intents in the order of their bytes on the wire. Its length is bounded by who fills it: no more is
// intended than one buffer holds.
type queue struct {
	intents []intent
	head    int
}

// queueKeep is how large the queue may stay while it is empty.
const queueKeep = 4096

// push makes room of what has left before it makes the queue longer: one that is never quite empty does not grow.
func (q *queue) push(i intent) {
	if len(q.intents) == cap(q.intents) && q.head > len(q.intents)/2 {
		q.intents = q.intents[:copy(q.intents, q.intents[q.head:])]
		q.head = 0
	}
	q.intents = append(q.intents, i)
}

// front is the batch whose bytes come next, nil if none is on its way.
func (q *queue) front() *intent {
	if q.head == len(q.intents) {
		return nil
	}
	return &q.intents[q.head]
}

func (q *queue) pop() {
	q.intents[q.head].flow = nil
	q.head++
	if q.head < len(q.intents) {
		return
	}
	q.head = 0
	if cap(q.intents) > queueKeep {
		q.intents = nil
	}
	q.intents = q.intents[:0]
}

// Intend announces a batch of a read response before any byte of it is released. It decides which flow the batch
// belongs to; what is counted, and when, Released decides. b is copied.
func (l *Log) Intend(b *access.Batch) {
	f, opens := l.flowOf(b)
	i := intent{
		flow: f, size: b.Bytes, left: b.Bytes, requested: b.Span.Requested, first: b.First, last: b.Last,
		crc: b.CRC, messages: b.Messages, opens: opens, control: b.Control, estimated: b.Estimated,
	}
	if b.Estimated { // its first offset is not on the wire
		i.first, i.messages = f.next, 0
	}
	if b.Cut {
		i.cut, i.size, i.left = true, b.Have, b.Have
	}
	if !b.HasLast {
		i.last = -1
	}
	f.pending++
	if !b.Cut && i.last >= 0 {
		f.lastAhead, f.next = i.last, i.last+1
	}
	l.noteIntent(&i)
	l.queue.push(i)
	if i.left == 0 {
		l.Released(0)
	}
}

// flowOf finds the flow that the batch continues, or opens one, and says whether the batch is the first of a request
// in it.
func (l *Log) flowOf(b *access.Batch) (f *flow, opens bool) {
	s := b.Span
	epoch := b.Epoch
	if epoch < 0 && !b.Cut { // of a cut one it may not have come
		epoch = s.LeaderEpoch
	}
	if f = l.flows.current; f != nil && f.span == s && f.inRun(b, epoch) {
		return f, false
	}
	l.who, l.client = s.Identity, s.Client
	key := keyOf(s, reading)
	f = l.flows.byKey[key]
	if f != nil && !(f.sameContext(s, epoch) && f.continues(b)) {
		l.finish(f)
		f = nil
	}
	if f == nil {
		f = l.openFlow(key, s, epoch)
		f.next = expected(b)
	}
	opens = f.span == nil || f.correlation != s.Correlation || f.asked != s.Requested
	f.learn(s, epoch)
	f.span, f.correlation, f.asked = s, s.Correlation, s.Requested
	l.flows.current = f
	if opens && len(l.flows.touched) < maxFlows {
		l.flows.touched = append(l.flows.touched, f)
	}
	return f, opens
}

// expected is where a flow begins that has no batch yet.
func expected(b *access.Batch) int64 {
	switch {
	case b.Span.Requested >= 0:
		return b.Span.Requested
	case b.Estimated:
		return b.Last
	}
	return b.First
}

// inRun is the short way for one batch after the other of one partition of one response: nothing that their span says
// has changed, so the flow is the same unless the batch itself says otherwise. Fields are compared, not only the span's
// address: that may be used again.
func (f *flow) inRun(b *access.Batch, epoch int32) bool {
	s := b.Span
	return f.correlation == s.Correlation && f.asked == s.Requested && f.partition == s.Partition &&
		f.topic == s.Topic && f.decision == s.Decision && f.request.Identity == s.Identity &&
		f.request.Client == s.Client && (f.epoch == epoch || epoch < 0) && f.isFurther(b)
}

// isFurther: batches of one response ascend. (Of a cut one the offset may not have come.)
func (f *flow) isFurther(b *access.Batch) bool {
	return b.Cut || b.Estimated || b.First > f.lastAhead
}

// continues says whether the batch goes on where the flow ended. A request does so that asks for the offset after the
// last whole batch: holes in front of what it gets (compaction) do not matter, nor does a batch that was cut. Where
// nobody knows what was asked (share groups) the batch itself has to be the next one.
func (f *flow) continues(b *access.Batch) bool {
	s := b.Span
	if f.span != nil && f.correlation == s.Correlation && f.asked == s.Requested && f.isFurther(b) {
		return true // still the same response
	}
	if s.Decision != nil && s.Decision.Record == access.Each {
		return false
	}
	if s.Requested >= 0 {
		return s.Requested == f.next
	}
	return b.First == f.next
}

// Released says that n more bytes of record data, in the order of the Intend calls, were handed to the kernel.
func (l *Log) Released(n int64) {
	i := l.queue.front()
	if i == nil {
		l.stray(n)
		return
	}
	now := l.journal.opt.Now()
	at := now.UnixNano()
	for ; i != nil && (n > 0 || i.left == 0); i = l.queue.front() {
		f := i.flow
		if f.start.IsZero() {
			l.begin(f, now)
		}
		if i.left == i.size && i.opens {
			f.requests++
		}
		f.end = now
		step := min(n, i.left)
		i.left -= step
		n -= step
		i.note.Release(i.size-i.left, at)
		if i.left > 0 {
			return
		}
		f.count(i)
		l.counted(f, i.note)
		l.queue.pop()
		f.pending--
		if f.closing && f.pending == 0 {
			l.record(f)
		}
	}
	l.fold()
	l.stray(n)
}

// stray counts bytes that nobody announced: a fault of the caller's, which telemetry has to show.
func (l *Log) stray(n int64) {
	if n > 0 {
		l.journal.stray.Add(n)
	}
}

// begin sets the start of what will be one record, and when it ends at the latest.
func (l *Log) begin(f *flow, now time.Time) {
	f.start = now
	f.due = now.Add(l.journal.opt.FlowInterval)
	if !f.closing {
		l.flows.touch(f)
	}
}

// count adds a batch that has left.
func (t *totals) count(i *intent) {
	if t.requests == 0 { // the record before has this batch's request already, but it is behind this one, too
		t.requests = 1
	}
	if t.requested < 0 {
		t.requested = i.requested
	}
	t.estimated = t.estimated || i.estimated
	if i.cut {
		t.cutBatches++
		t.cutBytes += i.size - i.left
		if i.last >= 0 {
			t.cutLast = i.last
		}
		return
	}
	t.bytes += i.size - i.left
	if i.control {
		t.control++
	} else {
		t.batches++
		t.messages += int64(i.messages)
	}
	if t.first < 0 {
		t.first = i.first
	}
	if i.last >= 0 {
		t.last = i.last
	}
	t.digest.add(i.first, i.crc)
}

// abandon decides what was on its way when the connection ended: of the batch at the front some bytes may be out,
// of those behind it none.
func (l *Log) abandon() {
	for i := l.queue.front(); i != nil; i = l.queue.front() {
		f := i.flow
		if i.left < i.size {
			f.partial = true
			f.count(i)
			l.counted(f, i.note)
		}
		l.queue.pop()
		f.pending--
		if f.closing && f.pending == 0 {
			l.record(f)
		}
	}
}

// Acquired says that a share fetch acquired the offsets first to last of a partition, after its batches were intended.
func (l *Log) Acquired(s *access.Span, first, last int64) {
	key := keyOf(s, reading)
	f, opens := l.flows.byKey[key], false
	if f != nil && (len(f.acquired) >= maxRanges || !f.sameContext(s, -1)) {
		l.finish(f)
		f = nil
	}
	if f == nil {
		f = l.openFlow(key, s, s.LeaderEpoch)
		f.next = last + 1
		f.requests = 1
		l.begin(f, l.journal.opt.Now())
		f.end = f.start
		opens = true
	}
	f.acquire(first, last)
	l.noteDone(f, &recorder.Batch{First: first, Last: last, Flags: flagAcquired | bit(opens, flagOpens)})
}

func (t *totals) acquire(first, last int64) {
	if n := len(t.acquired); n > 0 && t.acquired[n-1].GetLast()+1 == first {
		t.acquired[n-1].Last = proto.Int64(last)
		return
	}
	t.acquired = append(t.acquired, &access.Record_OffsetRange{First: proto.Int64(first), Last: proto.Int64(last)})
}

// Fetched says that a read request was answered, after its batches were intended. One that delivered nothing adds to
// the requests of the flows that are open, or to the session's sum of empty fetches. throttle is in milliseconds.
func (l *Log) Fetched(r *access.Request, delivered bool, throttle int32) {
	l.who, l.client = r.Identity, r.Client
	for i, f := range l.flows.touched {
		f.throttle = max(f.throttle, throttle)
		f.span = nil // it may be used again, for another request
		l.flows.touched[i] = nil
	}
	l.flows.touched = l.flows.touched[:0]
	l.flows.current = nil
	switch {
	case delivered:
	case l.flows.reads > 0:
		l.flows.empties++
	default:
		l.sumEmpty(r, throttle)
	}
}
