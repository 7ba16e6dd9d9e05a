package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/policy"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// terms is a policy that allows everything, topics within limits.
type terms struct {
	mu       sync.Mutex
	t        time.Time // what time it is for the accounts
	speed    float64   // how often faster than the real time it runs; 0: it stands
	started  time.Time
	accounts *policy.Accounts
	decision *access.Decision
}

// newTerms gives every topic the same limits. The time stands still until a test moves it.
func newTerms(t testing.TB, l access.Limits) *terms {
	w := &terms{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), started: time.Now()}
	w.decision = &access.Decision{Verdict: access.Allow, Enforced: true, Rule: "limited", Limits: &l}
	var err error
	if w.accounts, _, err = policy.OpenAccounts(policy.AccountOptions{Now: w.now}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *terms) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.t.Add(time.Duration(w.speed * float64(time.Since(w.started))))
}

// run lets the time run.
func (w *terms) run(speed float64) {
	w.mu.Lock()
	w.speed, w.started = speed, time.Now()
	w.mu.Unlock()
}

func (w *terms) pass(d time.Duration) {
	w.mu.Lock()
	w.t = w.t.Add(d)
	w.mu.Unlock()
}

func (w *terms) under(_ *ClusterSpec, o *Options) { o.Policy, o.Accounts = w, w.accounts }

func (w *terms) Session(*access.Session) api.Decider { return w }

func (w *terms) Epoch(*access.Identity) uint64 { return 1 }

func (w *terms) Decide(_ *access.Request, a *access.Action) *access.Decision {
	if a.Type == access.ResTopic {
		return w.decision
	}
	return &access.Decision{Verdict: access.Allow, Enforced: true}
}

// elsewhere connects from another address, which is somebody else where nobody logs in.
func (l *line) elsewhere() *net.TCPConn {
	l.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: patience}
	nc, err := d.Dial("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

// readAnswer reads one frame and decodes it as the answer to a Fetch of version 12.
func readAnswer(t testing.TB, nc net.Conn, version int16) *kmsg.FetchResponse {
	t.Helper()
	buf := make([]byte, 64<<10)
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	n, err := readGrown(nc, &buf)
	if err != nil {
		t.Fatal("no answer:", err)
	}
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(version)
	at := 8
	if version >= 12 {
		at++
	}
	if err := r.ReadFrom(buf[at:n]); err != nil {
		t.Fatal(err)
	}
	return r
}

// withMaxBytes is a Fetch frame of version 12 in which another number stands for max_bytes, at its place alone.
func withMaxBytes(frame []byte, n int32) []byte {
	f := bytes.Clone(frame)
	was := binary.BigEndian.AppendUint32(nil, 50<<20)
	at := bytes.Index(f, was) // before those of the partitions
	binary.BigEndian.PutUint32(f[at:], uint32(n))
	return f
}

// What a batch in these tests weighs.
const batchSize = 10_000

// A Fetch asks for what is left at most; where nothing is left it waits, and then its client is told to come later.
func TestAFetchAtItsRate(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 100_000, BurstBytes: 15_000})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedFetch(1, batchSize)

	l.ask(request)
	l.asked(withMaxBytes(request, 15_000)) // the burst
	l.answer(to(request, answer))
	l.answered(to(request, answer))

	// 5,000 are left, less than a tenth of a second's worth: it waits.
	second := numbered(request, 8)
	l.ask(second)
	l.nothing("broker", l.broker)
	w.pass(100 * time.Millisecond) // 10,000 more
	l.asked(withMaxBytes(second, 15_000))
	l.answer(to(second, answer), nil)
	l.answered(to(second, answer))

	// A batch is delivered whole, and the bucket is below zero.
	third := numbered(request, 9)
	_, large := cannedFetch(1, 1_000_000)
	w.pass(100 * time.Millisecond)
	l.ask(third)
	l.asked(withMaxBytes(third, 15_000))
	l.answer(to(third, large))
	l.answered(to(third, large))

	// It cannot go within the time that a request waits.
	fourth := numbered(request, 10)
	l.ask(fourth)
	r := readAnswer(t, l.client, 12)
	if r.ErrorCode != 0 || r.ThrottleMillis < 9000 || len(r.Topics) != 0 {
		t.Errorf("error %d, throttle %d ms, %d topics; want an empty answer and about ten seconds", r.ErrorCode, r.ThrottleMillis, len(r.Topics))
	}
	l.nothing("broker", l.broker)

	// The client's other requests are not in its way.
	other, said := groups(11)
	l.ask(other)
	l.asked(other)
	l.answer(said)
	l.answered(said)

	l.client.Close()
	l.settle()
	var throttled int64
	var bytes int64
	for _, rec := range l.all() {
		if rec.Kind == "access" && rec.Operation == "READ" {
			throttled = max(throttled, rec.ThrottleMs)
			bytes += rec.GetBytes()
		}
	}
	if throttled < 9000 {
		t.Errorf("the records show %d ms of throttling", throttled)
	}
	if bytes != 2*batchSize+1_000_000 {
		t.Errorf("%d bytes are recorded", bytes)
	}
}

// One that is throttled holds up nobody else.
func TestOthersAreNotHeldUp(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 100_000, BurstBytes: 15_000})
	l := newLine(t, relay.ModeUser, w.under)
	request, _ := cannedFetch(1, batchSize)
	_, large := cannedFetch(1, 1_000_000)
	l.ask(request)
	l.asked(withMaxBytes(request, 15_000))
	l.answer(to(request, large))
	l.answered(to(request, large))
	l.ask(numbered(request, 8)) // waits

	other := l.elsewhere()
	if _, err := other.Write(request); err != nil {
		t.Fatal(err)
	}
	l.accept()
	l.asked(withMaxBytes(request, 15_000))
	l.answer(to(request, large))
	l.wants("the other client", other, to(request, large))
	other.Close()
	l.client.Close()
	l.settle()
}

// An incremental fetch is never answered here with success: its session is opened anew.
func TestAnIncrementalFetchAtItsRate(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 100_000, BurstBytes: 15_000})
	l := newLine(t, relay.ModeUser, w.under)
	open, answer := ratedSession(0, 0, 1_000_000)
	l.ask(open)
	l.asked(withMaxBytes(open, 15_000))
	l.answer(to(open, answer))
	l.answered(to(open, answer))

	more, _ := ratedSession(77, 1, 0)
	l.ask(more)
	if r := readAnswer(t, l.client, 12); r.ErrorCode != 71 || r.ThrottleMillis < 9000 {
		t.Errorf("error %d, throttle %d ms; want 71 and about ten seconds", r.ErrorCode, r.ThrottleMillis)
	}
	l.nothing("broker", l.broker)

	w.pass(20 * time.Second)
	l.ask(more) // as if the first had not been: the broker has seen none
	l.asked(withMaxBytes(more, 15_000))
	l.client.Close()
	l.settle()
}

// ratedSession is a Fetch of a session, epoch 0 opening it, and an answer that opens 77.
func ratedSession(id, epoch int32, size int) (request, answer []byte) {
	q := kmsg.NewPtrFetchRequest()
	q.MaxWaitMillis, q.MaxBytes, q.SessionID, q.SessionEpoch = 500, 50<<20, id, epoch
	r := kmsg.NewPtrFetchResponse()
	r.SessionID = 77
	if epoch == 0 {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = "orders"
		p := kmsg.NewFetchRequestTopicPartition()
		p.PartitionMaxBytes = 1 << 20
		t.Partitions = append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	if size > 0 {
		t := kmsg.NewFetchResponseTopic()
		t.Topic = "orders"
		p := kmsg.NewFetchResponseTopicPartition()
		p.RecordBatches = recordBatch(0, 10, size)
		t.Partitions = append(t.Partitions, p)
		r.Topics = append(r.Topics, t)
	}
	return framed(q, 12), answered(r, 12, true)
}

// A Produce goes at once. Then its client is not read, and is told for how long.
func TestAProduceAtItsRate(t *testing.T) {
	w := newTerms(t, access.Limits{ProduceBytesPerSecond: 100_000, BurstBytes: 10_000})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedProduce(60_000)
	next, said := groups(8)
	l.ask(request, next)
	l.asked(request)
	l.answer(to(request, answer))

	buf := make([]byte, 1<<10)
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	n, err := readFrame(l.client, buf)
	if err != nil {
		t.Fatal(err)
	}
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(9)
	if err := r.ReadFrom(buf[9:n]); err != nil {
		t.Fatal(err)
	}
	if r.ThrottleMillis != 500 || r.Topics[0].Partitions[0].BaseOffset != firstOffset {
		t.Errorf("throttle %d ms; want 500: 60,000 bytes less the burst of 10,000", r.ThrottleMillis)
	}
	l.nothing("broker", l.broker)
	w.pass(499 * time.Millisecond)
	l.nothing("broker", l.broker)
	w.pass(time.Millisecond)
	l.asked(next)
	l.answer(said)
	l.answered(said)
	l.client.Close()
	l.settle()
	for _, rec := range l.all() {
		if rec.Operation == "WRITE" && rec.ThrottleMs != 500 {
			t.Errorf("the record shows %d ms of throttling; want 500", rec.ThrottleMs)
		}
	}
}

// Another connection of a principal that has written too much waits too; somebody else's does not.
func TestANewConnectionIsNoWayAroundARate(t *testing.T) {
	w := newTerms(t, access.Limits{ProduceBytesPerSecond: 100_000, BurstBytes: 10_000})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedProduce(60_000)
	l.ask(request)
	l.asked(request)
	l.answer(to(request, answer))

	other := l.elsewhere()
	if _, err := other.Write(request); err != nil {
		t.Fatal(err)
	}
	l.accept()
	l.asked(request)
	other.Close()

	again := l.dial()
	defer again.Close()
	small, _ := cannedProduce(1000)
	if _, err := again.Write(small); err != nil {
		t.Fatal(err)
	}
	l.accept()
	l.nothing("broker", l.broker)
	w.pass(500 * time.Millisecond)
	l.asked(small)
	again.Close()
	l.client.Close()
	l.settle()
}

// A ShareFetch waits, and goes: even when the proxy drains. Its acknowledgements are never lost.
func TestAShareFetchAtItsRate(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 100_000, BurstBytes: 15_000})
	l := newLine(t, relay.ModeUser, w.under)
	l.cluster.LearnTopics([]access.Topic{{Name: "orders", ID: [16]byte{1}}})
	request, answer := shareFetch(0, 7, 1_000_000)
	l.ask(request)
	l.asked(withMaxBytes(request, 15_000))
	l.answer(to(request, answer))
	l.answered(to(request, answer))

	second, empty := shareFetch(1, 8, 0)
	l.ask(second)
	l.nothing("broker", l.broker)
	w.pass(11 * time.Second)
	l.asked(withMaxBytes(second, 15_000))
	_, more := shareFetch(1, 8, 1_000_000)
	l.answer(to(second, more))
	l.answered(to(second, more))

	third, _ := shareFetch(2, 9, 0)
	l.ask(third)
	l.nothing("broker", l.broker)
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- l.p.Drain(ctx)
	}()
	l.asked(withMaxBytes(third, 1))
	l.answer(to(third, empty))
	l.answered(to(third, empty))
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// shareFetch is a ShareFetch with an acknowledgement, and an answer with a batch of that size.
func shareFetch(epoch, correlation int32, size int) (request, answer []byte) {
	group, member := "g", "AAAAAAAAAAAAAAAAAAAAAA"
	q := kmsg.NewPtrShareFetchRequest()
	q.GroupID, q.MemberID, q.ShareSessionEpoch, q.MaxWaitMillis, q.MaxBytes = &group, &member, epoch, 500, 50<<20
	t := kmsg.NewShareFetchRequestTopic()
	t.TopicID = [16]byte{1}
	p := kmsg.NewShareFetchRequestTopicPartition()
	if epoch > 0 {
		a := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
		a.FirstOffset, a.LastOffset, a.AcknowledgeTypes = 0, 9, []int8{1}
		p.AcknowledgementBatches = append(p.AcknowledgementBatches, a)
	}
	t.Partitions = append(t.Partitions, p)
	q.Topics = append(q.Topics, t)
	r := kmsg.NewPtrShareFetchResponse()
	rt := kmsg.NewShareFetchResponseTopic()
	rt.TopicID = t.TopicID
	rp := kmsg.NewShareFetchResponseTopicPartition()
	if size > 0 {
		rp.Records = recordBatch(0, 10, size)
	}
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	return numbered(framed(q, 1), correlation), answered(r, 1, true)
}

// What is only watched changes no byte, and is said.
func TestWatchedLimits(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 1000, ProduceBytesPerSecond: 1000, BurstBytes: 1000, Watched: true,
		Budgets: []access.Budget{{Bytes: 1 << 40, Window: time.Hour}}})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedFetch(1, batchSize)
	write, wrote := cannedProduce(batchSize)
	for correlation := range int32(3) {
		f, p := numbered(request, correlation), numbered(write, correlation)
		l.ask(f)
		l.asked(f)
		l.answer(to(f, answer))
		l.answered(to(f, answer))
		l.ask(p)
		l.asked(p)
		l.answer(to(p, wrote))
		l.answered(to(p, wrote))
	}
	l.client.Close()
	l.settle()
	would := map[string]bool{}
	for _, rec := range l.all() {
		if rec.Decision != "" && (rec.Decision != "allow" || rec.ThrottleMs != 0) {
			t.Errorf("%s: %s, throttled by %d ms", rec.Operation, rec.Decision, rec.ThrottleMs)
		}
		if rec.Would != nil {
			would[rec.Operation+" "+rec.Would.Limit+" "+rec.Would.Rule] = true
		}
	}
	if !would["READ fetch_bytes_per_second limited"] || !would["WRITE produce_bytes_per_second limited"] || len(would) != 2 {
		t.Errorf("would: %v", would)
	}
}

// However a session ends, it does not wait for its limits.
func TestASessionEndsWhileItWaits(t *testing.T) {
	for _, end := range []string{"the broker closes", "the proxy stops"} {
		t.Run(end, func(t *testing.T) {
			w := newTerms(t, access.Limits{ProduceBytesPerSecond: 1, BurstBytes: 1})
			l := newLine(t, relay.ModeUser, w.under)
			request, answer := cannedProduce(60_000)
			l.ask(request)
			l.asked(request)
			l.answer(to(request, answer)) // for 60,000 seconds
			buf := make([]byte, 1<<10)
			_ = l.client.SetReadDeadline(time.Now().Add(patience))
			if _, err := readFrame(l.client, buf); err != nil {
				t.Fatal(err)
			}
			if end == "the broker closes" {
				l.broker.Close()
			} else {
				l.p.Close()
			}
			_ = l.client.SetReadDeadline(time.Now().Add(patience))
			if n, err := l.client.Read(buf); err == nil {
				t.Errorf("%d bytes in place of the end", n)
			}
			l.settle()
		})
	}
}

// What budgets have counted is what the records say, to the byte and the message: whole batches and cut ones, and of a
// connection that was cut in the middle what was handed over.
func TestBudgetsCountWhatRecordsSay(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		w := newTerms(t, access.Limits{Budgets: []access.Budget{{Bytes: 1 << 40, Window: time.Hour}, {Messages: 1 << 40, Window: time.Hour}}})
		l := newLine(t, mode, w.under)
		request, answer := cannedFetch(40, 30_000)
		cut := bytes.Clone(answer)
		for correlation := range int32(3) {
			f := numbered(request, correlation)
			l.ask(f)
			l.asked(f)
			l.answer(to(f, cut))
			l.answered(to(f, cut))
		}
		f := numbered(request, 9)
		l.ask(f)
		l.asked(f)
		l.answer(to(f, answer)[:500_000])
		got := make([]byte, 100_000)
		_ = l.client.SetReadDeadline(time.Now().Add(patience))
		if _, err := l.client.Read(got); err != nil {
			t.Fatal(err)
		}
		l.broker.Close()
		l.client.Close()
		l.settle()
		var size, messages int64
		for _, rec := range l.all() {
			if rec.Kind == "access" && rec.Operation == "READ" {
				size += rec.GetBytes() + rec.CutBytes
				messages += rec.GetMessages()
			}
		}
		if got := w.accounts.Used(); got["bytes"] != size || got["messages"] != messages || size == 0 {
			t.Errorf("counted: %v; recorded: %d bytes, %d messages", got, size, messages)
		}
	})
}

// denied is what a client gets of the topic "orders".
func denied(t testing.TB, r *kmsg.FetchResponse) bool {
	t.Helper()
	if r.ErrorCode != 0 || len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		t.Fatalf("error %d, %d topics", r.ErrorCode, len(r.Topics))
	}
	p := r.Topics[0].Partitions[0]
	if len(p.RecordBatches) > 0 && p.ErrorCode != 0 {
		t.Errorf("records beside error %d", p.ErrorCode)
	}
	return p.ErrorCode == 29 && p.HighWatermark == -1
}

// A spent budget denies as the broker does, to the end of its window, and with a reason in the record. What was asked for
// while something was left is delivered.
func TestASpentBudgetIsADenial(t *testing.T) {
	w := newTerms(t, access.Limits{Budgets: []access.Budget{{Bytes: 2*batchSize + 1, Window: time.Hour}}})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedFetch(1, batchSize)
	for correlation := range int32(3) {
		f := numbered(request, correlation)
		l.ask(f)
		l.asked(withMaxBytes(f, 2*batchSize+1-correlation*batchSize))
		l.answer(to(f, answer))
		l.answered(to(f, answer))
	}
	l.ask(numbered(request, 4))
	if !denied(t, readAnswer(t, l.client, 12)) {
		t.Error("it is not denied")
	}
	l.nothing("broker", l.broker)
	w.pass(time.Hour)
	f := numbered(request, 5)
	l.ask(f)
	l.asked(withMaxBytes(f, 2*batchSize+1))
	l.answer(to(f, answer))
	l.answered(to(f, answer))
	l.client.Close()
	l.settle()
	found := false
	for _, rec := range l.all() {
		if rec.Decision == "deny" && rec.Operation == "READ" {
			found = true
			want := "the budget of 20001 bytes per 1h by source is spent until 2026-11-24T13:00:00Z; it counts this proxy alone"
			if rec.Reason != want || rec.Rule != "limited" || rec.Outcome != "denied" || rec.Resource != "orders" {
				t.Errorf("%s: %s, %s", rec.Rule, rec.Reason, rec.Outcome)
			}
		}
	}
	if !found {
		t.Error("no record of the denial")
	}
}

// In a fetch session the client is told to open it anew when the budget is spent, gets the denial, and the same when the
// window ends. The session's slot at the broker is given up.
func TestASpentBudgetInAFetchSession(t *testing.T) {
	w := newTerms(t, access.Limits{Budgets: []access.Budget{{Bytes: batchSize, Window: time.Hour}}})
	l := newLine(t, relay.ModeUser, w.under)
	open, answer := ratedSession(0, 0, batchSize)
	l.ask(open)
	l.asked(withMaxBytes(open, batchSize))
	l.answer(to(open, answer)) // spends it, and is not cut
	l.answered(to(open, answer))

	more, _ := ratedSession(77, 1, 0)
	l.ask(more)
	if r := readAnswer(t, l.client, 12); r.ErrorCode != 71 {
		t.Fatalf("error %d; want 71", r.ErrorCode)
	}
	again, _ := ratedSession(77, 0, 0)
	l.ask(again)
	closing := l.heard()
	if q := decodeRequest(closing).(*kmsg.FetchRequest); q.SessionID != 77 || q.SessionEpoch != -1 || len(q.Topics) != 0 {
		t.Errorf("session %d, epoch %d, %d topics; want the session ended", q.SessionID, q.SessionEpoch, len(q.Topics))
	}
	l.answer(to(closing, answered(kmsg.NewPtrFetchResponse(), 12, true)))
	if !denied(t, readAnswer(t, l.client, 12)) {
		t.Error("it is not denied")
	}
	w.pass(time.Hour)
	l.ask(open)
	l.asked(withMaxBytes(open, batchSize))
	l.client.Close()
	l.settle()
}

// heard is the next frame at the broker.
func (l *line) heard() []byte {
	l.t.Helper()
	buf := make([]byte, 64<<10)
	_ = l.broker.SetReadDeadline(time.Now().Add(patience))
	n, err := readGrown(l.broker, &buf)
	if err != nil {
		l.t.Fatal("the broker hears nothing:", err)
	}
	return buf[:n]
}

// A full fetch that is throttled ends the session that it names.
func TestAThrottledFetchEndsItsSession(t *testing.T) {
	w := newTerms(t, access.Limits{FetchBytesPerSecond: 100_000, BurstBytes: 15_000})
	l := newLine(t, relay.ModeUser, w.under)
	open, answer := ratedSession(0, 0, 1_000_000)
	l.ask(open)
	l.asked(withMaxBytes(open, 15_000))
	l.answer(to(open, answer))
	l.answered(to(open, answer))
	again, _ := ratedSession(77, 0, 0)
	l.ask(again)
	closing := l.heard()
	if q := decodeRequest(closing).(*kmsg.FetchRequest); q.SessionID != 77 || q.SessionEpoch != -1 || len(q.Topics) != 0 {
		t.Errorf("session %d, epoch %d, %d topics; want the session ended", q.SessionID, q.SessionEpoch, len(q.Topics))
	}
	l.answer(to(closing, answered(kmsg.NewPtrFetchResponse(), 12, true)))
	if r := readAnswer(t, l.client, 12); r.ErrorCode != 0 || len(r.Topics) != 0 || r.ThrottleMillis < 8000 {
		t.Errorf("error %d, %d topics, throttle %d", r.ErrorCode, len(r.Topics), r.ThrottleMillis)
	}
	l.client.Close()
	l.settle()
}

// A write within a spent budget is denied; one that the broker refuses is given back.
func TestASpentBudgetOfWrites(t *testing.T) {
	w := newTerms(t, access.Limits{Budgets: []access.Budget{{Messages: 20, Window: time.Hour}}})
	l := newLine(t, relay.ModeUser, w.under)
	request, answer := cannedProduce(batchSize) // ten messages
	refused := kmsg.NewPtrProduceResponse()
	rt, rp := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
	rt.Topic, rp.ErrorCode, rp.BaseOffset = "orders", 6, -1
	rt.Partitions = append(rt.Partitions, rp)
	refused.Topics = append(refused.Topics, rt)
	for correlation, reply := range [][]byte{answer, answered(refused, 9, true), answer} {
		f := numbered(request, int32(correlation))
		l.ask(f)
		l.asked(f)
		l.answer(to(f, reply))
		l.answered(to(f, reply))
	}
	if used := w.accounts.Used()["messages"]; used != 20 {
		t.Errorf("%d messages are counted; want 20: one write was refused", used)
	}
	l.ask(numbered(request, 9))
	buf := make([]byte, 1<<10)
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	n, err := readFrame(l.client, buf)
	if err != nil {
		t.Fatal(err)
	}
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(9)
	if err := r.ReadFrom(buf[9:n]); err != nil || r.Topics[0].Partitions[0].ErrorCode != 29 {
		t.Errorf("%v, %+v; want 29", err, r.Topics)
	}
	l.nothing("broker", l.broker)
	l.client.Close()
	l.settle()
}

// Many connections of one principal, at once, to a broker that has all there is: together they get what the rate says
// and a batch, and what is counted is what they got.
func TestManyConnectionsShareARate(t *testing.T) {
	const rate, burst, clients, rounds = 1_000_000, 200_000, 8, 20
	w := newTerms(t, access.Limits{FetchBytesPerSecond: rate, BurstBytes: burst, Budgets: []access.Budget{{Bytes: 1 << 40, Window: 24 * time.Hour}}})
	began := w.now()
	w.run(20)
	broker := newSource(t)
	r := newRig(t, []string{broker.Addr().String()}, relay.ModeAuto, w.under)
	var got atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			nc, err := net.DialTimeout("tcp", r.addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			request, _ := cannedFetch(1, batchSize)
			buf := make([]byte, 64<<10)
			for range rounds {
				if _, err := nc.Write(request); err != nil {
					t.Error(err)
					return
				}
				_ = nc.SetReadDeadline(time.Now().Add(patience))
				n, err := readGrown(nc, &buf)
				if err != nil {
					t.Error(err)
					return
				}
				got.Add(recordsIn(buf[:n]))
			}
		})
	}
	all.Wait()
	r.settle()
	elapsed := w.now().Sub(began)
	most := burst + int64(elapsed)*rate/int64(time.Second) + batchSize
	if got.Load() > most {
		t.Errorf("%d bytes in %v; want %d at most", got.Load(), elapsed, most)
	}
	if used := w.accounts.Used()["bytes"]; used != got.Load() {
		t.Errorf("%d bytes are counted, %d were delivered", used, got.Load())
	}
}

// recordsIn is how many bytes of records are in an answer to a Fetch of version 12.
func recordsIn(frame []byte) (n int64) {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(12)
	if r.ReadFrom(frame[9:]) != nil {
		return 0
	}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			n += int64(len(p.RecordBatches))
		}
	}
	return n
}

// newSource is a broker with no end of batches: it gives as many as a Fetch asks for, and one at least.
func newSource(t testing.TB) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	serve := func(nc net.Conn) {
		defer nc.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := readGrown(nc, &buf)
			if err != nil {
				return
			}
			q := decodeRequest(buf[:n]).(*kmsg.FetchRequest)
			_, answer := cannedFetch(max(1, int(q.MaxBytes)/batchSize), batchSize)
			if _, err := nc.Write(to(buf[:n], answer)); err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(nc) })
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return ln
}

// An honest consumer under a rate gets everything, at its rate, and hears of no error.
func TestAConsumerUnderARate(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Brokers: 1, Partitions: 3, Topics: []string{"orders"}})
	const rate, burst, batch, n, size = 400_000, 20_000, 20_000, 1000, 1000
	w := newTerms(t, access.Limits{FetchBytesPerSecond: rate, BurstBytes: burst})
	w.run(1)
	r := newRig(t, fake.Addrs, relay.ModeAuto, w.under)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := func(more ...kgo.Opt) *kgo.Client {
		cl, err := kgo.NewClient(append(more, kgo.SeedBrokers(r.addr))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	producer := client(kgo.DefaultProduceTopic("orders"), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(batch))
	for i := range n {
		producer.Produce(ctx, &kgo.Record{Value: bytes.Repeat([]byte{byte(i)}, size)}, nil)
	}
	if err := producer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	cl := client(kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	got := 0
	for got < n {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		got += f.NumRecords()
	}
	if got != n {
		t.Errorf("%d messages; want %d, each once", got, n)
	}
	least := time.Duration(n*size-burst-batch) * time.Second / rate
	if took := time.Since(began); took < least {
		t.Errorf("%d bytes in %v; want %v at least", n*size, took, least)
	}
}
