package proxy

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// readFrom makes a Fetch of version 12 of partitions of "orders" from offsets on, in a session or without one.
func readFrom(id, epoch, correlation int32, offsets map[int32]int64) []byte {
	q := kmsg.NewPtrFetchRequest()
	q.MaxWaitMillis, q.MaxBytes, q.SessionID, q.SessionEpoch = 10, 50<<20, id, epoch
	if len(offsets) > 0 {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = "orders"
		for part := range int32(10) {
			if offset, ok := offsets[part]; ok {
				p := kmsg.NewFetchRequestTopicPartition()
				p.Partition, p.FetchOffset, p.PartitionMaxBytes = part, offset, 1<<20
				t.Partitions = append(t.Partitions, p)
			}
		}
		q.Topics = append(q.Topics, t)
	}
	return numbered(framed(q, 12), correlation)
}

// read is a broker's answer to it: the batch of each partition, and how far it goes.
func read(session int32, high int64, batches map[int32][]byte) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.SessionID = session
	t := kmsg.NewFetchResponseTopic()
	t.Topic = "orders"
	for part := range int32(10) {
		if b, ok := batches[part]; ok {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.HighWatermark, p.RecordBatches = part, high, b
			t.Partitions = append(t.Partitions, p)
		}
	}
	if len(t.Partitions) > 0 {
		r.Topics = append(r.Topics, t)
	}
	return answered(r, 12, true)
}

// batchAt is a batch of ten messages whose newest is of that time.
func batchAt(base int64, t time.Time) []byte {
	b := recordBatch(base, 10, 1000)
	binary.BigEndian.PutUint64(b[35:], uint64(t.UnixMilli()))
	return b
}

// offsets answers the proxy's next question, for the offsets of a time.
func (l *line) offsets(at int64, offsets map[int32]int64) { l.offsetsOr(at, 0, offsets) }

// offsetsOr is offsets, with an error in place of every one if code is not 0.
func (l *line) offsetsOr(at int64, code int16, offsets map[int32]int64) {
	l.t.Helper()
	if l.broker == nil {
		l.accept()
	}
	frame := l.heard()
	q, ok := decodeRequest(frame).(*kmsg.ListOffsetsRequest)
	if !ok || q.Version != listsByLatest || len(q.Topics) != 1 || q.Topics[0].Topic != "orders" || len(q.Topics[0].Partitions) != len(offsets) {
		l.t.Fatalf("the broker heard %#v", decodeRequest(frame))
	}
	r := kmsg.NewPtrListOffsetsResponse()
	t := kmsg.NewListOffsetsResponseTopic()
	t.Topic = "orders"
	for _, p := range q.Topics[0].Partitions {
		if p.Timestamp != at {
			l.t.Errorf("asked for time %d; want %d", p.Timestamp, at)
		}
		a := kmsg.NewListOffsetsResponseTopicPartition()
		a.Partition, a.Offset, a.ErrorCode = p.Partition, offsets[p.Partition], code
		t.Partitions = append(t.Partitions, a)
	}
	r.Topics = append(r.Topics, t)
	l.answer(to(frame, answered(r, listsByLatest, false)))
}

// codes are the errors of an answer's partitions.
func codes(r *kmsg.FetchResponse) string {
	all := map[int32]int16{}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			all[p.Partition] = p.ErrorCode
		}
	}
	return fmt.Sprint(all)
}

// A read that begins too far behind the end is denied, partition by partition; the others of the request go on.
func TestReadsMayNotReachFarBehind(t *testing.T) {
	w := newTerms(t, access.Limits{ReadFrom: &access.ReadFrom{MaxBehind: 100}})
	l := newLine(t, relay.ModeUser, w.under)
	l.ask(readFrom(0, -1, 1, map[int32]int64{0: 899, 1: 900, 2: 0}))
	l.offsets(latestOffset, map[int32]int64{0: 1000, 1: 1000, 2: 50})
	near := readFrom(0, -1, 1, map[int32]int64{1: 900, 2: 0})
	l.asked(near)
	l.answer(to(near, read(0, 1000, map[int32][]byte{1: recordBatch(900, 10, 1000)})))
	r := readAnswer(t, l.client, 12)
	if got := codes(r); got != "map[0:29 1:0]" {
		t.Errorf("codes %s", got)
	}

	// The end moves as answers show it; nothing is asked again.
	near = readFrom(0, -1, 2, map[int32]int64{1: 910})
	l.ask(near)
	l.asked(near)
	answer := to(near, read(0, 2000, map[int32][]byte{1: recordBatch(1950, 10, 1000)}))
	l.answer(answer)
	l.answered(answer)
	l.ask(readFrom(0, -1, 3, map[int32]int64{1: 1899}))
	if got := codes(readAnswer(t, l.client, 12)); got != "map[1:29]" {
		t.Errorf("codes %s", got)
	}
	l.nothing("broker", l.broker)
	l.client.Close()
	l.settle()
	denied := 0
	for _, rec := range l.all() {
		if rec.Decision == "deny" {
			denied++
			if rec.Operation != "READ" || rec.Reason != "read_from: reads may reach back at most 100 messages behind the last" || rec.Rule != "limited" {
				t.Errorf("%s: %s, %s", rec.Operation, rec.Rule, rec.Reason)
			}
		}
	}
	if denied == 0 {
		t.Error("no record of it")
	}
}

// The offset of an age is asked for and kept for a minute.
func TestReadsMayNotReachFarBackInTime(t *testing.T) {
	w := newTerms(t, access.Limits{ReadFrom: &access.ReadFrom{MaxAge: time.Hour}})
	l := newLine(t, relay.ModeUser, w.under)
	hourAgo := func() int64 { return w.now().Add(-time.Hour).UnixMilli() }
	l.ask(readFrom(0, -1, 1, map[int32]int64{0: 499, 1: 7}))
	l.offsets(latestOffset, map[int32]int64{0: 1000, 1: 8})
	l.offsets(hourAgo(), map[int32]int64{0: 500, 1: -1}) // of the second nothing is so young
	if got := codes(readAnswer(t, l.client, 12)); got != "map[0:29 1:29]" {
		t.Errorf("codes %s", got)
	}
	near := readFrom(0, -1, 2, map[int32]int64{0: 500, 1: 8})
	w.pass(59 * time.Second)
	l.ask(near)
	l.asked(near)
	answer := to(near, read(0, 1000, map[int32][]byte{0: batchAt(500, w.now().Add(-time.Hour))}))
	l.answer(answer)
	l.answered(answer)

	w.pass(time.Second)
	near = readFrom(0, -1, 3, map[int32]int64{0: 510})
	l.ask(near)
	l.offsets(latestOffset, map[int32]int64{0: 1000})
	l.offsets(hourAgo(), map[int32]int64{0: 505})
	l.asked(near)

	// A batch that is older than that, wherever it stands, is not handed on; and then the client is told.
	old := batchAt(510, w.now().Add(-time.Hour-time.Millisecond))
	l.answer(to(near, read(0, 1000, map[int32][]byte{0: old})))
	l.closed("access revoked")
	l.client, l.broker = l.dial(), nil
	l.ask(readFrom(0, -1, 4, map[int32]int64{0: 510}))
	if got := codes(readAnswer(t, l.client, 12)); got != "map[0:29]" {
		t.Errorf("codes %s", got)
	}
	l.ask(readFrom(0, -1, 5, map[int32]int64{0: 520}))
	l.asked()
	l.client.Close()
	l.settle()
	var released int64
	for _, rec := range l.all() {
		released += rec.GetBytes()
	}
	if released != 1000 {
		t.Errorf("%d bytes were released; want the one batch", released)
	}
}

// A fetch session is opened anew where the client moves back too far, or falls behind; what is denied then stands in each
// answer until the client moves forward.
func TestReadsInASessionMayNotReachFarBehind(t *testing.T) {
	w := newTerms(t, access.Limits{ReadFrom: &access.ReadFrom{MaxBehind: 100}})
	l := newLine(t, relay.ModeUser, w.under)
	open := readFrom(0, 0, 1, map[int32]int64{0: 950, 1: 950})
	l.ask(open)
	l.offsets(latestOffset, map[int32]int64{0: 1000, 1: 1000})
	l.asked(open)
	l.answer(to(open, read(77, 1000, nil)))
	readAnswer(t, l.client, 12)

	l.ask(readFrom(77, 1, 2, map[int32]int64{1: 10}))
	if r := readAnswer(t, l.client, 12); r.ErrorCode != 71 {
		t.Fatalf("error %d; want 71", r.ErrorCode)
	}
	l.ask(readFrom(77, 0, 3, map[int32]int64{0: 950, 1: 10}))
	near := readFrom(77, 0, 3, map[int32]int64{0: 950})
	l.asked(near)
	l.answer(to(near, read(78, 1000, nil)))
	if got := codes(readAnswer(t, l.client, 12)); got != "map[1:29]" {
		t.Errorf("codes %s", got)
	}
	more := readFrom(78, 1, 4, nil)
	l.ask(more)
	l.asked(more)
	l.answer(to(more, read(78, 1000, nil)))
	if got := codes(readAnswer(t, l.client, 12)); got != "map[1:29]" {
		t.Errorf("codes %s, in the next answer of the session", got)
	}
	more = readFrom(78, 2, 5, map[int32]int64{1: 990})
	l.ask(more)
	l.asked(more)
	l.answer(to(more, read(78, 1200, map[int32][]byte{1: recordBatch(990, 10, 1000)})))
	if got := codes(readAnswer(t, l.client, 12)); got != "map[1:0]" {
		t.Errorf("codes %s, after it moved forward", got)
	}
	more = readFrom(78, 3, 6, map[int32]int64{1: 1190})
	l.ask(more) // partition 0 still stands at 950, and its end is not known to have moved
	l.asked(more)
	l.answer(to(more, read(78, 1051, map[int32][]byte{0: {}})))
	readAnswer(t, l.client, 12)
	l.ask(readFrom(78, 4, 7, nil))
	if r := readAnswer(t, l.client, 12); r.ErrorCode != 71 {
		t.Errorf("error %d; want 71: partition 0 has fallen behind", r.ErrorCode)
	}
	l.client.Close()
	l.settle()
}

// A broker that does not lead a partition says nothing of its end, and still serves reads of it (KIP-392). Then the answer's
// own end counts: the first read reaches no further back than the next ones.
func TestReadsFromAFollowerMayNotReachFarBehind(t *testing.T) {
	w := newTerms(t, access.Limits{ReadFrom: &access.ReadFrom{MaxBehind: 100}})
	l := newLine(t, relay.ModeUser, w.under)
	far := readFrom(0, -1, 1, map[int32]int64{0: 0})
	l.ask(far)
	l.offsetsOr(latestOffset, 6, map[int32]int64{0: -1})
	l.asked(far)
	l.answer(to(far, read(0, 1000, map[int32][]byte{0: recordBatch(0, 10, 1000)})))
	l.closed("access revoked")
	for _, rec := range l.all() {
		if rec.GetBytes() > 0 {
			t.Errorf("%d bytes were released", rec.GetBytes())
		}
	}
	near := readFrom(0, -1, 2, map[int32]int64{0: 950})
	l.client, l.broker = l.dial(), nil
	l.ask(near)
	l.asked(near)
	answer := to(near, read(0, 1000, map[int32][]byte{0: recordBatch(950, 10, 1000)}))
	l.answer(answer)
	l.answered(answer)
	l.client.Close()
	l.settle()
}

// A topic that is deleted and made anew begins at 0 again. Who is denied because of the old one's end is not denied for
// ever: after a while it is asked anew where the topic ends.
func TestAnEndIsNotBelievedForEver(t *testing.T) {
	w := newTerms(t, access.Limits{ReadFrom: &access.ReadFrom{MaxBehind: 100}})
	l := newLine(t, relay.ModeUser, w.under)
	first := readFrom(0, -1, 1, map[int32]int64{0: 950})
	l.ask(first)
	l.offsets(latestOffset, map[int32]int64{0: 1000})
	l.asked(first)
	answer := to(first, read(0, 1000, map[int32][]byte{0: recordBatch(950, 10, 1000)}))
	l.answer(answer)
	l.answered(answer)

	w.pass(reachKept - time.Second)
	again := readFrom(0, -1, 2, map[int32]int64{0: 0})
	l.ask(again)
	if got := codes(readAnswer(t, l.client, 12)); got != "map[0:29]" {
		t.Errorf("codes %s", got)
	}
	w.pass(time.Second)
	l.ask(again)
	l.offsets(latestOffset, map[int32]int64{0: 20})
	l.asked(again)
	answer = to(again, read(0, 20, map[int32][]byte{0: recordBatch(0, 10, 1000)}))
	l.answer(answer)
	l.answered(answer)

	w.pass(reachKept) // what is within the reach asks nothing
	near := readFrom(0, -1, 3, map[int32]int64{0: 10})
	l.ask(near)
	l.asked(near)
	l.client.Close()
	l.settle()
}

// Where it is only watched nothing is asked, nothing changes, and the records say what would have been.
func TestAWatchedReach(t *testing.T) {
	w := newTerms(t, access.Limits{Watched: true, ReadFrom: &access.ReadFrom{MaxBehind: 100, MaxAge: time.Hour}})
	l := newLine(t, relay.ModeUser, w.under)
	far := readFrom(0, -1, 1, map[int32]int64{0: 10})
	l.ask(far)
	l.asked(far)
	answer := to(far, read(0, 1000, map[int32][]byte{0: append(recordBatch(10, 10, 1000), batchAt(990, w.now())...)}))
	l.answer(answer)
	l.answered(answer)
	l.client.Close()
	l.settle()
	found := false
	for _, rec := range l.all() {
		if rec.Would != nil {
			found = rec.Would.Limit == "read_from" && rec.Would.Decision == "deny" && rec.Would.Rule == "limited"
		}
	}
	if !found {
		t.Error("the records do not say what would have been")
	}
}

func TestReachesAreBounded(t *testing.T) {
	var r reaches
	for i := range reachesKnown + 100 {
		r.saw(reachKey{"orders", int32(i)}, int64(i), time.Time{})
	}
	if len(r.byKey) != reachesKnown || len(r.order)-r.head != reachesKnown {
		t.Errorf("%d partitions, %d in order", len(r.byKey), len(r.order)-r.head)
	}
	if r.byKey[reachKey{"orders", 0}] != nil || r.byKey[reachKey{"orders", reachesKnown}] == nil {
		t.Error("not the oldest are forgotten")
	}
	k := reachKey{"orders", reachesKnown}
	for age := range 10 {
		r.learn(k, aged{age: time.Duration(age)}, false)
	}
	if n := len(r.byKey[k].ages); n != reachAges {
		t.Errorf("%d ages of one partition", n)
	}
}
