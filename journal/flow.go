package journal

import (
	"maps"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// direction keeps flows apart that go the same way with a different end: a write that failed has no offsets, so that
// it can neither continue nor break the run of those that did not.
type direction uint8

const (
	reading direction = iota
	writing
	writeFailed
	writeUnknown
)

// A flowKey names the one flow of its kind that can be open.
type flowKey struct {
	topic     string   // its name
	id        [16]byte // where the name is not known
	partition int32
	direction direction
	error     int16 // of failed writes
}

func keyOf(s *access.Span, d direction) flowKey {
	key := flowKey{topic: s.Topic.Name, partition: s.Partition, direction: d}
	if key.topic == "" {
		key.id = s.Topic.ID
	}
	return key
}

// A flow is a run of one session's reads, or writes, of one partition under one decision.
//
// It has two fronts: what was intended says whether the next batch continues it, what was released is recorded. In
// between lie the queue's entries, which keep a flow alive that has been closed (closing) until the last is decided.
type flow struct {
	key       flowKey
	request   access.Request // a copy: the request itself is gone before its flow is
	topic     *access.Topic
	decision  *access.Decision
	partition int32
	broker    int32
	epoch     int32 // leader epoch, -1: not known
	isolation int8

	// Intended.
	span        *access.Span // of the run at hand, nil after its response; only compared
	correlation int32
	asked       int64 // the offset that this run asked for
	lastAhead   int64 // offset of the last whole batch, -1: none
	next        int64 // offset that the next request has to ask for
	pending     int   // entries in the queue
	closing     bool  // out of the table; recorded when nothing is pending

	// Released: as much of it as stands in no record yet.
	totals
	throttle int32

	older, newer *flow // the table's order

	// In the flight recorder; see held.go.
	slot    recorder.Slot
	party   *party
	counted uint64 // the last batch on the tape that is in the totals
	dirty   bool   // and it is in no note
}

// totals are a record's figures.
type totals struct {
	start, end time.Time // first and last release
	due        time.Time // zero before the first release
	empties    int64     // flows.empties when the count began

	requests  int64
	requested int64
	first     int64
	last      int64
	messages  int64
	batches   int64
	control   int64
	bytes     int64

	cutBatches int64
	cutBytes   int64
	cutLast    int64 // -1: not known

	estimated bool
	partial   bool
	retried   bool // holds a write that was counted before
	acquired  []*access.Record_OffsetRange
	digest    digest
}

func (t *totals) reset(empties int64) {
	*t = totals{empties: empties, requested: -1, first: -1, last: -1, cutLast: -1, digest: t.digest}
	t.digest.reset()
}

// empty says that there is nothing to record: requests alone are counted with the data that they bring.
func (t *totals) empty() bool {
	return t.batches == 0 && t.control == 0 && t.cutBatches == 0 && !t.retried && (t.acquired == nil || t.start.IsZero())
}

func (l *Log) openFlow(key flowKey, s *access.Span, epoch int32) *flow {
	if l.flows.n >= maxFlows {
		l.finish(l.flows.oldest)
	}
	f := &flow{
		key: key, request: *s.Request, topic: s.Topic, decision: s.Decision, partition: s.Partition,
		broker: s.Broker, epoch: epoch, isolation: s.Isolation, lastAhead: -1,
	}
	f.reset(l.flows.empties)
	l.hold(f)
	l.flows.add(f)
	return f
}

// sameContext says whether a batch of s would be recorded with the same words as this flow's. Pointers are compared
// first: mostly they are the same, but equal values may be made anew, by a cache that expired for instance.
func (f *flow) sameContext(s *access.Span, epoch int32) bool {
	r := &f.request
	return f.broker == s.Broker && f.isolation == s.Isolation &&
		r.API == s.API && r.Version == s.Version && r.Group == s.Group &&
		r.TransactionalID == s.TransactionalID && r.ReplicaID == s.ReplicaID &&
		(f.epoch == epoch || f.epoch < 0 || epoch < 0) &&
		sameTopic(f.topic, s.Topic) &&
		sameDecision(f.decision, s.Decision) &&
		sameIdentity(r.Identity, s.Identity) &&
		sameClient(r.Client, s.Client)
}

// sameTopic: a recreated topic has the name of the old one and another id.
func sameTopic(a, b *access.Topic) bool {
	return a == b || a.Name == b.Name && (a.ID == b.ID || a.ID == [16]byte{} || b.ID == [16]byte{})
}

func sameDecision(a, b *access.Decision) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	return a.Verdict == b.Verdict && a.Enforced == b.Enforced && a.Rule == b.Rule && a.Reason == b.Reason &&
		a.Policy == b.Policy && a.Record == b.Record && maps.Equal(a.Labels, b.Labels) &&
		same(a.Would, b.Would) && same(a.Candidate, b.Candidate)
}

// same compares what may be missing.
func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func sameIdentity(a, b *access.Identity) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	return a.Principal == b.Principal && a.Source == b.Source && a.Auth == b.Auth && a.Credential == b.Credential
}

func sameClient(a, b *access.Client) bool {
	return same(a, b)
}

// learn takes what this flow did not know when it was opened.
func (f *flow) learn(s *access.Span, epoch int32) {
	if f.epoch < 0 {
		f.epoch = epoch
	}
	if f.topic.ID == [16]byte{} {
		f.topic = s.Topic
	}
	if f.request.Trace == [16]byte{} {
		f.request.Trace = s.Trace
	}
}

// finish closes a flow: it is recorded as soon as nothing of it is on its way any more.
func (l *Log) finish(f *flow) {
	l.flows.remove(f)
	f.countEmpties(l.flows.empties)
	if f.pending > 0 {
		f.closing = true
		return
	}
	l.record(f)
}

// record appends what was released and is in no record yet, of a flow that has ended.
func (l *Log) record(f *flow) {
	recorded := true
	if f.empty() {
		f.slot.Recorded(0, recorder.All)
	} else {
		recorded = l.journal.append(f.toRecord(l), &f.slot, recorder.All)
	}
	l.letGo(f, recorded)
}

// tickFlows records each flow whose interval has ended. What is still on its way of it (a slow client may take long
// over one batch) goes into a record of its own later.
func (l *Log) tickFlows(now time.Time) {
	for f := l.flows.oldest; f != nil; {
		next := f.newer
		switch {
		case f.due.IsZero(): // nothing of it was released yet; others behind it may have been
		case now.Before(f.due):
			return
		case f.pending == 0:
			l.finish(f)
		default:
			l.split(f, now)
		}
		f = next
	}
}

// split records what has left of a flow and goes on with the batches that have not. The first of them may have left
// in part already: that is when the next record starts.
func (l *Log) split(f *flow, now time.Time) {
	start := f.start
	if !f.empty() {
		start = f.end
		f.countEmpties(l.flows.empties)
		l.journal.append(f.toRecord(l), &f.slot, f.counted+1)
		f.reset(l.flows.empties)
	}
	if i := l.queue.front(); i.flow == f && i.left < i.size {
		f.start, f.end = start, start
		f.due = now.Add(l.journal.opt.FlowInterval)
		l.flows.touch(f)
	}
}

func (l *Log) finishAll() {
	for l.flows.oldest != nil {
		l.finish(l.flows.oldest)
	}
}

// countEmpties adds the fetches that returned nothing since the count began.
func (f *flow) countEmpties(empties int64) {
	if f.key.direction == reading {
		f.requests += empties - f.empties
		f.empties = empties
	}
}

func (f *flow) toRecord(l *Log) *access.Record {
	r := &access.Record{
		Time:       timestamppb.New(f.start),
		EndTime:    timestamppb.New(f.end),
		ThrottleMs: int64(f.throttle),
	}
	f.describe(l, r)
	if f.partial {
		r.Outcome = OutcomePartial
	}
	l.nameWho(r, f.request.Identity, f.request.Client)
	f.totals.fill(r)
	return r
}

// describe says what the flow is, without its figures and without whose it is.
func (f *flow) describe(l *Log, r *access.Record) {
	r.Kind = KindAccess
	r.Operation = access.OpRead.String()
	r.ResourceType = access.ResTopic.String()
	r.Resource = f.topic.Name
	r.Partition = proto.Int32(f.partition)
	r.Outcome = OutcomeReleased
	if f.broker >= 0 {
		r.Broker = proto.Int32(f.broker)
	}
	if f.epoch >= 0 {
		r.LeaderEpoch = proto.Int32(f.epoch)
	}
	if f.key.direction != reading {
		r.Operation = access.OpWrite.String()
	}
	switch f.isolation {
	case 0:
		r.Isolation = "read_uncommitted"
	case 1:
		r.Isolation = "read_committed"
	}
	switch f.key.direction {
	case writeFailed:
		r.Outcome = OutcomeFailed
		r.Error = l.journal.opt.ErrorName(f.key.error)
	case writeUnknown:
		r.Outcome = OutcomeUnknown
	}
	nameTopicID(r, f.topic.ID)
	l.nameCall(r, &f.request)
	judge(r, f.decision)
}

func (t *totals) fill(r *access.Record) {
	r.Requests = proto.Int64(t.requests)
	r.Messages = proto.Int64(t.messages)
	r.Batches = proto.Int64(t.batches)
	r.ControlBatches = t.control
	r.Bytes = proto.Int64(t.bytes)
	r.CutBatches = t.cutBatches
	r.CutBytes = t.cutBytes
	r.Estimated = t.estimated
	r.Acquired = t.acquired
	r.BatchDigest = t.digest.sum()
	if t.requested >= 0 {
		r.RequestedOffset = proto.Int64(t.requested)
	}
	if t.first >= 0 {
		r.FirstOffset = proto.Int64(t.first)
	}
	if t.last >= 0 {
		r.LastOffset = proto.Int64(t.last)
	}
	if t.cutLast >= 0 {
		r.CutLastOffset = proto.Int64(t.cutLast)
	}
}
