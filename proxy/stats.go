package proxy

import (
	"math/bits"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"
)

// A Histogram counts durations in buckets that double: bucket i holds those under 2^i microseconds, the last one all
// others.
type Histogram struct {
	Buckets [histogramBuckets]uint64
	Sum     time.Duration
	Count   uint64
}

const histogramBuckets = 24

type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	i := bits.Len64(uint64(max(d, 0) / time.Microsecond))
	h.buckets[min(i, histogramBuckets-1)].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) snapshot() Histogram {
	s := Histogram{Sum: time.Duration(h.sum.Load())}
	for i := range h.buckets {
		s.Buckets[i] = h.buckets[i].Load()
		s.Count += s.Buckets[i]
	}
	return s
}

// totals are what all connections together have done. Connections that are open are added when somebody asks.
type totals struct {
	sessions, turnedAway, authFailures, faults atomic.Int64
	cut, refusedLogins                         atomic.Int64

	requests        [128]atomic.Int64 // by API key
	denied, refused [128]atomic.Int64 // those of them that were, in whole or in part
	read, written   [access.Verdicts]records
	waits           [2]atomic.Int64 // for a rate, by policy.Direction
	request         histogram
	response        histogram

	clientIn, clientOut, brokerIn, brokerOut atomic.Int64 // of connections that have ended
	requestCounts, responseCounts            moved
}

// decided counts a request that may not pass as it came.
func (t *totals) decided(x *api.Exchange) {
	switch x.Verdict() {
	case access.Deny:
		t.denied[x.API.Key].Add(1)
	case access.Refuse:
		t.refused[x.API.Key].Add(1)
	}
}

// Moved is how much record data went to one side or the other.
type Moved = api.Moved

// records sum up record data.
type records struct{ messages, bytes atomic.Int64 }

func (r *records) add(m Moved) {
	if m == (Moved{}) {
		return
	}
	r.messages.Add(m.Messages)
	r.bytes.Add(m.Bytes)
}

func (r *records) snapshot() Moved {
	return Moved{Messages: r.messages.Load(), Bytes: r.bytes.Load()}
}

// moved sums up relay.Counts of connections that have ended.
type moved struct{ reads, writes, peeks, splices, user, kernel atomic.Int64 }

func (m *moved) add(c relay.Counts) {
	m.reads.Add(c.Reads)
	m.writes.Add(c.Writes)
	m.peeks.Add(c.Peeks)
	m.splices.Add(c.Splices)
	m.user.Add(c.UserBytes)
	m.kernel.Add(c.KernelBytes)
}

func (m *moved) snapshot() relay.Counts {
	return relay.Counts{
		Reads: m.reads.Load(), Writes: m.writes.Load(), Peeks: m.peeks.Load(), Splices: m.splices.Load(),
		UserBytes: m.user.Load(), KernelBytes: m.kernel.Load(),
	}
}

// add takes over the counts of a connection that has ended.
func (t *totals) add(c *conn) {
	t.clientIn.Add(c.meter.clientIn.Load())
	t.clientOut.Add(c.meter.clientOut.Load())
	t.brokerIn.Add(c.meter.brokerIn.Load())
	t.brokerOut.Add(c.meter.brokerOut.Load())
	t.requestCounts.add(c.requests.count.Snapshot())
	t.responseCounts.add(c.responses.count.Snapshot())
}

// Stats are counters, from the proxy's start, and gauges of the moment.
type Stats struct {
	Sessions      int   // open now
	SessionsTotal int64 // ever
	TurnedAway    int64 // by a limit
	AuthFailures  int64
	Faults        int64 // connections ended with a warning

	Quarantines   int   // in force
	SessionsCut   int64 // by a quarantine
	LoginsRefused int64 // because of one: logins, and sessions without one when they said who they are

	Requests        map[string]int64       // by API name
	Denied, Refused map[string]int64       // those of them that were, in whole or in part
	Read, Written   [access.Verdicts]Moved // handed to clients, or taken by brokers; by what the policy said of it
	ReadWaits       int64                  // times that a client waited for its rate
	WriteWaits      int64

	ClientIn, ClientOut, BrokerIn, BrokerOut int64 // bytes

	RequestMoves, ResponseMoves relay.Counts

	RequestLatency  Histogram // last byte read to last byte written, of a read's worth of requests
	ResponseLatency Histogram

	BuffersInUse, BuffersLimit int64 // bytes
	Pipes                      relay.PipeStats
}

// Stats takes a snapshot.
func (p *Proxy) Stats() Stats {
	t := &p.totals
	s := Stats{
		SessionsTotal: t.sessions.Load(), TurnedAway: t.turnedAway.Load(),
		AuthFailures: t.authFailures.Load(), Faults: t.faults.Load(),
		Quarantines: len(p.opt.Quarantine.All()), SessionsCut: t.cut.Load(), LoginsRefused: t.refusedLogins.Load(), Requests: map[string]int64{},
		Denied: map[string]int64{}, Refused: map[string]int64{},
		ReadWaits: t.waits[policy.Read].Load(), WriteWaits: t.waits[policy.Write].Load(),
		RequestLatency: t.request.snapshot(), ResponseLatency: t.response.snapshot(),
		BuffersInUse: p.pool.InUse(), BuffersLimit: p.pool.Limit(), Pipes: p.pipes.Stats(),
	}
	conns := p.moved(&s)
	s.Sessions = len(conns)
	for v := range s.Read {
		s.Read[v], s.Written[v] = t.read[v].snapshot(), t.written[v].snapshot()
	}
	for key := range t.requests {
		if a := api.Lookup(int16(key)); a != nil {
			if n := t.requests[key].Load(); n > 0 {
				s.Requests[a.Name()] = n
				s.Denied[a.Name()], s.Refused[a.Name()] = t.denied[key].Load(), t.refused[key].Load()
			}
		}
	}
	for _, c := range conns {
		s.ClientIn += c.meter.clientIn.Load()
		s.ClientOut += c.meter.clientOut.Load()
		s.BrokerIn += c.meter.brokerIn.Load()
		s.BrokerOut += c.meter.brokerOut.Load()
		s.RequestMoves = s.RequestMoves.Add(c.requests.count.Snapshot())
		s.ResponseMoves = s.ResponseMoves.Add(c.responses.count.Snapshot())
	}
	return s
}

// moved puts into s what connections that have ended have moved, and returns the open ones: each is in one of the two.
func (p *Proxy) moved(s *Stats) []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.totals
	s.ClientIn, s.ClientOut, s.BrokerIn, s.BrokerOut = t.clientIn.Load(), t.clientOut.Load(), t.brokerIn.Load(), t.brokerOut.Load()
	s.RequestMoves, s.ResponseMoves = t.requestCounts.snapshot(), t.responseCounts.snapshot()
	return p.list()
}
