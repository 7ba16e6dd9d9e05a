package proxy

import (
	"encoding/base64"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// How a decision's limits are kept (contracts: policy, "limits").
//
// A read is asked for as much as is left, and where nothing is, it waits here, unsent, and its client is not read: a
// consumer that keeps asking moves at its rate and notices nothing. When the wait was in vain a Fetch is answered here
// with the time after which to come again; a ShareFetch, which carries acknowledgements, waits longer and goes then. A
// write goes, and then its client is not read until the rate allows more. A budget that is spent denies, as a
// decision of its own (limitDecider).

const (
	fetchWaits  = time.Second      // at most, before it is answered here
	shareWaits  = 10 * time.Second // at most, before it goes on all the same: a third of what its client waits for an answer
	writeWaits  = 10 * time.Second // at most, for what others of its principal have written
	laterAtMost = 10 * time.Second // is asked of a client: limits may change
	restLook    = 250 * time.Millisecond
)

// limits are a connection's. meter and brought are both pumps', the rest is the request pump's.
type limits struct {
	meter   *policy.Meter
	reaches *reaches     // the cluster's
	brought atomic.Int64 // bytes of the last read answer; -1: none yet
	tariffs []*policy.Tariff
	plan    *policy.Plan // of the last Produce: the client is not read while it is in debt
}

var _ api.Limits = (*limits)(nil)

func newLimits(m *policy.Meter, r *reaches) *limits {
	l := &limits{meter: m, reaches: r}
	l.brought.Store(-1)
	return l
}

// limit gives a new connection its limits, if decisions have any here.
func (c *conn) limit() {
	if c.p.opt.Accounts == nil {
		return
	}
	c.limits = newLimits(c.p.opt.Accounts.Meter(c.session), &c.s.reaches)
	c.env.Limits = c.limits
	c.env.Decider = limitDecider{c.env.Decider, c.limits.meter}
}

// Tariff implements api.Limits.
func (l *limits) Tariff(r *access.Request, d *access.Decision, t *access.Topic) api.Tariff {
	if tariff := l.tariff(r, d, t); tariff != nil {
		return tariff
	}
	return nil // and not a nil *policy.Tariff
}

func (l *limits) tariff(r *access.Request, d *access.Decision, t *access.Topic) *policy.Tariff {
	if d == nil || d.Limits == nil {
		return nil
	}
	return l.meter.Tariff(r.Identity, d, direction(r), topicName(t.Name, t.ID))
}

// Brought implements api.Limits.
func (l *limits) Brought(n int64) { l.brought.Store(n) }

func direction(r *access.Request) policy.Direction {
	if r.API == int16(kmsg.Produce) {
		return policy.Write
	}
	return policy.Read
}

// topicName is what a budget by topic counts under: a topic whose name nobody knows counts under its id.
func topicName(name string, id [16]byte) string {
	if name == "" && id != [16]byte{} {
		return base64.RawURLEncoding.EncodeToString(id[:])
	}
	return name
}

// planOf is what the limits of a request's decisions come to, nil if there are none.
func (l *limits) planOf(x *api.Exchange) *policy.Plan {
	l.tariffs = l.tariffs[:0]
	limited := false
	x.Limited(func(d *access.Decision, t *access.Topic) {
		tariff := l.tariff(&x.Request, d, t)
		limited = limited || tariff != nil
		l.tariffs = append(l.tariffs, tariff)
	})
	if !limited {
		return nil
	}
	return l.meter.Plan(l.tariffs)
}

// limitDecider is a connection's decider with its budgets: one that is spent denies what it allows.
type limitDecider struct {
	api.Decider
	meter *policy.Meter
}

// Decide implements api.Decider.
func (d limitDecider) Decide(r *access.Request, a *access.Action) *access.Decision {
	said := d.Decider.Decide(r, a)
	if said.Limits == nil || !movesRecords(r, a) {
		return said
	}
	return d.meter.Within(r.Identity, said, direction(r), topicName(a.Name, a.TopicID))
}

// movesRecords says whether an action is what budgets count: reading or writing a topic's records. Other requests ask for
// READ and WRITE too, and bring none.
func movesRecords(r *access.Request, a *access.Action) bool {
	if a.Type != access.ResTopic {
		return false
	}
	switch kmsg.Key(r.API) {
	case kmsg.Fetch, kmsg.ShareFetch:
		return a.Operation == access.OpRead
	case kmsg.Produce:
		return a.Operation == access.OpWrite
	}
	return false
}

// Decreed implements api.Decreed.
func (d limitDecider) Decreed(r *access.Request, a *access.Action) *access.Decision {
	return api.Decreed(d.Decider, r, a)
}

// Watches implements api.Watches.
func (d limitDecider) Watches() bool { return api.Watches(d.Decider) }

// Epoch implements api.Decider.
func (d limitDecider) Epoch(id *access.Identity) uint64 { return d.Decider.Epoch(id) + d.meter.Epoch() }

// limitRead keeps the limits of a Fetch or ShareFetch that is about to go to the broker; body is its request's. It waits
// while nothing is left. An answer says that the wait was in vain.
func (q *requests) limitRead(x *api.Exchange, body []byte) (kmsg.Response, error) {
	l := q.c.limits
	if l == nil || !x.Streams() {
		return nil, nil
	}
	plan := l.planOf(x)
	if plan == nil {
		return nil, nil
	}
	if plan.WouldWait() {
		x.WouldWait()
	}
	a, err := q.await(x, plan)
	if err != nil {
		return nil, err
	}
	if a.Bytes == 0 && x.API.Key == int16(kmsg.Fetch) {
		return x.Later(min(a.Wait, laterAtMost)), nil // nil: it goes on, without topics
	}
	if a.Limit != "" {
		x.LowerMaxBytes(body, a.Bytes)
	}
	promised := min(a.Bytes, x.MaxBytes())
	if last := l.brought.Load(); last >= 0 { // a client at the end of its topics asks for much and gets little
		promised = min(promised, last)
	}
	x.Claim(plan, promised)
	return nil, nil
}

// await waits until the plan leaves something, or for as long as such a request waits.
func (q *requests) await(x *api.Exchange, plan *policy.Plan) (policy.Allowance, error) {
	asked, began := x.MaxBytes(), time.Now()
	a := plan.Allowance(asked)
	if a.Bytes > 0 {
		return a, nil
	}
	q.c.p.totals.waits[policy.Read].Add(1)
	if err := q.flush(); err != nil { // what came before does not wait
		return a, err
	}
	most := fetchWaits
	if x.API.Key == int16(kmsg.ShareFetch) {
		most = shareWaits
	}
	for end := began.Add(most); a.Bytes == 0; a = plan.Allowance(asked) {
		left := time.Until(end)
		if left <= 0 || q.c.p.draining.Load() {
			break
		}
		if err := q.rest(min(left, a.Wait)); err != nil {
			return a, err
		}
	}
	x.HeldUp(time.Since(began))
	return a, nil
}

// rest waits without reading the client. It ends early when the connection does, and when the proxy drains.
func (q *requests) rest(d time.Duration) error {
	q.c.meter.request.set(resting)
	end := time.NewTimer(min(d, restLook))
	defer end.Stop()
	for {
		select {
		case <-q.c.ctx.Done():
			return errQueueClosed
		case <-q.c.queue.moved: // a sign of the response pump's; whoever waits for one looks before it waits
			if q.c.queue.isClosed() {
				return errQueueClosed
			}
		case <-end.C:
			return nil
		}
	}
}

// limitWrite charges a Produce that is about to go to the broker, all of which was seen. It waits a while where others of
// its principal are in debt: a new connection each time would be no way around the rate.
func (q *requests) limitWrite(x *api.Exchange) error {
	l := q.c.limits
	if l == nil {
		return nil
	}
	plan := l.planOf(x)
	if plan == nil {
		return nil
	}
	if plan.WouldWait() {
		x.WouldWait()
	}
	began := time.Now()
	if err := q.repay(plan, began.Add(writeWaits)); err != nil {
		return err
	}
	if waited := time.Since(began); waited >= time.Millisecond {
		x.HeldUp(waited)
	}
	x.Claim(plan, 0)
	x.ChargeProduce()
	l.plan = plan
	return nil
}

// muted waits, before another frame of the client is taken, until what it wrote is within its rate again.
func (q *requests) muted() error {
	l := q.c.limits
	if l == nil || l.plan == nil {
		return nil
	}
	err := q.repay(l.plan, time.Time{})
	l.plan = nil
	return err
}

// gone says that the client has ended and left nothing to do: a session need not wait for a debt that it will not add to.
// Under TLS nobody sees from here what is left: there it waits.
func (q *requests) gone() bool {
	if q.c.records != nil || q.r.Len() > q.at || q.r.Queued() > 0 {
		return false
	}
	info, ok := relay.SocketInfo(q.c.raw)
	return ok && info.Ended && q.r.Queued() == 0 // what came before the end, came before it was asked for
}

// repay waits until a plan's debt is paid, at most until end, if it is one. A drain does not wait for it.
func (q *requests) repay(plan *policy.Plan, end time.Time) error {
	debt := plan.Debt()
	if debt == 0 {
		return nil
	}
	q.c.p.totals.waits[policy.Write].Add(1)
	if err := q.flush(); err != nil { // what came before does not wait
		return err
	}
	for ; debt > 0 && !q.c.p.draining.Load(); debt = plan.Debt() {
		if end.IsZero() && q.gone() || !end.IsZero() && !time.Now().Before(end) {
			break
		}
		if err := q.rest(debt); err != nil {
			return err
		}
	}
	return nil
}
