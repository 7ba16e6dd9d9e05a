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
	who       *who
	snapshot  *snapshot
	principal *principal
	epoch     uint64 // the principal's

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
	name, group, transaction string
	replica                  int32
	api, version             int16
	operation                access.Operation
	typ                      access.ResourceType
}

var tableSeed = maphash.MakeSeed()

func (l *lookup) hash() uint64 {
	small := uint64(l.operation)<<40 ^ uint64(l.typ)<<32 ^ uint64(uint16(l.api))<<16 ^ uint64(uint16(l.version)) ^ uint64(uint32(l.replica))<<24
	h := maphash.String(tableSeed, l.name) ^ small*0x9e3779b97f4a7c15
	if l.group != "" || l.transaction != "" {
		h ^= maphash.String(tableSeed, l.group)*3 ^ maphash.String(tableSeed, l.transaction)*5
	}
	return h ^ h>>32
}

// find returns nil where no entry stands.
func (t *table) find(l *lookup) *entry {
	mask := uint64(len(t.slots) - 1)
	h := l.hash()
	for i := range uint64(probes) {
		if e := t.slots[(h+i)&mask].Load(); e != nil && e.lookup == *l {
			return e
		}
	}
	return nil
}

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
		case old.lookup == e.lookup:
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
	n := &table{who: t.who, snapshot: t.snapshot, principal: t.principal, epoch: t.epoch, keys: t.keys}
	n.slots = make([]atomic.Pointer[entry], 2*len(t.slots))
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil {
			n.put(e)
		}
	}
	return n
}
