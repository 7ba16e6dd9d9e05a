package journal

import (
	"net/netip"
	"sync"
	"time"

	"doorkeeper/access"
)

// maxDenials bounds how many different denials are remembered; beyond it the oldest is recorded and forgotten.
const maxDenials = 1 << 16

// A denialKey is what is said once. The source is an address without its port: a client that comes back is the same.
type denialKey struct {
	cluster   string
	principal string
	source    netip.Addr
	api       int16
	operation access.Operation
	kind      access.ResourceType
	resource  string
	topicID   [16]byte
	names     uint64
	verdict   access.Verdict
	reason    string
}

// denials says each denial at once when it is the first of its kind, and sums its repeats, of all sessions, until
// the summary interval ends. As long as they go on there is one sum an interval.
type denials struct {
	journal *Journal

	mu    sync.Mutex
	byKey map[denialKey]*denial
	order []*denial // in the order in which their intervals end, from head on
	head  int
}

type denial struct {
	key     denialKey
	due     time.Time
	repeats *access.Record // nil: none yet
}

func newDenials(j *Journal) *denials {
	return &denials{journal: j, byKey: make(map[denialKey]*denial)}
}

// add records or sums a denial. It returns when the sum is due, zero if there is none.
func (d *denials) add(l *Log, c *access.Call, now time.Time) time.Time {
	key := keyOfDenial(l, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweepLocked(now)
	known := d.byKey[key]
	switch {
	case known == nil:
		if len(d.byKey) >= maxDenials {
			d.record(d.pop())
		}
		d.push(&denial{key: key, due: now.Add(d.journal.opt.SummaryInterval)})
		d.journal.Append(l.callRecord(c, now))
		return time.Time{}
	case known.repeats == nil:
		known.repeats = l.callRecord(c, now)
		known.repeats.Count = 1
	default:
		addCall(known.repeats, now, c)
		if known.repeats.Session != l.session.ID.String() { // of several sessions: none
			known.repeats.Session, known.repeats.Peer, known.repeats.Upstream = "", "", ""
			known.repeats.Source = key.source.String()
		}
	}
	return known.due
}

func keyOfDenial(l *Log, c *access.Call) denialKey {
	key := denialKey{
		cluster: l.session.Cluster, source: l.session.Source.Addr(), api: c.API,
		operation: c.Action.Operation, kind: c.Action.Type, resource: c.Action.Name, topicID: c.Action.TopicID,
		names: hashNames(c.Names), verdict: c.Decision.Verdict, reason: c.Decision.Reason,
	}
	if c.Identity != nil {
		key.principal = c.Identity.Principal
	}
	return key
}

// sweep records the sums whose interval has ended.
func (d *denials) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweepLocked(now)
}

// sweepLocked: a denial that was repeated goes on into another interval, one that was not is forgotten.
func (d *denials) sweepLocked(now time.Time) {
	for d.head < len(d.order) && !now.Before(d.order[d.head].due) {
		ended := d.pop()
		if ended.repeats == nil {
			continue
		}
		d.record(ended)
		d.push(&denial{key: ended.key, due: now.Add(d.journal.opt.SummaryInterval)})
	}
}

func (d *denials) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.head < len(d.order) {
		d.record(d.pop())
	}
}

func (d *denials) record(ended *denial) {
	if ended.repeats != nil {
		d.journal.Append(ended.repeats)
	}
}

func (d *denials) push(n *denial) {
	d.byKey[n.key] = n
	if d.head > 0 && len(d.order) == cap(d.order) {
		d.order = append(d.order[:0], d.order[d.head:]...)
		d.head = 0
	}
	d.order = append(d.order, n)
}

func (d *denials) pop() *denial {
	ended := d.order[d.head]
	d.order[d.head] = nil
	d.head++
	delete(d.byKey, ended.key)
	return ended
}
