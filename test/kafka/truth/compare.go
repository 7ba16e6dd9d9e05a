package truth

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Compare holds the records of sessions against what was on the wire, one by one, and returns every difference. The
// sessions must have ended and their records have been written.
func Compare(sessions []*Session, records []*Record, names Names) []string {
	var wrong []string
	ids := SessionIDs(sessions, records)
	bySession := map[string][]*Record{}
	for _, r := range records {
		bySession[r.Session] = append(bySession[r.Session], r)
	}
	for _, s := range sessions {
		id, ok := ids[s]
		if !ok {
			if len(s.Calls) > 0 {
				wrong = append(wrong, fmt.Sprintf("%v: no session record (%d requests)", s, len(s.Calls)))
			}
			continue
		}
		for _, w := range compareSession(s, bySession[id], names) {
			wrong = append(wrong, fmt.Sprintf("%v, session %s: %s", s, id, w))
		}
	}
	return wrong
}

// String names the connection.
func (s *Session) String() string { return fmt.Sprintf("connection %v to node %d", s.Peer, s.Node) }

func compareSession(s *Session, records []*Record, names Names) []string {
	if s.Err != nil {
		return []string{"the tap's bytes cannot be read: " + s.Err.Error()}
	}
	wrong := compareReads(s, records, names)
	wrong = append(wrong, compareWrites(s, records, names)...)
	wrong = append(wrong, compareAcquired(s, records, names)...)
	wrong = append(wrong, compareCalls(s, records)...)
	return append(wrong, compareClose(s, records)...)
}

// A flow is what both sides are reduced to: events are whole or cut batches in the order in which they passed.
type event struct {
	Batch
	id [16]byte
}

func compareReads(s *Session, records []*Record, names Names) []string {
	truth := map[string][]event{}
	for _, r := range s.Reads {
		key := fmt.Sprintf("%s-%d", names.Of(r.Part), r.Partition)
		truth[key] = append(truth[key], event{r.Batch, r.ID})
	}
	flows := map[string][]*Record{}
	for _, r := range records {
		if r.Kind == "access" && r.Operation == "READ" && r.Partition != nil && (r.API == "Fetch" || r.API == "ShareFetch") {
			flows[r.part()] = append(flows[r.part()], r)
		}
	}
	return compareFlows("read", s.MidFrame || s.Reset, truth, flows)
}

func compareWrites(s *Session, records []*Record, names Names) []string {
	outcomes := map[string]func(Write) bool{
		"released": func(w Write) bool { return !w.Unknown && w.Error == 0 && !w.Again },
		"failed":   func(w Write) bool { return !w.Unknown && w.Error != 0 },
		"unknown":  func(w Write) bool { return w.Unknown },
	}
	var wrong []string
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		truth := map[string][]event{}
		for _, w := range s.Writes {
			if outcomes[outcome](w) {
				if w.Cut { // no batch at all: bytes that the broker refuses
					w.Cut, w.Bytes, w.Messages = false, w.Have, 0
				}
				key := fmt.Sprintf("%s-%d", names.Of(w.Part), w.Partition)
				truth[key] = append(truth[key], event{w.Batch, w.ID})
			}
		}
		flows := map[string][]*Record{}
		for _, r := range records {
			if r.Kind == "access" && r.Operation == "WRITE" && r.API == "Produce" && r.Partition != nil && r.Outcome == outcome {
				flows[r.part()] = append(flows[r.part()], r)
			}
		}
		if outcome == "released" {
			wrong = append(wrong, compareFlows("write", false, truth, flows)...)
			continue
		}
		wrong = append(wrong, compareSums(outcome+" write", truth, flows)...)
	}
	return wrong
}

// compareFlows holds each partition's records against its batches. partial says that the connection ended inside a
// frame: batches of that frame are in the records and not in the truth.
func compareFlows(what string, partial bool, truth map[string][]event, flows map[string][]*Record) []string {
	var wrong []string
	keys := map[string]bool{}
	for k := range truth {
		keys[k] = true
	}
	for k := range flows {
		keys[k] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		rest := truth[key]
		for _, r := range flows[key] {
			n := int(value(r.Batches) + r.ControlBatches + r.CutBatches)
			if n > len(rest) && partial {
				rest = nil
				break
			}
			if n > len(rest) {
				wrong = append(wrong, fmt.Sprintf("%s %s: a record (seq %d) of %d batches, and %d are left on the wire", what, key, r.Seq, n, len(rest)))
				rest = nil
				break
			}
			for _, w := range compareFlow(r, rest[:n]) {
				wrong = append(wrong, fmt.Sprintf("%s %s, record %d: %s", what, key, r.Seq, w))
			}
			rest = rest[n:]
		}
		if len(rest) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s %s: %d of %d batches on the wire are in no record, the first at offset %d",
				what, key, len(rest), len(truth[key]), rest[0].First))
		}
	}
	return wrong
}

// figures is what a record says of its batches.
type figures struct {
	first, last                       int64 // of whole batches, -1 without any
	messages, batches, control, bytes int64
	cut, cutBytes, cutLast            int64
	digest                            string
}

func (f figures) full() string {
	return fmt.Sprintf("offsets %d to %d, %d messages, %d batches, %d control, %d bytes, cut %d (%d bytes, to %d), digest %.8s",
		f.first, f.last, f.messages, f.batches, f.control, f.bytes, f.cut, f.cutBytes, f.cutLast, f.digest)
}

func compareFlow(r *Record, events []event) []string {
	want := figuresOf(events)
	got := figures{
		first: orMinusOne(r.FirstOffset), last: orMinusOne(r.LastOffset),
		messages: value(r.Messages), batches: value(r.Batches), control: r.ControlBatches, bytes: value(r.Bytes),
		cut: r.CutBatches, cutBytes: r.CutBytes, cutLast: orMinusOne(r.CutLastOffset), digest: r.BatchDigest,
	}
	if wrapped(events) {
		// The first offset and the count of a compressed wrapper are not on the wire.
		want.first, want.messages, want.digest = got.first, got.messages, got.digest
	}
	var wrong []string
	if got != want {
		wrong = append(wrong, fmt.Sprintf("is %s, want %s", got.full(), want.full()))
	}
	if r.Estimated != wrapped(events) {
		wrong = append(wrong, fmt.Sprintf("estimated is %v", r.Estimated))
	}
	for _, e := range events {
		if r.TopicID != "" && e.id != [16]byte{} && r.TopicID != IDText(e.id) {
			wrong = append(wrong, fmt.Sprintf("topic id %s, want %s", r.TopicID, IDText(e.id)))
			break
		}
	}
	return wrong
}

// wrapped says whether compressed entries of the old formats are among the events.
func wrapped(events []event) bool {
	return slices.ContainsFunc(events, func(e event) bool { return e.Compressed && !e.Cut })
}

func figuresOf(events []event) figures {
	f := figures{first: -1, last: -1, cutLast: -1}
	digest := sha256.New()
	for _, e := range events {
		if e.Cut {
			f.cut++
			f.cutBytes += e.Have
			if e.HasLast {
				f.cutLast = max(f.cutLast, e.Last)
			}
			continue
		}
		if f.first < 0 {
			f.first = e.First
		}
		f.last = e.Last
		f.bytes += e.Bytes
		if e.Control {
			f.control++
		} else {
			f.batches++
			f.messages += int64(e.Messages)
		}
		var line [12]byte
		binary.BigEndian.PutUint64(line[:], uint64(e.First))
		binary.BigEndian.PutUint32(line[8:], e.CRC)
		digest.Write(line[:])
	}
	if f.batches+f.control > 0 {
		f.digest = hex.EncodeToString(digest.Sum(nil))
	}
	return f
}

// compareSums holds writes without offsets: only what they amount to is recorded.
func compareSums(what string, truth map[string][]event, flows map[string][]*Record) []string {
	sum := func(messages, batches, bytes int64) string {
		return fmt.Sprintf("%d messages in %d batches of %d bytes", messages, batches, bytes)
	}
	want, got := map[string]string{}, map[string]string{}
	for key, events := range truth {
		f := figuresOf(events)
		want[key] = sum(f.messages, f.batches, f.bytes)
	}
	for key, records := range flows {
		var m, b, n int64
		for _, r := range records {
			m, b, n = m+value(r.Messages), b+value(r.Batches), n+value(r.Bytes)
		}
		got[key] = sum(m, b, n)
	}
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			wrong = append(wrong, fmt.Sprintf("%s %s: is %q, want %q", what, key, got[key], want[key]))
		}
		delete(got, key)
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		wrong = append(wrong, fmt.Sprintf("%s %s: recorded, and not on the wire: %s", what, key, got[key]))
	}
	return wrong
}

func compareAcquired(s *Session, records []*Record, names Names) []string {
	want, got := map[string]int64{}, map[string]int64{}
	for _, a := range s.Acquired {
		want[fmt.Sprintf("%s-%d", names.Of(a.Part), a.Partition)] += a.Last - a.First + 1
	}
	for _, r := range records {
		for _, a := range r.Acquired {
			got[r.part()] += value(a.Last) - value(a.First) + 1
		}
	}
	if maps.Equal(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("acquired records are %v, want %v", got, want)}
}

// compareClose holds the byte counts of the CLOSE record, which are socket bytes: on TLS they are others than the
// tap's, which reads inside it.
func compareClose(s *Session, records []*Record) []string {
	if !s.Ended || s.Reset {
		return nil
	}
	for _, r := range records {
		if r.Kind != "session" || r.Operation != "CLOSE" {
			continue
		}
		if strings.Contains(r.Listener, "tls") {
			return nil
		}
		// What a client still sends while the broker goes away is on the wire, and nobody reads it.
		unread := s.unanswered() && value(r.ClientIn) < s.BytesIn
		if value(r.ClientIn) != s.BytesIn && !unread || value(r.ClientOut) != s.BytesOut {
			return []string{fmt.Sprintf("CLOSE counts %d bytes in and %d out, want %d and %d",
				value(r.ClientIn), value(r.ClientOut), s.BytesIn, s.BytesOut)}
		}
		return nil
	}
	return []string{"no CLOSE record"}
}

// unanswered says whether a request has no answer that should have one.
func (s *Session) unanswered() bool {
	return slices.ContainsFunc(s.Calls, func(c *Call) bool { return c.Response == nil })
}

func value(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func orMinusOne(p *int64) int64 {
	if p == nil {
		return -1
	}
	return *p
}
