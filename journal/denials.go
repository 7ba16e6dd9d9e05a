package journal

import (
	"net/netip"
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
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
	hidden    bool
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
	ref     *access.Reference // to the newest record of it; not taken: there is none yet
	repeats *access.Record    // nil: none yet
	held    heldSum           // of the repeats
}

func newDenials(j *Journal) *denials {
	return &denials{journal: j, byKey: make(map[denialKey]*denial)}
}

// add records or sums a denial. It returns when the sum is due, zero if there is none.
func (d *denials) add(l *Log, c *access.Call, now time.Time) time.Time {
	key := keyOfDenial(l.session, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweepLocked(now)
	known := d.byKey[key]
	if known == nil {
		known = d.begin(key, c.Ref, now)
	}
	named := c.Ref // before the denial that it began was forgotten, maybe
	if !named.Free() {
		named = known.ref
	}
	switch {
	case named.Take():
		r := l.callRecord(c, now)
		r.Id = named.ID
		d.journal.Append(r)
		return time.Time{}
	case known.repeats == nil:
		known.repeats = l.callRecord(c, now)
		known.repeats.Count = 1
		d.journal.holdDenial(known)
	default:
		addCall(known.repeats, now, c)
		if known.repeats.Session != l.session.ID.String() { // of several sessions: none
			ofSeveral(known.repeats, key.source.String())
			known.held.several = true
		}
		known.held.note(known.repeats)
	}
	return known.due
}

// refer names the record of a denial that is about to be accounted: the newest that there is of its kind, which its
// repeats are summed behind, or, of the first, the one that is going to be written.
func (d *denials) refer(s *access.Session, c *access.Call, now time.Time) *access.Reference {
	key := keyOfDenial(s, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweepLocked(now)
	known := d.byKey[key]
	if known == nil {
		known = d.begin(key, nil, now)
	}
	return known.ref
}

// begin remembers a denial of which there is no record yet. It will stand under ref, if that is still to be had.
func (d *denials) begin(key denialKey, ref *access.Reference, now time.Time) *denial {
	if len(d.byKey) >= maxDenials {
		d.record(d.pop())
	}
	if !ref.Free() {
		ref = d.journal.reference(now)
	}
	n := &denial{key: key, due: now.Add(d.journal.opt.SummaryInterval), ref: ref}
	d.push(n)
	return n
}

// ofSeveral takes out of a record what holds for one session alone.
func ofSeveral(r *access.Record, source string) {
	r.Session, r.Peer, r.Upstream = "", "", ""
	r.Source = source
}

func keyOfDenial(s *access.Session, c *access.Call) denialKey {
	key := denialKey{
		cluster: s.Cluster, source: s.Source.Addr(), api: c.API,
		operation: c.Action.Operation, kind: c.Action.Type, resource: c.Action.Name, topicID: c.Action.TopicID, hidden: c.Hidden,
		names: namesOf(c), verdict: c.Decision.Verdict, reason: c.Decision.Reason,
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

// sweepLocked: a denial that was repeated goes on into another interval, one that was not is forgotten. So is one that was
// referred to and never accounted: who accounts for it later brings the reference.
func (d *denials) sweepLocked(now time.Time) {
	for d.head < len(d.order) && !now.Before(d.order[d.head].due) {
		ended := d.pop()
		if ended.repeats == nil {
			continue
		}
		d.record(ended)
		d.push(&denial{key: ended.key, due: now.Add(d.journal.opt.SummaryInterval), ref: access.Taken(ended.repeats.Id)})
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
	if ended.repeats != nil && d.journal.append(ended.repeats, &ended.held.slot, recorder.All) {
		ended.held.slot.Free()
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
