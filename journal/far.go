package journal

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

// far reads from disk what the ring has no more, up to a number.
func (r *reader) far(limit int64) {
	if r.disk == nil || r.diskAt != r.after.Seq {
		r.closeDisk()
		r.disk = r.journal.disk.Read(r.after.Seq)
	}
	for len(r.batch) < followBatch {
		seq, payload, missing, ok := r.disk.NextUpTo(limit)
		if !ok {
			break
		}
		if missing > 0 {
			r.farGap(seq, missing)
		}
		if payload != nil {
			r.batch = append(r.batch, r.decode(seq, payload))
		}
		r.after.Seq = seq
	}
	r.diskAt = r.after.Seq
}

func (r *reader) closeDisk() {
	if r.disk != nil {
		r.disk.Close() //nolint:errcheck // it was only read
		r.disk = nil
	}
}

// decode reads a record. One that is whole and yet no record was not written by us: a gap stands in its place.
func (r *reader) decode(seq int64, payload []byte) *access.Record {
	record := new(access.Record)
	if err := proto.Unmarshal(payload, record); err != nil || record.Seq != seq {
		return r.gapOf(seq, seq, fmt.Sprintf("the record with seq %d cannot be read: %v", seq, err))
	}
	r.lastTime = record.LoggedTime
	return record
}

// farGap stands for numbers in front of seq that have no record. Where the access stream begins later, because its
// oldest segments are gone, it says so once for all of it: the control stream's records in between come all the same.
func (r *reader) farGap(seq, missing int64) {
	if seq < r.gapTo {
		return // said already
	}
	const removed = "removed from the journal by age, or since the disk was full"
	from, begins := r.after.Seq+1, r.journal.disk.First()
	if seq < begins {
		r.gapTo = begins
		gap := r.gapOf(from, begins-1, removed+"; records in between that are not gone follow")
		gap.Seq = r.after.Seq
		r.batch = append(r.batch, gap)
		return
	}
	to, cause := from+missing-1, removed
	if to >= begins {
		cause = "missing in the journal"
		if damage := r.disk.Damage(); len(damage) > 0 {
			cause += ": " + damage[0].Error()
		}
	}
	gap := r.gapOf(from, to, cause)
	gap.Count = missing
	r.batch = append(r.batch, gap)
}

// gapOf makes a gap record for this reader alone.
func (r *reader) gapOf(from, to int64, cause string) *access.Record {
	j := r.journal
	j.mu.Lock()
	gap := j.gapRecord()
	j.mu.Unlock()
	gap.Seq = to
	gap.FromSeq, gap.ToSeq, gap.FromTime = proto.Int64(from), proto.Int64(to), r.lastTime
	gap.Cause = cause
	return gap
}

// leftBehind is a gap of a journal in memory.
func (r *reader) leftBehind(oldest int64) *access.Record {
	j := r.journal
	gap := j.gapRecord()
	gap.Seq = oldest - 1
	gap.FromSeq = proto.Int64(r.after.Seq + 1)
	gap.ToSeq = proto.Int64(oldest - 1)
	gap.FromTime = r.lastTime
	gap.ToTime = j.ring.at(0).LoggedTime
	gap.Count = oldest - 1 - r.after.Seq
	gap.Cause = "reader left behind: the journal in memory keeps the last " + strconv.Itoa(j.ring.n) + " records"
	return gap
}
