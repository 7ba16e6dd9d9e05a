package journal

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// A summaryKey is what calls have in common that one record stands for. The session is the Log's own.
type summaryKey struct {
	api       int16
	operation access.Operation
	kind      access.ResourceType
	resource  string
	topicID   [16]byte
	names     uint64 // of a call that names many
	count     int
	hidden    bool
	client    access.Client
	principal string
	group     string
	txn       string

	verdict access.Verdict
	allowed bool // there was a decision
	rule    string
	reason  string
	policy  string
	would   access.Would
	trial   access.Candidate
	error   int16
	failed  bool
	empty   bool // fetches that returned nothing
}

// summaries are a session's sums in the order in which they began, which is the order in which they end.
type summaries struct {
	byKey map[summaryKey]*summary
	order []*summary // from head on
	head  int
}

type summary struct {
	key    summaryKey
	due    time.Time
	record *access.Record
	held   heldSum
}

func newSummaries() summaries { return summaries{byKey: make(map[summaryKey]*summary)} }

func (t *summaries) due() time.Time {
	if t.head == len(t.order) {
		return time.Time{}
	}
	return t.order[t.head].due
}

func (t *summaries) add(s *summary) {
	t.byKey[s.key] = s
	if t.head > 0 && len(t.order) == cap(t.order) { // make room of what has ended
		t.order = append(t.order[:0], t.order[t.head:]...)
		t.head = 0
	}
	t.order = append(t.order, s)
}

func (t *summaries) pop() *summary {
	s := t.order[t.head]
	t.order[t.head] = nil
	t.head++
	if t.head == len(t.order) {
		t.order, t.head = t.order[:0], 0
	}
	delete(t.byKey, s.key)
	return s
}

func (l *Log) summaryKey(c *access.Call) summaryKey {
	key := l.requestKey(c.Request)
	key.operation, key.kind, key.resource, key.topicID = c.Action.Operation, c.Action.Type, c.Action.Name, c.Action.TopicID
	if key.names, key.hidden = namesOf(c), c.Hidden; !c.Hidden {
		key.count = c.Count
	}
	key.error, key.failed = c.Error, c.Failed
	if d := c.Decision; d != nil {
		key.allowed, key.verdict = true, d.Verdict
		key.rule, key.reason, key.policy = d.Rule, d.Reason, d.Policy
		if d.Would != nil {
			key.would = *d.Would
		}
		if d.Candidate != nil {
			key.trial = *d.Candidate
		}
	}
	return key
}

func (l *Log) requestKey(q *access.Request) summaryKey {
	key := summaryKey{api: q.API, group: q.Group, txn: q.TransactionalID}
	if q.Client != nil {
		key.client = *q.Client
	}
	if q.Identity != nil {
		key.principal = q.Identity.Principal
	}
	return key
}

// sumCall adds a call to the sum of its like.
func (l *Log) sumCall(c *access.Call, now time.Time) {
	key := l.summaryKey(c)
	if s := l.sums.byKey[key]; s != nil {
		addCall(s.record, now, c)
		s.held.note(s.record)
		return
	}
	s := l.openSum(key, now, l.callRecord(c, now))
	l.holdSum(s, c.Identity, c.Client, func(r *access.Record) { l.describeCall(r, c) })
}

func (l *Log) openSum(key summaryKey, now time.Time, r *access.Record) *summary {
	if len(l.sums.byKey) >= maxSummaries {
		l.recordSum(l.sums.pop())
	}
	s := &summary{key: key, due: now.Add(l.journal.opt.SummaryInterval), record: r}
	l.sums.add(s)
	return s
}

func (l *Log) recordSum(s *summary) {
	l.letGoSum(s, l.journal.append(s.record, &s.held.slot, recorder.All))
}

// sumEmpty counts a fetch that returned nothing while no read was open. Nobody decided about it as a whole and
// nothing was released: the record has neither decision nor outcome.
func (l *Log) sumEmpty(q *access.Request, throttle int32) {
	key := l.requestKey(q)
	key.operation, key.empty = access.OpRead, true
	now := l.journal.opt.Now()
	if s := l.sums.byKey[key]; s != nil {
		*s.record.Requests++
		s.record.Count = *s.record.Requests
		prolong(s.record, now, throttle)
		s.held.note(s.record)
		return
	}
	r := &access.Record{
		Time:       timestamppb.New(now),
		EndTime:    timestamppb.New(now),
		Requests:   proto.Int64(1),
		ThrottleMs: int64(throttle),
	}
	l.describeEmpty(r, q)
	l.nameWho(r, q.Identity, q.Client)
	s := l.openSum(key, now, r)
	l.holdSum(s, q.Identity, q.Client, func(r *access.Record) { l.describeEmpty(r, q) })
}

func (l *Log) describeEmpty(r *access.Record, q *access.Request) {
	r.Kind = KindAccess
	r.Operation = access.OpRead.String()
	r.Messages = proto.Int64(0)
	r.Bytes = proto.Int64(0)
	l.nameCall(r, q)
}

func (l *Log) tickSums(now time.Time) {
	for due := l.sums.due(); !due.IsZero() && !now.Before(due); due = l.sums.due() {
		l.recordSum(l.sums.pop())
	}
}

func (l *Log) flushSums() {
	for !l.sums.due().IsZero() {
		l.recordSum(l.sums.pop())
	}
}
