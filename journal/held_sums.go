package journal

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// A heldSum is a sum's place in the flight recorder.
type heldSum struct {
	slot    recorder.Slot
	party   *party // nil: its template says all
	several bool   // it stands for several sessions
}

// Bits of the last number.
const (
	sumBytes   int64 = 1 << iota // it counts bytes
	sumSeveral                   // heldSum.several
)

// sumFigures is the room that a sum's note needs: 8 numbers.
const sumFigures = 8 * 8

// note writes down what the record has come to.
func (h *heldSum) note(r *access.Record) {
	if !h.slot.Held() {
		return
	}
	s := scratches.Get().(*scratch)
	s.bytes = appendNumbers(s.bytes[:0], r.Time.AsTime().UnixNano(), r.EndTime.AsTime().UnixNano(), r.GetRequests(), r.Count,
		r.GetRequestBytes(), r.GetResponseBytes(), r.ThrottleMs, bit(r.RequestBytes != nil, sumBytes)|bit(h.several, sumSeveral))
	h.slot.Note(0, s.bytes)
	scratches.Put(s)
}

// readSum is the reverse of note. of several: the record says so.
func readSum(b []byte, r *access.Record) (several bool, err error) {
	n, _, err := takeNumbers(b, 8)
	if err != nil {
		return false, err
	}
	r.Time, r.EndTime = timestamppb.New(fromUnixNano(n[0])), timestamppb.New(fromUnixNano(n[1]))
	r.Requests, r.Count = proto.Int64(n[2]), n[3]
	if n[7]&sumBytes != 0 {
		r.RequestBytes, r.ResponseBytes = proto.Int64(n[4]), proto.Int64(n[5])
	}
	r.ThrottleMs = n[6]
	return n[7]&sumSeveral != 0, nil
}

// holdSum keeps a sum of one session, which describe says what it is.
func (l *Log) holdSum(s *summary, who *access.Identity, client *access.Client, describe func(*access.Record)) {
	s.held.party = l.holdUnder(&s.held.slot, recorder.Sum, who, client, describe, sumFigures)
	s.held.note(s.record)
}

func (l *Log) letGoSum(s *summary, recorded bool) {
	if !s.held.slot.Held() || !recorded {
		return
	}
	s.held.slot.Free()
	l.leave(s.held.party)
}

// holdDenial keeps the repeats of a denial, which belong to no session alone.
func (j *Journal) holdDenial(d *denial) {
	if j.recorder == nil {
		return
	}
	s := scratches.Get().(*scratch)
	template := s.template(func(r *access.Record) { proto.Merge(r, d.repeats) })
	taken := j.recorder.Take(&d.held.slot, recorder.Sum, 0, 0, template, sumFigures)
	scratches.Put(s)
	if taken {
		d.held.note(d.repeats)
	}
}
