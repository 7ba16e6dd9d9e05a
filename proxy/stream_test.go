package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A conversation of random Fetch answers: what the client must get, and what the records must say of it.

// fetchTopics are the topics in random answers, by name and id.
var fetchTopics = []access.Topic{{Name: "orders", ID: [16]byte{1}}, {Name: "payroll", ID: [16]byte{2}}, {Name: "x", ID: [16]byte{3}}}

// A readRun is the record data of one partition in an answer, and where in the frame it stands.
type readRun struct {
	topic     string
	partition int32
	at        int
	data      []byte
}

// A fetchTrip is one request with its answer.
type fetchTrip struct {
	version         int16
	request, answer []byte
	client          []byte // the answer as it must come to the client, where that is another
	endpoints       bool
	runs            []readRun
}

// randomFetch makes a request for every partition that its answer has, and the answer: of about size bytes, with
// cut batches at the ends, control batches, aborted transactions and broker endpoints.
func randomFetch(rng *rand.Rand, correlation int32, size int) fetchTrip {
	f := fetchTrip{version: int16(4 + rng.IntN(15))}
	q, r := kmsg.NewPtrFetchRequest(), kmsg.NewPtrFetchResponse()
	q.SessionEpoch, q.MaxBytes = -1, 50<<20
	r.ThrottleMillis = rng.Int32N(2) * 5
	topics := rng.Perm(len(fetchTopics))[:1+rng.IntN(len(fetchTopics))]
	for _, k := range topics {
		qt, rt := kmsg.NewFetchRequestTopic(), kmsg.NewFetchResponseTopic()
		qt.Topic, qt.TopicID = fetchTopics[k].Name, fetchTopics[k].ID
		rt.Topic, rt.TopicID = qt.Topic, qt.TopicID
		for index := range int32(1 + rng.IntN(3)) {
			qp, rp := kmsg.NewFetchRequestTopicPartition(), kmsg.NewFetchResponseTopicPartition()
			qp.Partition, qp.FetchOffset, qp.PartitionMaxBytes = index, rng.Int64N(1000), 1<<20
			rp.Partition, rp.HighWatermark, rp.LastStableOffset, rp.LogStartOffset = index, 1<<40, 1<<40, 0
			rp.AbortedTransactions = aborted(rng)
			rp.RecordBatches = randomRecords(rng, qp.FetchOffset, size/len(topics)/3)
			qt.Partitions, rt.Partitions = append(qt.Partitions, qp), append(rt.Partitions, rp)
			f.runs = append(f.runs, readRun{topic: rt.Topic, partition: index, data: rp.RecordBatches})
		}
		q.Topics, r.Topics = append(q.Topics, qt), append(r.Topics, rt)
	}
	if f.endpoints = f.version >= 16 && rng.IntN(2) == 0; f.endpoints {
		for id := range int32(1 + rng.IntN(3)) {
			b := kmsg.NewFetchResponseBroker()
			b.NodeID, b.Host, b.Port = id, "broker.internal", 9092
			r.Brokers = append(r.Brokers, b)
		}
	}
	f.request = numbered(framed(q, f.version), correlation)
	f.answer = to(f.request, answered(r, f.version, f.version >= 12))
	for i := range f.runs {
		if run := &f.runs[i]; len(run.data) > 0 {
			run.at = bytes.Index(f.answer, run.data) // its content is random
		}
	}
	return f
}

func aborted(rng *rand.Rand) (all []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	for range rng.IntN(3) {
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = rng.Int64(), rng.Int64N(100)
		all = append(all, a)
	}
	return all
}

// randomRecords makes batches from an offset on, the last of which may be cut, even in its header.
func randomRecords(rng *rand.Rand, offset int64, size int) (all []byte) {
	for len(all) < size && rng.IntN(8) > 0 {
		length := 61 + rng.IntN(max(1, min(size, 300<<10)))
		n := 1 + rng.Int32N(500)
		b := recordBatch(offset, n, length)
		for i := 61; i < length; i++ {
			b[i] = byte(rng.Uint32())
		}
		binary.BigEndian.PutUint32(b[17:], rng.Uint32()) // a CRC that nobody checks, but by which a run is found
		if rng.IntN(5) == 0 {
			b[22] |= 0x30 // a control batch of a transaction
		}
		all = append(all, b...)
		offset += int64(n) + rng.Int64N(3)
	}
	if len(all) > 200 && rng.IntN(2) == 0 {
		all = all[:len(all)-1-rng.IntN(min(len(all)-61, 400))]
	}
	return all
}

// readSums are what all READ records of one partition say together.
type readSums struct {
	Messages, Batches, Control, Bytes, CutBatches, CutBytes int64
	Partial                                                 bool
}

// walk adds up the record data in the first limit bytes of a frame.
func (f *fetchTrip) walk(limit int, into map[string]readSums) {
	for _, run := range f.runs {
		key := fmt.Sprint(run.topic, "-", run.partition)
		sum := into[key]
		for at := 0; at < len(run.data); {
			b := run.data[at:]
			whole, have := len(b)+1, len(b)
			if len(b) >= 12 {
				whole = 12 + int(binary.BigEndian.Uint32(b[8:]))
				have = min(have, whole)
			}
			out := max(0, min(have, limit-(run.at+at)))
			switch {
			case out == 0:
			case have < whole:
				sum.CutBatches++
				sum.CutBytes += int64(out)
			case b[22]&0x20 != 0:
				sum.Control++
				sum.Bytes += int64(out)
			default:
				sum.Batches++
				sum.Messages += int64(binary.BigEndian.Uint32(b[57:]))
				sum.Bytes += int64(out)
			}
			sum.Partial = sum.Partial || out > 0 && out < have
			at += have
		}
		if sum != (readSums{}) {
			into[key] = sum
		}
	}
}

// reads adds up the READ records.
func (r *rig) reads() map[string]readSums {
	all := map[string]readSums{}
	for _, rec := range r.all() {
		if rec.Kind != "access" || rec.Operation != "READ" || rec.Partition == nil {
			continue
		}
		key := fmt.Sprint(rec.Resource, "-", rec.GetPartition())
		sum := all[key]
		sum.Messages += rec.GetMessages()
		sum.Batches += rec.GetBatches()
		sum.Control += rec.ControlBatches
		sum.Bytes += rec.GetBytes()
		sum.CutBatches += rec.CutBatches
		sum.CutBytes += rec.CutBytes
		sum.Partial = sum.Partial || rec.Outcome == "partial"
		if sum != (readSums{}) {
			all[key] = sum
		}
	}
	return all
}

// sendChunks writes in pieces of any size, some of a few bytes.
func sendChunks(w io.Writer, rng *rand.Rand, b []byte) {
	for len(b) > 0 {
		n := 1 + rng.IntN(1<<rng.IntN(19))
		n = min(n, len(b))
		if _, err := w.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
		if rng.IntN(20) == 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// same holds what the client got against what the broker sent: the same bytes, but for broker endpoints, which are
// ours in a small frame and none in a streamed one.
func (f *fetchTrip) same(t *testing.T, got []byte) {
	t.Helper()
	if !f.endpoints {
		if i := firstDifference(got, f.answer); i >= 0 {
			t.Fatalf("v%d: the client's bytes differ from byte %d of %d on", f.version, i, len(f.answer))
		}
		return
	}
	parse := func(frame []byte) *kmsg.FetchResponse {
		r := kmsg.NewPtrFetchResponse()
		r.SetVersion(f.version)
		if err := r.ReadFrom(frame[9:]); err != nil {
			t.Fatal(err)
		}
		return r
	}
	sent, came := parse(f.answer), parse(got)
	if len(f.answer)-4 > maxHeld {
		if len(came.Brokers) > 0 || len(got) != len(f.answer) {
			t.Fatalf("a streamed frame of %d bytes came as %d, with %d endpoints", len(f.answer), len(got), len(came.Brokers))
		}
	} else if len(came.Brokers) != len(sent.Brokers) {
		t.Fatalf("%d endpoints, want %d", len(came.Brokers), len(sent.Brokers))
	}
	for _, b := range came.Brokers {
		if b.Host != "127.0.0.1" || b.Port == 9092 {
			t.Fatalf("the client is told of %s:%d", b.Host, b.Port)
		}
	}
	if bytes.Contains(got, []byte("broker.internal")) {
		t.Fatal("the broker's host is in the client's bytes")
	}
	sent.Brokers, came.Brokers, came.UnknownTags = nil, nil, kmsg.Tags{}
	if !bytes.Equal(sent.AppendTo(nil), came.AppendTo(nil)) {
		t.Fatalf("v%d: the client got another answer", f.version)
	}
}

// size picks 100 B to 2 MiB, small ones as often as large ones.
func randomSize(rng *rand.Rand) int { return 100 << rng.IntN(15) }

// In either mover the client gets the broker's bytes, and the records say what was in them: one answer after the
// other, or all in a row.
func TestStreamsAreExact(t *testing.T) {
	for seed := range uint64(6) {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { exactStreams(t, mode, seed) })
		})
	}
}

func exactStreams(t *testing.T, mode relay.Mode, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	l := newLine(t, mode, nil)
	l.cluster.LearnTopics(fetchTopics)
	trips := make([]fetchTrip, 15)
	var requests, answers []byte
	want := map[string]readSums{}
	for i := range trips {
		f := randomFetch(rng, int32(i), randomSize(rng))
		requests, answers = append(requests, f.request...), append(answers, f.answer...)
		f.walk(len(f.answer), want)
		trips[i] = f
	}
	if inARow := seed%2 == 0; inARow {
		l.ask(requests)
		l.asked(requests)
		go sendChunks(l.broker, rand.New(rand.NewPCG(seed, 2)), answers)
		for _, f := range trips {
			f.same(t, l.frame())
		}
	} else {
		for _, f := range trips {
			l.ask(f.request)
			l.asked(f.request)
			go sendChunks(l.broker, rand.New(rand.NewPCG(seed, 2)), f.answer)
			f.same(t, l.frame())
		}
	}
	l.client.Close()
	l.settle()
	if diff := cmp.Diff(want, l.reads()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	moves := l.p.Stats().ResponseMoves
	if inKernel := moves.KernelBytes > 0; inKernel != (mode == relay.ModeKernel && relay.Supported()) {
		t.Errorf("%d bytes went in kernel mode", moves.KernelBytes)
	}
}

// frame reads one frame at the client.
func (l *line) frame() []byte {
	l.t.Helper()
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 8<<20)
	n, err := readFrame(l.client, buf)
	if err != nil {
		l.t.Fatal("client reads a frame:", err)
	}
	return buf[:n]
}

// A client that resets: the records say what was handed to its socket, no byte more and no byte less, and that it was
// a part.
func TestResetInTheMiddle(t *testing.T) {
	for seed := range uint64(6) {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 77))
				l := newLine(t, mode, nil)
				l.cluster.LearnTopics(fetchTopics)
				f := randomFetch(rng, 1, 2<<20)
				for f.endpoints || len(f.answer) < 500<<10 {
					f = randomFetch(rng, 1, 2<<20)
				}
				l.ask(f.request)
				l.asked(f.request)
				sent := make(chan struct{})
				go func() { defer close(sent); sendChunks(l.broker, rand.New(rand.NewPCG(seed, 78)), f.answer) }()
				n := rng.IntN(len(f.answer) / 2)
				if _, err := io.CopyN(io.Discard, l.client, int64(n)); err != nil {
					t.Fatal(err)
				}
				_ = l.client.SetLinger(0)
				l.client.Close()
				l.settle()
				l.broker.Close()
				<-sent
				out := -1
				for _, r := range l.all() {
					if r.Operation == "CLOSE" {
						out = int(r.GetClientOut())
					}
				}
				if out < n {
					t.Fatalf("%d bytes are recorded as sent, the client read %d", out, n)
				}
				want := map[string]readSums{}
				f.walk(out, want)
				if diff := cmp.Diff(want, l.reads()); diff != "" {
					t.Errorf("records after %d of %d bytes (-want +got):\n%s", out, len(f.answer), diff)
				}
			})
		})
	}
}
