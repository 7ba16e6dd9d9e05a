package protocol_test

import (
	"bytes"
	"fmt"
	"testing"

	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What stands for a partition that is not served is what kmsg writes for it, in every version.
func TestFetchErrorsAreWhatKmsgWrites(t *testing.T) {
	versionsTo(t, 18, func(t *testing.T, v int16) {
		r := kmsg.NewPtrFetchResponse()
		r.SetVersion(v)
		compact := v >= 12
		empty := len(r.AppendTo(nil))
		tail := 0
		if compact {
			tail = 1
		}
		var got []byte
		for i := range 3 {
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID = fmt.Sprint("orders", i), [16]byte{1, byte(i)}
			got = protocol.AppendTopic(got, v, compact, topic.Topic, &topic.TopicID, i)
			for k := range int32(i) {
				p := kmsg.NewFetchResponseTopicPartition()
				p.Partition, p.ErrorCode, p.HighWatermark = k, 29, -1
				p.AbortedTransactions, p.RecordBatches = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}, []byte{}
				topic.Partitions = append(topic.Partitions, p)
				got = protocol.AppendFetchError(got, v, k, 29)
			}
			got = protocol.AppendTopicEnd(got, compact)
			r.Topics = append(r.Topics, topic)
		}
		want := r.AppendTo(nil)
		want = want[empty-tail : len(want)-tail]
		if !bytes.Equal(got, want) {
			t.Fatalf("\n% x\n% x", got, want)
		}
	})
}

func TestShareErrorsAreWhatKmsgWrites(t *testing.T) {
	versionsTo(t, 2, func(t *testing.T, v int16) {
		r := kmsg.NewPtrShareFetchResponse()
		r.SetVersion(v)
		const tail = 2 // no endpoints, no tagged fields
		empty := len(r.AppendTo(nil))
		topic := kmsg.NewShareFetchResponseTopic()
		topic.TopicID = [16]byte{7}
		got := protocol.AppendTopic(nil, 13, true, "", &topic.TopicID, 2)
		for k := range int32(2) {
			p := kmsg.NewShareFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.AcknowledgeErrorCode, p.Records = k, 29, int16(k), []byte{}
			topic.Partitions = append(topic.Partitions, p)
			got = protocol.AppendShareError(got, k, 29, int16(k))
		}
		got = protocol.AppendTopicEnd(got, true)
		r.Topics = append(r.Topics, topic)
		want := r.AppendTo(nil)
		want = want[empty-tail : len(want)-tail]
		if !bytes.Equal(got, want) {
			t.Fatalf("\n% x\n% x", got, want)
		}
	})
}

// A Produce from which topics are taken is what kmsg writes without them.
func TestProduceWithoutSomeTopics(t *testing.T) {
	versionsTo(t, 13, func(t *testing.T, v int16) {
		for seed := range uint64(rounds) {
			m := newMaker(seed)
			r := m.produceRequest(v)
			body := r.AppendTo(nil)
			keep := make([]bool, len(r.Topics))
			var kept []kmsg.ProduceRequestTopic
			for i := range keep {
				if keep[i] = m.chance(50); keep[i] {
					kept = append(kept, r.Topics[i])
				}
			}
			got, err := withoutTopics(v, body, func(i int) bool { return keep[i] })
			if err != nil {
				t.Fatal(err)
			}
			r.Topics = kept
			if want := r.AppendTo(nil); !bytes.Equal(got, want) {
				t.Fatalf("seed %d:\n% x\n% x", seed, got, want)
			}
		}
	})
}

// withoutTopics copies the body of a Produce request with the topics that keep says.
func withoutTopics(v int16, body []byte, keep func(i int) bool) ([]byte, error) {
	topics, at, err := protocol.ProduceTopics(nil, v, body)
	if err != nil {
		return nil, err
	}
	n, end := 0, at+len(protocol.AppendCount(nil, v >= 9, len(topics)))
	for i, r := range topics {
		if end = r.End; keep(i) {
			n++
		}
	}
	got := protocol.AppendCount(append([]byte(nil), body[:at]...), v >= 9, n)
	for i, r := range topics {
		if keep(i) {
			got = append(got, body[r.Start:r.End]...)
		}
	}
	return append(got, body[end:]...), nil
}

// FuzzProduceTopics: what is found in any body is where the scanner and kmsg see it.
func FuzzProduceTopics(f *testing.F) {
	seeds(f, 13, func(m maker, v int16) []byte { return m.produceRequest(v).AppendTo(nil) })
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if !known(v, 13) {
			return
		}
		scan, _ := subjects[2].open(v, int64(len(body)))
		scanned := scanWhole(scan, body)
		topics, _, err := protocol.ProduceTopics(nil, v, body)
		if scanned == nil && err != nil {
			t.Fatalf("the scanner accepts it: %v", err)
		}
		if scanned != nil {
			return
		}
		r := kmsg.NewPtrProduceRequest()
		r.Version = v
		if err := r.ReadFrom(body); err != nil {
			t.Fatalf("kmsg refuses it: %v", err)
		}
		if len(topics) != len(r.Topics) {
			t.Fatalf("%d topics, kmsg has %d", len(topics), len(r.Topics))
		}
		for drop := range topics {
			cut, err := withoutTopics(v, body, func(i int) bool { return i != drop })
			if err != nil {
				t.Fatal(err)
			}
			got := kmsg.NewPtrProduceRequest()
			got.Version = v
			if err := got.ReadFrom(cut); err != nil {
				t.Fatalf("without topic %d: %v", drop, err)
			}
			want := *r
			want.Topics = append(append([]kmsg.ProduceRequestTopic(nil), r.Topics[:drop]...), r.Topics[drop+1:]...)
			if !bytes.Equal(got.AppendTo(nil), want.AppendTo(nil)) {
				t.Fatalf("without topic %d: %x, want %x", drop, got.AppendTo(nil), want.AppendTo(nil))
			}
		}
	})
}
