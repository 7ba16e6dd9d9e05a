package api

import (
	"encoding/binary"
	"math"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Limits count what a connection moves, and know what its decisions leave it. Both pumps call them. Package policy keeps
// the accounts; what is counted, and when, is decided here.
//
// Records are charged when they are announced, before a byte of them is released, so that nobody spends them twice; what
// then is not released is given back.
type Limits interface {
	// Tariff returns what one topic's records cost under a decision that has limits; nil: nothing is counted.
	Tariff(r *access.Request, d *access.Decision, t *access.Topic) Tariff
	// Reach is how far back reads of a partition may reach; known is false where that must be asked first.
	Reach(t *access.Topic, partition int32, rf *access.ReadFrom) (r Reach, known bool)
	// Stale says that it is a while ago that anything about the reach was heard, or asked in vain: asking is worth it.
	Stale(t *access.Topic, partition int32, rf *access.ReadFrom) bool
	// Saw says what a partition's high watermark is.
	Saw(t *access.Topic, partition int32, highWatermark int64)
	// Behind says that what stands before an offset is out of reach, whatever else is known.
	Behind(t *access.Topic, partition int32, rf *access.ReadFrom, offset int64)
	// Brought says how many bytes of records the answer to a read had.
	Brought(bytes int64)
}

// A Tariff is what one topic's records are taken from: budgets, and the rate's bucket by the request's Plan.
type Tariff interface {
	Charge(bytes, messages int64) (at time.Time)
	Refund(bytes, messages int64, at time.Time)
	// WouldWait is the decision as it is recorded where a rate that is only watched would have held the request up.
	WouldWait() *access.Decision
	// TooFar is the decision about a read from before the reach.
	TooFar() *access.Decision
}

// A Plan is what the limits of all decisions of one request come to.
type Plan interface {
	Promise(bytes int64)
	Spend(bytes int64)
	Debt() time.Duration
}

// A claim is what one request may bring, from when it goes on its way until it is freed.
type claim struct {
	plan     Plan // nil: nothing limits it
	promised int64
	brought  int64
	waits    bool // a rate that is only watched would have held it up
}

// Claim notes the plan of a request that is about to go on, and sets aside what it is expected to bring.
func (x *Exchange) Claim(p Plan, promised int64) {
	x.claim.plan, x.claim.promised = p, promised
	p.Promise(promised)
}

// WouldWait notes that a rate that is only watched would hold the request up.
func (x *Exchange) WouldWait() { x.claim.waits = true }

// HeldUp notes how long the request was held up here. Its records show it as throttling.
func (x *Exchange) HeldUp(d time.Duration) {
	x.held += milliseconds(d)
	x.Throttle = x.held
}

// unclaim gives back what was set aside.
func (x *Exchange) unclaim() {
	c := &x.claim
	if c.plan != nil {
		c.plan.Promise(-c.promised)
		if x.Streams() {
			x.Env.Limits.Brought(c.brought)
		}
	}
	x.claim, x.held = claim{}, 0
}

func (x *Exchange) spend(bytes int64) {
	x.claim.brought += bytes
	if x.claim.plan != nil {
		x.claim.plan.Spend(bytes)
	}
}

// tariff is what a topic's records cost, nil if nothing is counted.
func (x *Exchange) tariff(d *access.Decision, t *access.Topic) Tariff {
	if d == nil || d.Limits == nil || x.Env.Limits == nil {
		return nil
	}
	return x.Env.Limits.Tariff(&x.Request, d, t)
}

// Limited calls f for each topic of a Produce, Fetch or ShareFetch with the decision that its records move under; of an
// incremental fetch, with each of its session too. It stops at once where no decision has limits.
func (x *Exchange) Limited(f func(*access.Decision, *access.Topic)) {
	switch x.API {
	case produceRow:
		for i := range x.produce.topics {
			f(x.produce.topics[i].decision, x.produce.topics[i].topic)
		}
	case fetchRow:
		for i, d := range x.fetch.decisions {
			f(d, x.fetch.topics[i])
		}
		if x.incremental() {
			x.Env.Fetch.limited(f)
		}
	case shareFetchRow:
		for i, d := range x.shareFetch.decisions {
			f(d, x.shareFetch.topics[i])
		}
		x.Env.Fetch.shareLimited(x, f)
	}
}

// incremental says whether this is a Fetch that lists only what changed.
func (x *Exchange) incremental() bool {
	return x.API == fetchRow && x.fetch.q.SessionID != 0 && x.fetch.q.SessionEpoch > 0
}

func (s *FetchSessions) limited(f func(*access.Decision, *access.Topic)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fetch.limits {
		return
	}
	for st := range s.fetch.topics {
		f(st.decision, st.topic)
	}
}

// MaxBytes is how much a Fetch or ShareFetch asks for at most.
func (x *Exchange) MaxBytes() int64 {
	if x.API == shareFetchRow {
		return max(1, int64(x.shareFetch.q.MaxBytes))
	}
	return max(1, int64(x.fetch.q.MaxBytes))
}

// LowerMaxBytes lowers in place how much a Fetch or ShareFetch asks for: body is the request's. Versions without the field
// are left as they are; what they bring is charged all the same.
func (x *Exchange) LowerMaxBytes(body []byte, n int64) {
	at := x.fetch.q.MaxBytesAt
	if x.API == shareFetchRow {
		at = x.shareFetch.q.MaxBytesAt
	}
	if at < 0 || n >= x.MaxBytes() {
		return
	}
	n = min(max(n, 1), math.MaxInt32)
	binary.BigEndian.PutUint32(body[at:], uint32(n))
	if q, ok := x.Body.(*kmsg.ShareFetchRequest); ok { // it goes on as it was edited
		q.MaxBytes = int32(n)
	}
}

// Later answers a Fetch that would be over a limit: what clients retry, after a while (KIP-219).
//
//   - A full fetch gets an empty answer. One that names a session goes to the broker all the same, without topics (the
//     answer is nil): that ends the session, for which the broker has no end of slots.
//   - An incremental one is told to open its session anew: the broker's epoch moves with each request, and has not seen
//     this one.
func (x *Exchange) Later(wait time.Duration) kmsg.Response {
	f := &x.fetch
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(x.Version)
	r.ThrottleMillis = max(1, milliseconds(wait))
	switch {
	case x.incremental():
		r.ErrorCode = errInvalidFetchSession
		x.Fail(r.ErrorCode)
	case f.q.SessionID != 0:
		f.throttle, f.closes, f.emptied, f.withheld = r.ThrottleMillis, true, true, nil
		f.codes = make([]int16, len(f.topics))
		for i := range f.codes {
			f.codes[i] = errOffsetNotAvailable
		}
		x.enforced.edited = true
		return nil
	}
	x.Throttle = x.held + r.ThrottleMillis
	return r
}

// milliseconds rounds up: who comes back on time is not early.
func milliseconds(d time.Duration) int32 {
	return int32(min((d+time.Millisecond-1)/time.Millisecond, math.MaxInt32/2))
}

// ChargeProduce takes what goes to the broker from the budgets of its topics, and from the rate's bucket. It is for a
// Produce that is about to go on, once all of it was seen.
func (x *Exchange) ChargeProduce() {
	s := &x.produce
	s.supersede()
	var all int64
	for i := range s.parts {
		if !s.counts(i) {
			continue
		}
		all += s.parts[i].batch.Bytes
		t := &s.topics[s.parts[i].topic]
		if tariff := x.tariff(t.decision, t.topic); tariff != nil {
			s.charged = tariff.Charge(s.parts[i].batch.Bytes, int64(s.parts[i].batch.Messages))
			if x.claim.waits {
				t.decision = tariff.WouldWait()
			}
		}
	}
	x.spend(all)
}

// refundProduce gives back what an entry cost which the broker did not append.
func (x *Exchange) refundProduce(i int) {
	s := &x.produce
	if s.charged.IsZero() {
		return
	}
	t := &s.topics[s.parts[i].topic]
	if tariff := x.tariff(t.decision, t.topic); tariff != nil {
		tariff.Refund(s.parts[i].batch.Bytes, int64(s.parts[i].batch.Messages), s.charged)
	}
}

// mute writes into the broker's answer to a Produce, of which body is parsed, how long the client is not read.
func (x *Exchange) mute(body []byte) {
	s := &x.produce
	if x.claim.plan == nil || s.answer.ThrottleAt < 0 {
		return
	}
	if wait := milliseconds(x.claim.plan.Debt()); wait > s.answer.Throttle {
		s.answer.Throttle = wait
		binary.BigEndian.PutUint32(body[s.answer.ThrottleAt:], uint32(wait))
	}
}
