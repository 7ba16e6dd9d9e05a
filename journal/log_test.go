package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"doorkeeper/access"
)

// newLog is a session's log on a journal with a clock that stands still until it is moved.
func newLog() (j *Journal, l *Log, now *time.Time) {
	clock := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	j = New(Options{Now: func() time.Time { return clock }})
	return j, j.Session(&access.Session{Opened: clock, Broker: -1}, nil), &clock
}

func newSpan(topic string, requested int64) *access.Span {
	return &access.Span{
		Request:   &access.Request{API: 1, ReplicaID: -1, Identity: &access.Identity{Principal: "User:erp"}, Client: &access.Client{}},
		Topic:     &access.Topic{Name: topic},
		Requested: requested, LeaderEpoch: -1, Decision: &access.Decision{Enforced: true}, Broker: -1,
	}
}

func newBatch(s *access.Span, first, last int64) *access.Batch {
	return &access.Batch{
		Span: s, First: first, Last: last, HasLast: true, Messages: int32(last - first + 1),
		Bytes: 1000, Have: 1000, CRC: uint32(first * 7), Epoch: -1, ProducerID: -1, BaseSequence: -1,
	}
}

// accesses are all access records so far.
func accesses(j *Journal) (list []*access.Record) {
	r := reader{journal: j}
	for {
		records, _ := r.next()
		if len(records) == 0 {
			return list
		}
		for _, record := range records {
			if record.Kind == KindAccess {
				list = append(list, record)
			}
		}
	}
}

// TestDigest: any number of batches, on either side of what is collected before hashing.
func TestDigest(t *testing.T) {
	for n := range 70 {
		j, l, _ := newLog()
		s := newSpan("t", 0)
		h := sha256.New()
		for i := range n {
			b := newBatch(s, int64(i*10), int64(i*10+9))
			l.Intend(b)
			l.Released(b.Bytes)
			binary.Write(h, binary.BigEndian, b.First)
			binary.Write(h, binary.BigEndian, b.CRC)
		}
		l.Close(CloseInfo{})
		if n == 0 {
			continue
		}
		records := accesses(j)
		if len(records) != 1 || records[0].BatchDigest != hex.EncodeToString(h.Sum(nil)) {
			t.Fatalf("%d batches: %v", n, records)
		}
	}
}

// TestReleasedInAnyPieces: however the bytes are handed over, and whenever Tick comes, the figures add up to the same.
func TestReleasedInAnyPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		j, l, now := newLog()
		var want, got struct{ messages, bytes, batches, cutBytes int64 }
		var pending int64
		release := func(n int64) { l.Released(n); pending -= n }
		next := map[string]int64{}
		for range 1 + random.IntN(20) {
			topic := fmt.Sprint("t", random.IntN(3))
			s := newSpan(topic, next[topic])
			s.Correlation = random.Int32N(3)
			for range random.IntN(5) {
				b := newBatch(s, next[topic], next[topic]+random.Int64N(10))
				b.Bytes = 1 + random.Int64N(100)
				b.Have = b.Bytes
				if random.IntN(6) == 0 {
					b.Cut, b.Have = true, 1+random.Int64N(b.Bytes)
					want.cutBytes += b.Have
				} else {
					next[topic] = b.Last + 1
					want.messages += int64(b.Messages)
					want.bytes += b.Bytes
					want.batches++
				}
				l.Intend(b)
				pending += b.Have
				if random.IntN(2) == 0 {
					release(random.Int64N(pending + 1))
				}
				if random.IntN(4) == 0 {
					*now = now.Add(time.Duration(random.IntN(1500)) * time.Millisecond)
					l.Tick(*now)
				}
			}
			l.Fetched(s.Request, true, 0)
		}
		release(pending)
		l.Close(CloseInfo{})
		for _, r := range accesses(j) {
			got.messages += r.GetMessages()
			got.bytes += r.GetBytes()
			got.batches += r.GetBatches()
			got.cutBytes += r.CutBytes
			if r.GetRequests() < 1 || r.Outcome != OutcomeReleased || r.EndTime.AsTime().Before(r.Time.AsTime()) {
				t.Errorf("round %d: %v", round, r)
			}
			if r.GetBatches() > 0 && (r.FirstOffset == nil || r.LastOffset == nil || r.GetLastOffset() < r.GetFirstOffset()) {
				t.Errorf("round %d: offsets of %v", round, r)
			}
		}
		if got != want || j.Stats().Stray != 0 {
			t.Fatalf("round %d: got %+v, want %+v, stray %d", round, got, want, j.Stats().Stray)
		}
		if l.flows.n != 0 || len(l.flows.byKey) != 0 || l.flows.oldest != nil || l.flows.newest != nil || l.flows.reads != 0 {
			t.Fatalf("round %d: something is left in the table: %+v", round, l.flows)
		}
	}
}

func TestStrayBytesAreCounted(t *testing.T) {
	j, l, _ := newLog()
	l.Released(5)
	l.Intend(newBatch(newSpan("t", 0), 0, 9))
	l.Released(1007)
	if got := j.Stats().Stray; got != 12 {
		t.Errorf("%d bytes", got)
	}
}

// TestFlowsAreBounded: one flow more than there may be records the oldest, even while its bytes are on their way.
func TestFlowsAreBounded(t *testing.T) {
	j, l, _ := newLog()
	s := newSpan("t", 0)
	for i := range maxFlows + 2 {
		span := *s
		span.Partition = int32(i)
		b := newBatch(&span, 0, 9)
		l.Intend(b)
		if i > 0 {
			l.Released(b.Bytes) // always one batch behind
		}
	}
	if l.flows.n != maxFlows || len(l.flows.byKey) != maxFlows {
		t.Errorf("%d flows", l.flows.n)
	}
	if got := len(accesses(j)); got != 2 {
		t.Errorf("%d records", got)
	}
	l.Released(1000)
	l.Close(CloseInfo{})
	if got := len(accesses(j)); got != maxFlows+2 {
		t.Errorf("%d records in the end", got)
	}
}

// TestQueueIsBounded: always something is on its way, so that it is never empty.
func TestQueueIsBounded(t *testing.T) {
	_, l, _ := newLog()
	s := newSpan("t", 0)
	for i := range int64(10_000) {
		l.Intend(newBatch(s, i, i))
		if i >= 3 {
			l.Released(1000)
		}
	}
	if n := cap(l.queue.intents); n > 16 {
		t.Errorf("room for %d batches, when there are never more than 4", n)
	}
}

func TestSumsAreBounded(t *testing.T) {
	j, l, _ := newLog()
	for i := range maxSummaries + 5 {
		l.Call(&access.Call{
			Request: newSpan("", 0).Request, Decision: &access.Decision{Enforced: true},
			Action: access.Action{Operation: access.OpDescribe, Type: access.ResTopic, Name: fmt.Sprint("t", i)},
		})
	}
	if got := len(accesses(j)); got != 5 || len(l.sums.byKey) != maxSummaries {
		t.Errorf("%d records, %d sums", got, len(l.sums.byKey))
	}
	l.Close(CloseInfo{})
	if got := len(accesses(j)); got != maxSummaries+5 {
		t.Errorf("%d records in the end", got)
	}
}

// TestDenialsAreBounded: the oldest is forgotten, its repeats are not.
func TestDenialsAreBounded(t *testing.T) {
	j, l, _ := newLog()
	deny := func(name string) {
		l.Call(&access.Call{
			Request: newSpan("", 0).Request, Decision: &access.Decision{Verdict: access.Deny, Enforced: true},
			Action: access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: name},
		})
	}
	deny("first")
	deny("first")
	for i := range maxDenials {
		deny(fmt.Sprint("t", i))
	}
	if len(j.denials.byKey) != maxDenials {
		t.Errorf("%d are remembered", len(j.denials.byKey))
	}
	var repeats int64
	for _, r := range accesses(j) {
		if r.Resource == "first" {
			repeats += r.Count
		}
	}
	if repeats != 1 {
		t.Errorf("%d repeats recorded", repeats)
	}
}

func TestAcquiredRangesAreBounded(t *testing.T) {
	j, l, _ := newLog()
	s := newSpan("t", -1)
	for i := range int64(maxRanges + 1) {
		l.Acquired(s, 2*i, 2*i)
	}
	l.Close(CloseInfo{})
	records := accesses(j)
	if len(records) != 2 || len(records[0].Acquired) != maxRanges || len(records[1].Acquired) != 1 {
		t.Errorf("%d records", len(records))
	}
}

// TestRetriesForget: the oldest producers, and no more than there is room for.
func TestRetriesForget(t *testing.T) {
	r := newRetries()
	b := newBatch(newSpan("t", 0), 0, 0)
	b.BaseSequence = 0
	for i := range int64(retryShards*retryPerShard + 10_000) {
		b.ProducerID = i
		if r.repeated("c", b) {
			t.Fatalf("producer %d is new", i)
		}
	}
	if !r.repeated("c", b) {
		t.Error("the newest is forgotten")
	}
	n := 0
	for i := range r.shards {
		n += len(r.shards[i].windows)
	}
	if n > retryShards*retryPerShard {
		t.Errorf("%d are remembered", n)
	}
}

// TestRetryWindow: as many batches as a producer can have in flight, not one that came before them.
func TestRetryWindow(t *testing.T) {
	var w retryWindowOf
	for seq := range int32(7) {
		if w.repeated(0, seq) {
			t.Errorf("%d is new", seq)
		}
	}
	for seq := range int32(7) {
		fresh := w
		if got, want := fresh.repeated(0, seq), seq >= 2; got != want {
			t.Errorf("%d: %v, want %v", seq, got, want)
		}
	}
}

func TestNoAllocationPerBatch(t *testing.T) {
	_, l, _ := newLog()
	s := newSpan("t", 0)
	var next int64
	one := func() {
		b := access.Batch{
			Span: s, First: next, Last: next + 9, HasLast: true, Messages: 10, Bytes: 1000, Have: 1000, Epoch: -1,
		}
		next += 10
		l.Intend(&b)
		l.Released(1000)
	}
	for range 100 {
		one()
	}
	if n := testing.AllocsPerRun(1000, one); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	response := func() { // another request
		s.Requested, s.Correlation = next, s.Correlation+1
		one()
		one()
		l.Fetched(s.Request, true, 0)
	}
	for range 10 {
		response()
	}
	if n := testing.AllocsPerRun(1000, response); n != 0 {
		t.Errorf("%v allocations a response", n)
	}
	write := &access.Write{Batch: *newBatch(s, 0, 9)}
	write.ProducerID, write.BaseSequence = 7, 0
	produce := func() {
		write.First, write.Last, write.BaseSequence = write.First+10, write.Last+10, write.BaseSequence+10
		s.Correlation++
		l.Wrote(write)
	}
	for range 10 {
		produce()
	}
	if n := testing.AllocsPerRun(1000, produce); n != 0 {
		t.Errorf("%v allocations a write", n)
	}
}

// BenchmarkBatch is the price of one batch: announced and released, one release for many as a mover does it (or one
// each), with the clock as it is used in earnest. Its digest is included: see BenchmarkDigest for its share.
func BenchmarkBatch(b *testing.B) {
	for _, perRelease := range []int{1, 16} {
		b.Run(fmt.Sprintf("release=%d", perRelease), func(b *testing.B) {
			j := New(Options{})
			l := j.Session(&access.Session{Opened: time.Now(), Broker: -1}, nil)
			batch := newBatch(newSpan("t", 0), 0, 9)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				batch.First, batch.Last = batch.First+10, batch.Last+10
				l.Intend(batch)
				if i%perRelease == perRelease-1 {
					l.Released(1000 * int64(perRelease))
				}
			}
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	var d digest
	for i := int64(0); b.Loop(); i++ {
		d.add(i, uint32(i))
	}
}

// BenchmarkRecord is the price of a record: a flow that opens, and is recorded after one batch.
func BenchmarkRecord(b *testing.B) {
	j := New(Options{})
	l := j.Session(&access.Session{Opened: time.Now(), Broker: -1}, nil)
	s := newSpan("t", 0)
	batch := newBatch(s, 0, 9)
	b.ReportAllocs()
	for b.Loop() {
		s.Correlation++
		l.Intend(batch)
		l.Released(1000)
	}
}
