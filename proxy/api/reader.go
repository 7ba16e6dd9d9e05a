package api

import (
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/protocol"
)

// scanner is what protocol's scanners of Fetch and ShareFetch answers have in common.
type scanner interface {
	Scan(p []byte) (int, error)
	Skip(n int64) error
	Opaque() int64
	Left() int64
	Want() int
	Tail() bool
	EndpointsAt() (start, end int64)
}

// A Reader follows the Fetch and ShareFetch answers of one connection as they stream by, and accounts every batch: it
// is announced to the log before a byte of it may be released, and counted as released after. It belongs to the
// response pump.
//
// Invariants:
//   - Bytes pass the Reader in stream order, through Scan, Skip or Pass; Release follows with the same bytes.
//   - The log hears Intend for a batch before Scan lets its first byte pass, and Commit before any of it is handed on.
type Reader struct {
	log  *journal.Log
	x    *Exchange
	scan scanner

	fetch protocol.FetchScanner
	share protocol.ShareFetchScanner

	passed int64 // position in the stream
	end    int64 // of the open frame
	ledger ledger

	topic     *access.Topic // of the last partition
	decision  *access.Decision
	checked   uint64 // the law's epoch that decision was made under
	base      uint64 // and that the request and its session were decided under
	head      headEdit
	span      access.Span
	batch     access.Batch
	tariff    Tariff    // of the last partition, nil: nothing is counted
	due       due       // what it brought and was not charged yet
	bound     Reach     // how far back the last partition may be read; zero: at will
	charged   time.Time // when something was charged last
	delivered bool      // the open answer held records
	parts     int32     // and so many partitions
	seen      func(d *access.Decision, bytes int64, messages int32)
}

// NewReader returns the reader of one connection. seen is told of each batch, and what it is read by.
func NewReader(log *journal.Log, seen func(d *access.Decision, bytes int64, messages int32)) *Reader {
	return &Reader{log: log, seen: seen}
}

// Begin opens an answer of n bytes, the header included, to x. hide: broker endpoints behind the records are hidden in
// place (the frame streams); else the caller holds the frame whole and rewrites them.
func (r *Reader) Begin(x *Exchange, n int64, hide bool) {
	r.x, r.end = x, r.passed+n
	r.topic, r.decision, r.tariff, r.delivered, r.parts = nil, nil, nil, false, 0
	r.head = headEdit{}
	if x.API == fetchRow {
		r.fetch.Reset(x.Version, n, hide, r)
		r.scan = &r.fetch
	} else {
		r.share.Reset(x.Version, n, hide, r)
		r.scan = &r.share
	}
}

// Open says whether an answer is open, and how many of its bytes are still to come.
func (r *Reader) Open() (left int64, open bool) {
	if r.x == nil {
		return 0, false
	}
	return r.scan.Left(), true
}

// Scan shows the open answer's next bytes and returns how many passed; none of them may be handed on before.
func (r *Reader) Scan(p []byte) (int, error) {
	if left := r.scan.Left(); int64(len(p)) > left {
		p = p[:left]
	}
	n, err := r.scan.Scan(p)
	r.passed += int64(n)
	return n, err
}

// Opaque returns how many bytes of the open answer may pass unseen.
func (r *Reader) Opaque() int64 {
	if r.x == nil {
		return 0
	}
	return r.scan.Opaque()
}

// Skip lets n bytes pass unseen.
func (r *Reader) Skip(n int64) error {
	r.passed += n
	return r.scan.Skip(n)
}

// Want returns how many bytes in a row the next Scan needs.
func (r *Reader) Want() int { return r.scan.Want() }

// Tail says that no record of the open answer is still to come: what is may have to be changed.
func (r *Reader) Tail() bool { return r.scan.Tail() }

// Pass lets n bytes pass that are no part of a streamed answer.
func (r *Reader) Pass(n int64) { r.passed += n }

// Commit is called before bytes that passed are handed to the client's socket. An error says that they may not be, since
// there would be no record of them.
func (r *Reader) Commit() error { return r.log.Commit() }

// Release notes that n bytes more were handed to the client's socket.
func (r *Reader) Release(n int64) {
	if data := r.ledger.release(n); data > 0 {
		r.log.Released(data)
	}
}

// Settled says that nothing is open and everything that passed was handed over.
func (r *Reader) Settled() bool { return r.x == nil && r.passed == r.ledger.released }

// at is the stream position of the element that the scanner stands at.
func (r *Reader) at() int64 { return r.end - r.scan.Left() }

// Head moves the session on: the broker took the request, or not. And it says what is to stand in the answer for
// partitions that the broker was not asked for.
func (r *Reader) Head(h *protocol.FetchHead) error {
	x := r.x
	x.Throttle = h.Throttle + x.held
	r.span = access.Span{
		Request: &x.Request, LeaderEpoch: -1, Requested: -1, Isolation: -1,
		Broker: x.Session.Broker, Correlation: x.Correlation,
	}
	var err error
	var put []withheld
	if x.API == fetchRow {
		r.span.Isolation = x.fetch.q.Isolation
		put, err = r.fetchHead(h)
	} else {
		put, err = r.shareHead(h)
	}
	if err != nil {
		return err
	}
	r.editHead(h, put)
	r.stopped(put)
	if h.Error != 0 {
		r.failedWhole(h.Error)
	}
	return nil
}

func (r *Reader) fetchHead(h *protocol.FetchHead) ([]withheld, error) {
	x := r.x
	f := &x.fetch
	r.base = f.made.law
	if h.Error != 0 {
		x.Env.Fetch.drop()
		return nil, nil
	}
	put, stale, err := x.Env.Fetch.accept(x, h.SessionID)
	if stale {
		r.base = never
	}
	if f.withheld != nil {
		put = f.withheld
	}
	if h.Topics == 0 && h.Throttle > 0 && !f.emptied {
		return nil, err // a client that is throttled gets nothing; a part of nothing it would not take (KIP-219)
	}
	return put, err
}

// stopped writes down what stands in the answer for topics that may not be read.
func (r *Reader) stopped(put []withheld) {
	x := r.x
	if len(put) == 0 && x.Allowed() {
		return
	}
	asked := make(map[topicKey]bool)
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Type == access.ResTopic {
			asked[keyOf(&access.Topic{Name: a.Name, ID: a.TopicID})] = true
		}
	}
	for i := range put {
		w := &put[i]
		if !asked[keyOf(w.topic)] {
			x.put(access.Action{Operation: x.reading(), Type: access.ResTopic, Name: w.topic.Name, TopicID: w.topic.ID}, w.decision, w.code)
		}
	}
	x.enforced.index = nil
	x.accountStopped(r.log, 4+r.end-r.passed)
}

// failedWhole writes down that the broker did not take the request.
func (r *Reader) failedWhole(code int16) {
	x := r.x
	x.Fail(code)
	for i := range x.Actions {
		if !x.Actions[i].Decision.Stops() {
			r.failed(&x.Actions[i].Action, x.Actions[i].Decision, code)
		}
	}
	if len(x.Actions) == 0 {
		r.failed(&access.Action{Operation: access.OpRead, Type: access.ResTopic}, nil, code)
	}
}

// Partition finds out what was asked of the partition.
func (r *Reader) Partition(p *protocol.FetchPartition) error {
	r.parts++
	r.span.Partition = p.Index
	r.resolve(p.Name, p.ID, p.Index)
	if p.RecordBytes > 0 {
		if _, err := r.still(); err != nil {
			return err
		}
	}
	r.meter()
	r.reach(p)
	r.span.Topic, r.span.Decision = r.topic, r.decision
	if p.Error != 0 {
		a := access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: r.topic.Name, TopicID: r.topic.ID}
		r.failed(&a, r.decision, p.Error)
	}
	return nil
}

// resolve finds topic, decision and requested offset for a partition of the answer: in the request, else in the fetch
// session, else only what the answer says is known.
func (r *Reader) resolve(name []byte, id [16]byte, partition int32) {
	x := r.x
	r.checked = r.base
	r.span.Requested, r.span.LeaderEpoch = -1, -1
	if x.API != fetchRow {
		r.topic, r.decision = x.shareFetch.topic(x, id)
		return
	}
	if t, d, a, ok := x.fetch.asked(name, id, partition); ok {
		r.topic, r.decision, r.span.Requested, r.span.LeaderEpoch = t, d, a.offset, a.epoch
		return
	}
	if t, d, a, ok := x.Env.Fetch.find(name, id, partition); ok {
		r.topic, r.decision, r.span.Requested, r.span.LeaderEpoch = t, d, a.offset, a.epoch
		return
	}
	r.topic, r.decision = x.topicOf(name, id), nil
}

// Batch announces a batch.
func (r *Reader) Batch(b *protocol.Batch) error {
	switch again, err := r.still(); {
	case err != nil:
		return err
	case again:
		r.meter()
		r.span.Decision = r.decision
	}
	if err := r.within(b); err != nil {
		return err
	}
	r.delivered = true
	r.batch = access.Batch{
		Span: &r.span, First: b.BaseOffset, Last: b.LastOffset, Messages: b.Records, Bytes: b.Length, Have: b.Have,
		CRC: b.CRC, Epoch: b.LeaderEpoch, ProducerID: b.ProducerID, ProducerEpoch: b.ProducerEpoch,
		BaseSequence: b.BaseSequence, HasLast: b.HasLast, Control: b.Control(), Cut: b.Cut, Estimated: b.Estimated,
	}
	if !b.HasBase {
		r.batch.First = -1
	}
	r.log.Intend(&r.batch)
	r.ledger.add(r.at(), b.Have, r.tariff, r.count(&r.batch))
	r.seen(r.decision, b.Length, b.Records)
	return nil
}

// Acquired notes which of the records a share group's member was given.
func (r *Reader) Acquired(first, last int64, _ int16) error {
	r.log.Acquired(&r.span, first, last)
	return nil
}

// End closes the answer's account.
func (r *Reader) End() error {
	r.charge()
	r.log.Fetched(&r.x.Request, r.delivered, r.x.Throttle)
	return nil
}

// Done takes the finished exchange out of the reader.
func (r *Reader) Done() *Exchange {
	x := r.x
	r.x, r.scan = nil, nil
	return x
}

// Only says which partition the answer was of, if it was of one.
func (r *Reader) Only() (topic string, partition int32, ok bool) {
	if r.parts != 1 || r.topic == nil {
		return "", 0, false
	}
	return r.topic.Name, r.span.Partition, true
}

func (r *Reader) failed(a *access.Action, d *access.Decision, code int16) {
	r.x.failed(code)
	r.log.Call(&access.Call{
		Request: &r.x.Request, Action: *a, Decision: d, Error: code,
		BytesIn: r.x.BytesIn, BytesOut: 4 + r.end - r.passed, Throttle: r.x.Throttle, Broker: r.x.Session.Broker,
	})
}

// Endpoints says whether a frame that is held whole carries broker endpoints, once it was scanned.
func (r *Reader) Endpoints() bool {
	start, end := r.scan.EndpointsAt()
	return start >= 0 && end > start
}

// Rewrite returns the whole frame with the broker endpoints as clients shall see them, appended to dst.
func (r *Reader) Rewrite(dst, frame []byte, x *Exchange) ([]byte, error) {
	rewrite := protocol.RewriteFetchEndpoints
	if x.API != fetchRow {
		rewrite = protocol.RewriteShareFetchEndpoints
	}
	return rewrite(dst, frame, x.Version, x.Env.Route.Advertise)
}
