package journal

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// CauseCrash is the cause of a CLOSE record that recovery wrote: the process ended before the session did.
const CauseCrash = "crash"

// recovery writes the records of what was open when the last process ended.
//
// A flow becomes up to two. What was noted as released is released, or partial where the last batch was noted in part;
// batches that were intended and of which no release was noted are unknown: they may have been handed over, or not. A
// session becomes a CLOSE record without figures; when it ended nobody knows, so it ends when the process was last known
// to be alive.
//
// It may end in the middle and begin again: each record is marked in the slot before it is written.
type recovery struct {
	journal *Journal
	present func(seq int64) bool // whether the journal has a record
	alive   time.Time
	records int
}

// recover writes what the flight recorder held.
func (j *Journal) recover(found *recorder.Recovery, present func(seq int64) bool) (records int) {
	v := &recovery{journal: j, present: present, alive: found.Alive}
	for _, kind := range []recorder.Kind{recorder.Flow, recorder.Sum, recorder.Session} { // a session ends last
		closed := make(map[string]bool)
		for i := len(found.Open) - 1; i >= 0 && kind == recorder.Session; i-- { // of two for one session the newer counts
			if f := &found.Open[i]; f.Kind == kind {
				v.dropRepeated(f, closed)
			}
		}
		for i := range found.Open {
			if f := &found.Open[i]; f.Kind == kind {
				v.one(f)
			}
		}
	}
	v.tell(found)
	return v.records
}

func (v *recovery) one(f *recorder.Found) {
	from := v.taken(f)
	if from == recorder.All {
		return
	}
	switch f.Kind {
	case recorder.Flow:
		v.flow(f, from)
	case recorder.Sum:
		v.sum(f)
	case recorder.Session:
		if from == opened { // else its OPEN record is not there either
			v.session(f)
		}
	}
}

// taken is up to where the records that are there take up what the slot held.
func (v *recovery) taken(f *recorder.Found) (upto uint64) {
	for _, m := range f.Marks {
		if m.Seq == 0 || v.present(m.Seq) {
			upto = max(upto, m.Upto)
		}
	}
	return upto
}

// dropRepeated drops a session's slot if a newer one stands for the session: it was being replaced.
func (v *recovery) dropRepeated(f *recorder.Found, seen map[string]bool) {
	var r access.Record
	if proto.Unmarshal(f.Template, &r) != nil {
		return
	}
	if seen[r.Session] {
		f.Kind = recorder.Context
	}
	seen[r.Session] = true
}

// base is the record that a slot describes, without figures.
func (v *recovery) base(f *recorder.Found) (*access.Record, bool) {
	r := &access.Record{}
	if proto.Unmarshal(slices.Concat(f.Context, f.Template), r) != nil {
		return nil, false
	}
	if f.Kind != recorder.Session {
		r.CommunityId, r.UpstreamCommunityId = "", ""
	}
	r.Recovered = true
	return r, true
}

func (v *recovery) put(f *recorder.Found, r *access.Record, upto uint64) {
	v.journal.append(r, &f.Slot, upto)
	v.records++
}

func (v *recovery) flow(f *recorder.Found, from uint64) {
	var t, unknown totals
	t.reset(0)
	unknown.reset(0)
	throttle := int32(0)
	if n := len(f.Notes); n > 0 && f.Notes[n-1].Upto > from {
		var err error
		if throttle, err = t.readFigures(f.Notes[n-1].Figures); err != nil {
			return // its checksum is right: not ours
		}
		from = f.Notes[n-1].Upto
	}
	split := recorder.All // where what is unknown begins
	for i := range f.Batches {
		switch b := &f.Batches[i]; {
		case b.Index() < from:
		case t.replay(b):
		case unknown.begin(b, v.alive):
			split = min(split, b.Index())
		}
	}
	if !t.empty() {
		if r, ok := v.base(f); ok {
			if t.partial {
				r.Outcome = OutcomePartial
			}
			r.ThrottleMs = int64(throttle)
			v.put(f, t.describe(r), split)
		}
	}
	if !unknown.empty() {
		if r, ok := v.base(f); ok {
			unknown.end = later(unknown.end, t.end)
			unknown.start = later(unknown.start, t.end)
			r.Outcome = OutcomeUnknown
			v.put(f, unknown.describe(r), recorder.All)
		}
	}
}

// replay counts a batch as Released, Wrote or Acquired did. False: no byte of it was noted as released.
func (t *totals) replay(b *recorder.Batch) bool {
	bytes, begun, end := b.Released()
	if begun == 0 {
		return false
	}
	if t.start.IsZero() && (b.Flags&flagAcquired == 0 || b.Flags&flagOpens != 0) {
		t.start = fromUnixNano(begun)
	}
	t.end = later(t.end, fromUnixNano(end))
	switch {
	case b.Flags&flagAcquired != 0:
		t.requests += int64(b.Flags & flagOpens)
		t.acquire(b.First, b.Last)
	case b.Flags&flagWrite != 0:
		t.countWrite(b)
	default:
		t.requests += int64(b.Flags & flagOpens)
		t.partial = t.partial || bytes < b.Size
		t.count(&intent{
			size: b.Size, left: b.Size - bytes, requested: b.Requested, first: b.First, last: b.Last, crc: b.CRC, messages: b.Messages,
			control: b.Flags&flagControl != 0, cut: b.Flags&flagCut != 0, estimated: b.Flags&flagEstimated != 0,
		})
	}
	return true
}

// begin counts a batch of which nobody knows whether it was released, at that time.
func (t *totals) begin(b *recorder.Batch, at time.Time) bool {
	whole := *b
	whole.Release(b.Size, at.UnixNano())
	return t.replay(&whole)
}

// describe puts the figures into r.
func (t *totals) describe(r *access.Record) *access.Record {
	r.Time, r.EndTime = timestamppb.New(t.start), timestamppb.New(t.end)
	t.fill(r)
	return r
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (v *recovery) sum(f *recorder.Found) {
	r, ok := v.base(f)
	if !ok || len(f.Notes) == 0 {
		return
	}
	several, err := readSum(f.Notes[len(f.Notes)-1].Figures, r)
	if err != nil {
		return
	}
	if several {
		ofSeveral(r, hostOf(r.Source))
	}
	v.put(f, r, recorder.All)
}

func (v *recovery) session(f *recorder.Found) {
	r, ok := v.base(f)
	if !ok {
		return
	}
	opened := fromUnixNano(f.At)
	end := later(opened, v.alive)
	r.Kind, r.Operation, r.Cause = KindSession, OpClose, CauseCrash
	r.Time = timestamppb.New(end)
	r.DurationMs = proto.Int64(end.Sub(opened).Milliseconds())
	v.put(f, r, recorder.All)
}

// tell writes gap records of what of the flight recorder could not be read.
func (v *recovery) tell(found *recorder.Recovery) {
	if found.Fenced != "" {
		v.gap("the flight recorder was damaged and stays as " + found.Fenced + ": what was open is not known")
	}
	for i, torn := range found.Torn {
		if i == maxResources {
			v.gap(fmt.Sprintf("the flight recorder is damaged in %d more places", len(found.Torn)-i))
			return
		}
		v.gap("the flight recorder is damaged: " + torn)
	}
}

func (v *recovery) gap(cause string) {
	v.journal.Append(&access.Record{Kind: KindGap, Cause: cause, Recovered: true})
	v.records++
}
