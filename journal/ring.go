package journal

import "doorkeeper/access"

// recordOverhead is about what a record needs beside its text.
const recordOverhead = 1200

// A ring holds the newest records in order: at most len(slots) of them, and at most about limit bytes, for a record
// may carry a hundred names of 32 KiB. The newest is always kept.
type ring struct {
	slots []*slot
	first int // index of the oldest
	n     int
	bytes int64
	limit int64
}

type slot struct {
	record *access.Record
	size   int64
}

func newRing(records int, bytes int64) ring {
	return ring{slots: make([]*slot, records), limit: bytes}
}

func (r *ring) push(record *access.Record, size int64) {
	size += recordOverhead
	for r.n > 0 && (r.n == len(r.slots) || r.bytes+size > r.limit) {
		r.drop()
	}
	r.slots[(r.first+r.n)%len(r.slots)] = &slot{record, size}
	r.n++
	r.bytes += size
}

func (r *ring) drop() {
	r.bytes -= r.slots[r.first].size
	r.slots[r.first] = nil
	r.first = (r.first + 1) % len(r.slots)
	r.n--
}

// at is the i-th oldest record.
func (r *ring) at(i int) *access.Record { return r.slots[(r.first+i)%len(r.slots)].record }
