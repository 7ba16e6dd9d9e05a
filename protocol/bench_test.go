package protocol_test

import (
	"fmt"
	"testing"

	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// nothing takes events and does nothing with them.
type nothing struct{ batches int }

func (*nothing) Head(*protocol.FetchHead) error           { return nil }
func (*nothing) Partition(*protocol.FetchPartition) error { return nil }
func (n *nothing) Batch(*protocol.Batch) error            { n.batches++; return nil }
func (*nothing) Acquired(_, _ int64, _ int16) error       { return nil }
func (*nothing) End() error                               { return nil }

type nothingProduced struct{ nothing }

func (*nothingProduced) Head([]byte, int16, int32, int32) error { return nil }
func (*nothingProduced) Topic([]byte, [16]byte, int32) error    { return nil }
func (*nothingProduced) Partition(int32, int64) error           { return nil }
func (n *nothingProduced) Batch(b *protocol.Batch) error        { return n.nothing.Batch(b) }

// backlog makes a Fetch response v12 of one partition with so many batches of that size.
func backlog(batches, size int) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 12
	t := kmsg.NewFetchResponseTopic()
	t.Topic = "orders"
	p := kmsg.NewFetchResponseTopicPartition()
	p.RecordBatches = make([]byte, 0, batches*size)
	for i := range batches {
		b := kmsg.RecordBatch{FirstOffset: int64(i) * 10, Length: int32(size - 12), Magic: 2, LastOffsetDelta: 9, NumRecords: 10, Records: make([]byte, size-61)}
		p.RecordBatches = b.AppendTo(p.RecordBatches)
	}
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r.AppendTo([]byte{0, 0, 0, 7, 0})
}

func steadyFetch(s *protocol.FetchScanner, frame []byte, ev protocol.StreamEvents) {
	s.Reset(12, int64(len(frame)), false, ev)
	for off := 0; s.Left() > 0; {
		n, err := s.Scan(frame[off:])
		if err != nil || n == 0 {
			panic(fmt.Sprint(n, err))
		}
		off += n
	}
}

func BenchmarkFetchBatches(b *testing.B) {
	frame := backlog(1000, 16<<10)
	var s protocol.FetchScanner
	var ev nothing
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		steadyFetch(&s, frame, &ev)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ev.batches), "ns/batch")
}

// BenchmarkFetchBatchesWarm has the headers in the cache: the cost of the code alone.
func BenchmarkFetchBatchesWarm(b *testing.B) {
	frame := backlog(100, 61)
	var s protocol.FetchScanner
	var ev nothing
	b.ReportAllocs()
	for b.Loop() {
		steadyFetch(&s, frame, &ev)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ev.batches), "ns/batch")
}

func BenchmarkFetchSmallFrame(b *testing.B) {
	frame := backlog(1, 130)
	var s protocol.FetchScanner
	var ev nothing
	b.ReportAllocs()
	for b.Loop() {
		steadyFetch(&s, frame, &ev)
	}
	b.ReportMetric(float64(len(frame)), "bytes/frame")
}

func produceFrame() []byte {
	r := kmsg.NewPtrProduceRequest()
	r.Version = 11
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "orders"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = (&kmsg.RecordBatch{Length: 49 + 100, Magic: 2, NumRecords: 1, Records: make([]byte, 100)}).AppendTo(nil)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r.AppendTo(nil)
}

func steadyProduce(s *protocol.ProduceScanner, body []byte, ev protocol.ProduceEvents) {
	s.Reset(11, int64(len(body)), ev)
	if n, err := s.Scan(body); err != nil || n != len(body) {
		panic(fmt.Sprint(n, err))
	}
}

func BenchmarkProduceSmallFrame(b *testing.B) {
	body := produceFrame()
	var s protocol.ProduceScanner
	var ev nothingProduced
	b.ReportAllocs()
	for b.Loop() {
		steadyProduce(&s, body, &ev)
	}
	b.ReportMetric(float64(len(body)), "bytes/frame")
}

func BenchmarkFetchRequest(b *testing.B) {
	body := newMaker(3).fetchRequest(12).AppendTo(nil)
	var r protocol.FetchRequest
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Parse(12, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(body)), "bytes/frame")
}

func BenchmarkProduceResponse(b *testing.B) {
	body := newMaker(3).produceResponse(11).AppendTo(nil)
	var r protocol.ProduceResponse
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Parse(11, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(body)), "bytes/frame")
}

// Nothing on the way of a message allocates once the memory of the first has been had.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var (
		fetch    protocol.FetchScanner
		share    protocol.ShareFetchScanner
		produce  protocol.ProduceScanner
		request  protocol.FetchRequest
		shareReq protocol.ShareFetchRequest
		answer   protocol.ProduceResponse
		ev       nothing
		produced nothingProduced

		small      = backlog(3, 200)
		shareFrame = newMaker(5).frame(newMaker(8).shareFetchResponse(1))
		produceReq = produceFrame()
		requestV12 = newMaker(3).fetchRequest(12).AppendTo(nil)
		shareBody  = newMaker(3).shareFetchRequest(1).AppendTo(nil)
		answerV11  = newMaker(3).produceResponse(11).AppendTo(nil)
		header     = append([]byte{0, 1, 0, 12, 0, 0, 0, 1, 0, 1, 'c', 0}, requestV12...)
	)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, run := range map[string]func(){
		"fetch response": func() { steadyFetch(&fetch, small, &ev) },
		"share fetch response": func() {
			share.Reset(1, int64(len(shareFrame)), false, &ev)
			must(scanWhole(&share, shareFrame))
		},
		"produce request":     func() { steadyProduce(&produce, produceReq, &produced) },
		"fetch request":       func() { must(request.Parse(12, requestV12)) },
		"share fetch request": func() { must(shareReq.Parse(1, shareBody)) },
		"produce response":    func() { must(answer.Parse(11, answerV11)) },
		"request header": func() {
			_, err := protocol.ParseRequestHeader(header)
			must(err)
		},
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
