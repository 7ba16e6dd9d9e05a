package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// A flight is a journal in memory with a flight recorder, and what really happened on its sessions.
type flight struct {
	t       *testing.T
	random  *rand.Rand
	now     time.Time
	path    string
	journal *Journal
	logs    []*Log
	parts   []*truth
	way     [][]*sent // by log: intended, not released in full
	stamped func()    // called before each record
}

// truth is one session's partition.
type truth struct {
	log     int
	span    *access.Span
	write   bool
	next    int64
	batches []*sent
}

type sent struct {
	batch    access.Batch
	released int64
	write    bool
}

func openRecorder(t *testing.T, path string) (*recorder.Recorder, recorder.Recovery) {
	t.Helper()
	r, found, err := recorder.Open(path, recorder.Options{Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, found
}

func takeOff(t *testing.T, seed uint64) *flight {
	f := &flight{
		t: t, random: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC),
		path: filepath.Join(t.TempDir(), "recorder"),
	}
	f.journal = f.newJournal(0)
	f.journal.recorder, _ = openRecorder(t, f.path)
	for i := range 1 + f.random.IntN(3) {
		session := &access.Session{
			ID: ulid.MustNew(uint64(i+1), bytes.NewReader(make([]byte, 16))), Opened: f.now, Broker: 1,
			Source: netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:1000", i+1)),
		}
		f.logs = append(f.logs, f.journal.Session(session, nil))
		f.way = append(f.way, nil)
		for p := range 1 + f.random.IntN(12) {
			s := newSpan("orders", 0)
			s.Partition = int32(p)
			s.Identity.Principal = fmt.Sprintf("User:%d", i)
			f.parts = append(f.parts, &truth{log: i, span: s, write: f.random.IntN(3) == 0})
		}
	}
	return f
}

// newJournal is a journal after head records.
func (f *flight) newJournal(head int64) *Journal {
	j := New(Options{Now: func() time.Time {
		if f.stamped != nil {
			f.stamped()
		}
		return f.now
	}})
	j.head = head
	return j
}

// step does something that a response pump does.
func (f *flight) step() {
	p := f.parts[f.random.IntN(len(f.parts))]
	l := f.logs[p.log]
	f.now = f.now.Add(time.Duration(f.random.IntN(40)) * time.Millisecond)
	switch f.random.IntN(12) {
	case 0:
		l.Tick(f.now)
	case 1:
		f.call(l, p)
	case 2:
		l.Fetched(p.span.Request, f.random.IntN(2) == 0, int32(f.random.IntN(3)))
	case 3:
		f.release(p.log, 1<<40)
	case 4: // another answer
		p.span = &access.Span{Request: p.span.Request, Topic: p.span.Topic, Partition: p.span.Partition, Requested: p.next, LeaderEpoch: -1, Decision: p.span.Decision, Broker: -1, Correlation: p.span.Correlation + 1}
	case 5:
		if f.random.IntN(5) > 0 {
			break
		}
		if err := f.journal.recorder.Cycle(func() error { return nil }); err != nil {
			f.t.Fatal(err)
		}
	case 6:
		f.now = f.now.Add(time.Second)
	case 7:
		f.release(p.log, int64(f.random.IntN(3000)))
	default:
		n := 1 + f.random.IntN(4)
		if f.random.IntN(20) == 0 {
			n = 400
		}
		for range n {
			f.batch(l, p)
		}
	}
}

func (f *flight) call(l *Log, p *truth) {
	d := &access.Decision{Enforced: true}
	if f.random.IntN(2) == 0 {
		d = &access.Decision{Verdict: access.Deny, Enforced: true, Reason: "law"}
	}
	l.Call(&access.Call{Request: p.span.Request, Action: access.Action{Operation: access.OpDescribe, Name: fmt.Sprint("t", f.random.IntN(3))}, Decision: d, BytesIn: 10, BytesOut: 20})
}

func (f *flight) batch(l *Log, p *truth) {
	b := newBatch(p.span, p.next, p.next+9)
	b.CRC = f.random.Uint32()
	b.Bytes = int64(f.random.IntN(1000) + 1)
	b.Have = b.Bytes
	p.next += 10
	s := &sent{batch: *b, write: p.write}
	p.batches = append(p.batches, s)
	if p.write {
		s.released = b.Bytes
		l.Wrote(&access.Write{Batch: *b})
		return
	}
	l.Intend(b)
	f.way[p.log] = append(f.way[p.log], s)
}

func (f *flight) release(log int, n int64) {
	total := int64(0)
	for len(f.way[log]) > 0 && n > 0 {
		s := f.way[log][0]
		step := min(n, s.batch.Bytes-s.released)
		s.released += step
		total += step
		n -= step
		if s.released == s.batch.Bytes {
			f.way[log] = f.way[log][1:]
		}
	}
	if total > 0 {
		f.logs[log].Released(total)
	}
}

// crash returns what recovery makes of a file in a journal that goes on after the records before. If it is to be killed
// itself, cut is the record that it is killed in front of, and the file as it is then is returned.
func (f *flight) crash(path string, before []*access.Record, cut int) (after string, records []*access.Record) {
	copied := f.copied(path)
	j := f.newJournal(int64(len(before)))
	var found recorder.Recovery
	j.recorder, found = openRecorder(f.t, copied)
	f.stamped = func() {
		if cut == 0 {
			after, records = f.copied(copied), slices.Concat(before, all(j))
		}
		cut--
	}
	j.recover(&found, func(seq int64) bool { return seq <= int64(len(before)) })
	f.stamped = nil
	if records == nil {
		after, records = copied, slices.Concat(before, all(j))
	}
	return after, records
}

func (f *flight) copied(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	path = filepath.Join(f.t.TempDir(), "recorder")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func all(j *Journal) (list []*access.Record) {
	for i := range j.ring.n {
		list = append(list, j.ring.at(i))
	}
	return list
}

// check holds records against what happened.
func (f *flight) check(what string, records []*access.Record) {
	f.t.Helper()
	calls, opens, closes := int64(0), 0, 0
	got := make(map[*sent]string)
	for _, r := range records {
		switch {
		case r.Kind == KindSession && r.Operation == OpOpen:
			opens++
		case r.Kind == KindSession:
			closes++
			if !r.Recovered || r.Cause != CauseCrash {
				f.t.Errorf("%s: %v", what, r)
			}
		case r.Kind == KindAccess && r.Batches != nil:
			f.checkFlow(what, r, got)
		case r.Operation == "DESCRIBE":
			calls += r.GetRequests()
		}
	}
	if opens != len(f.logs) || closes != len(f.logs) {
		f.t.Errorf("%s: %d OPEN and %d CLOSE records of %d sessions", what, opens, closes, len(f.logs))
	}
	for _, p := range f.parts {
		for _, s := range p.batches {
			want := OutcomeReleased
			if s.released == 0 {
				want = OutcomeUnknown
			}
			if got[s] != want {
				f.t.Errorf("%s: offset %d of partition %d of session %d: %q, not %q", what, s.batch.First, p.span.Partition, p.log, got[s], want)
			}
		}
	}
}

// checkFlow finds the batches that a record stands for: they are in none before it, and its figures are theirs.
func (f *flight) checkFlow(what string, r *access.Record, got map[*sent]string) {
	f.t.Helper()
	h := sha256.New()
	var batches, bytes, last int64
	for _, p := range f.parts {
		if p.span.Partition != r.GetPartition() || p.span.Identity.Principal != r.Principal || p.write != (r.Operation == "WRITE") {
			continue
		}
		for _, s := range p.batches {
			if s.batch.First < r.GetFirstOffset() || s.batch.Last > r.GetLastOffset() {
				continue
			}
			if got[s] != "" {
				f.t.Errorf("%s: offset %d is in two records: %v", what, s.batch.First, r)
			}
			got[s] = r.Outcome
			if r.Outcome == OutcomePartial {
				got[s] = OutcomeReleased
			}
			batches++
			last = s.batch.Bytes
			if bytes += last; r.Outcome == OutcomePartial && s.batch.Last == r.GetLastOffset() {
				bytes += s.released - last
			}
			_ = binary.Write(h, binary.BigEndian, s.batch.First)
			_ = binary.Write(h, binary.BigEndian, s.batch.CRC)
		}
	}
	if batches != r.GetBatches() || bytes != r.GetBytes() || r.GetMessages() != 10*batches || r.BatchDigest != hex.EncodeToString(h.Sum(nil)) || r.GetRequests() == 0 {
		f.t.Errorf("%s: %d batches with %d bytes: %v", what, batches, bytes, r)
	}
	if r.Session == "" || r.Source == "" || r.Api == "" || r.Decision != "allow" || r.Time == nil || r.Time.AsTime().After(r.EndTime.AsTime()) {
		f.t.Errorf("%s: %v", what, r)
	}
}

// calls is how often DESCRIBE was asked, by records and by what is open.
func (f *flight) calls(records []*access.Record) (n int64) {
	for _, r := range records {
		if r.Operation == "DESCRIBE" {
			n += r.GetRequests()
		}
	}
	return n
}

// TestCrash ends the process at any time: what was released stands in a record, once, and what was about to be is
// unknown. A recovery that is itself cut short at any record is made good by the next.
func TestCrash(t *testing.T) {
	for seed := range uint64(80) {
		f := takeOff(t, seed)
		for range f.random.IntN(300) {
			f.step()
		}
		before := all(f.journal)
		asked := f.calls(before)
		for _, l := range f.logs {
			for _, s := range l.sums.byKey {
				if s.key.operation == access.OpDescribe {
					asked += s.record.GetRequests()
				}
			}
		}
		for _, d := range f.journal.denials.byKey {
			asked += d.repeats.GetRequests()
		}
		what := fmt.Sprintf("seed %d", seed)
		_, records := f.crash(f.path, before, -1)
		f.check(what, records)
		if got := f.calls(records); got != asked {
			t.Errorf("%s: %d calls of %d", what, got, asked)
		}
		path, some := f.crash(f.path, before, f.random.IntN(len(records)-len(before)))
		_, records = f.crash(path, some, -1)
		f.check(what+", recovered twice", records)
		if got := f.calls(records); got != asked {
			t.Errorf("%s: recovered twice: %d calls of %d", what, got, asked)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestNothingIsLeftOpen: after a good end there is nothing to recover.
func TestNothingIsLeftOpen(t *testing.T) {
	for seed := range uint64(10) {
		f := takeOff(t, seed)
		for range 200 {
			f.step()
		}
		for _, l := range f.logs {
			l.Close(CloseInfo{Cause: "client closed"})
		}
		f.journal.denials.flush()
		before := all(f.journal)
		_, records := f.crash(f.path, before, -1)
		if len(records) != len(before) {
			t.Errorf("seed %d: recovered %v", seed, records[len(before):])
		}
		f.journal.recycle()
		if n := f.journal.recorder.Stats().Held; n != 0 {
			t.Errorf("seed %d: %d places are held", seed, n)
		}
	}
}
