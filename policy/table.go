package policy

import (
	"hash/maphash"
	"sync/atomic"

	"doorkeeper/access"
)

// A table keeps the decisions of one session, for one who and under one snapshot and epoch: when one of them moves, the
// session takes a new table. Looking something up takes no lock: a slot is an atomic pointer to an entry that never
// changes. It is bounded: where the slots that an entry may stand in are taken, one of them is written over.
type table struct {
	policy    uint64 // the snapshot's epoch: a session that sleeps must not keep an old policy in memory
	identity  *access.Identity
	client    *access.Client
	principal *principal
	epoch     uint64 // the principal's
	who       *who

	keys  [2][]byte // the who's part of the keys of the running policy's cache and of the candidate's
	slots []atomic.Pointer[entry]
	taken atomic.Int32
}

const (
	minSlots = 16
	maxSlots = 512
	probes   = 4
)

// An entry is a decision and the part of the question that it depends on.
type entry struct {
	lookup
	span     span
	decision *access.Decision
}

// A lookup is what of a request and an action the policies read; the rest is left zero.
type lookup struct {
	name               string
	numbers            uint64 // operation, type, API, version
	replica            int32
	long               bool // of the two below one is not empty
	group, transaction string
}

// hash mixes the length of the name with its ends and its middle. Who makes names that collide crowds nobody but
// themselves: the table is their session's.
func (l *lookup) hash() uint64 {
	s := l.name
	h := uint64(len(s)) ^ l.numbers<<8 ^ uint64(uint32(l.replica))<<32
	switch n := len(s); {
	case n >= 8:
		h ^= word64(s[:8])*prime ^ word64(s[n-8:])*(prime|1<<60) ^ word64(s[(n-8)/2:])
	default:
		for i := range n {
			h = h*31 ^ uint64(s[i])
		}
	}
	if l.long {
		h ^= maphash.String(tableSeed, l.group)*3 ^ maphash.String(tableSeed, l.transaction)*5
	}
	h *= prime
	return h ^ h>>32
}

const prime = 0x9e3779b97f4a7c15

var tableSeed = maphash.MakeSeed()

func word64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func (l *lookup) equal(o *lookup) bool {
	return l.numbers == o.numbers && l.replica == o.replica && l.name == o.name && l.long == o.long &&
		(!l.long || l.group == o.group && l.transaction == o.transaction)
}

// lookup takes what the policies read out of a request and an action.
func (p part) lookup(r *access.Request, a *access.Action) lookup {
	l := lookup{name: a.Name, numbers: uint64(uint8(a.Operation))<<40 | uint64(uint8(a.Type))<<32}
	if p&partRequest == 0 {
		return l
	}
	if p&partAPI != 0 {
		l.numbers |= uint64(uint16(r.API)) << 16
	}
	if p&partVersion != 0 {
		l.numbers |= uint64(uint16(r.Version))
	}
	if p&partReplica != 0 {
		l.replica = r.ReplicaID
	}
	if p&partGroup != 0 {
		l.group = r.Group
	}
	if p&partTransaction != 0 {
		l.transaction = r.TransactionalID
	}
	l.long = l.group != "" || l.transaction != ""
	return l
}

// find returns nil where no entry stands.
func (t *table) find(l *lookup) *entry {
	mask := uint64(len(t.slots) - 1)
	h := l.hash()
	for i := range uint64(probes) {
		if e := t.slots[(h+i)&mask].Load(); e != nil && e.equal(l) {
			return e
		}
	}
	return nil
}

// maxNames bounds the names of an entry. Longer ones are left to the policy's own cache: a hostile client's groups must not
// fill memory once for each of its connections.
const maxNames = 300

func (l *lookup) small() bool { return len(l.name)+len(l.group)+len(l.transaction) <= maxNames }

// put takes an entry in. Two pumps may put at the same time: one may then write over the other's.
func (t *table) put(e *entry) {
	mask := uint64(len(t.slots) - 1)
	h := e.hash()
	last := h & mask
	for i := range uint64(probes) {
		slot := (h + i) & mask
		switch old := t.slots[slot].Load(); {
		case old == nil:
			t.taken.Add(1)
			fallthrough
		case old.equal(&e.lookup):
			t.slots[slot].Store(e)
			return
		}
		last = slot
	}
	t.slots[last].Store(e)
}

// crowded says whether a larger table would help.
func (t *table) crowded() bool {
	return len(t.slots) < maxSlots && int(t.taken.Load()) > len(t.slots)/2
}

// larger is the same table with twice the slots.
func (t *table) larger() *table {
	n := &table{policy: t.policy, identity: t.identity, client: t.client, principal: t.principal, epoch: t.epoch, who: t.who, keys: t.keys}
	n.slots = make([]atomic.Pointer[entry], 2*len(t.slots))
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil {
			n.put(e)
		}
	}
	return n
}
