package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceTo makes a Produce of one batch of size bytes for partition 0 of each topic, and the answer.
func produceTo(version int16, size int, topics ...access.Topic) (request, answer []byte) {
	q, r := kmsg.NewPtrProduceRequest(), kmsg.NewPtrProduceResponse()
	q.Acks = -1
	for i, topic := range topics {
		t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		t.Topic, t.TopicID = topic.Name, topic.ID
		p.Records = recordBatch(0, 10, size)
		t.Partitions = append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
		rt, rp := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
		rt.Topic, rt.TopicID = topic.Name, topic.ID
		rp.BaseOffset = int64(100 * i)
		rt.Partitions = append(rt.Partitions, rp)
		r.Topics = append(r.Topics, rt)
	}
	request = framed(q, version)
	return request, to(request, answered(r, version, version >= 9))
}

// A Produce is held until its last topic is known, and then goes on as it comes; one that is larger than may be held,
// or finds no room, goes on with what is decided.
func TestProduceIsHeldUntilDecided(t *testing.T) {
	small := func(_ *ClusterSpec, o *Options) { o.Limits.ProduceFrame = 200_000 }
	tight := func(_ *ClusterSpec, o *Options) { o.Limits.Buffers = 128 << 10 }
	one, two := []access.Topic{{Name: "orders"}}, []access.Topic{{Name: "orders"}, {Name: "payroll"}}
	for _, c := range []struct {
		name   string
		topics []access.Topic
		change func(*ClusterSpec, *Options)
		held   bool
	}{
		{"one topic", one, nil, false},
		{"two topics", two, nil, true},
		{"two topics over limits.produce_frame", two, small, false},
		{"two topics over limits.buffers", two, tight, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, c.change)
			q, a := produceTo(9, 300_000, c.topics...)
			const first = 250_000 // in the middle of the first batch
			go l.ask(q[:first])
			seen := 0
			if l.accept(); c.held {
				l.nothing("broker", l.broker)
			} else {
				seen = first - 1000
				l.asked(q[:seen])
			}
			go l.ask(q[first:])
			l.asked(q[seen:])
			l.answer(a)
			l.answered(a)
			l.client.Close()
			l.settle()
			for _, topic := range c.topics {
				l.wrote(topic.Name, 10, "")
			}
		})
	}
}

// wrote wants records of so many messages written to a topic, and this error.
func (l *line) wrote(topic string, messages int64, problem string) {
	l.t.Helper()
	var n int64
	for _, r := range l.all() {
		if r.Kind == "access" && r.Operation == "WRITE" && r.Resource == topic && r.Error == problem {
			n += r.GetMessages()
		}
	}
	if n != messages {
		l.t.Errorf("%d messages written to %s are recorded (error %q), want %d", n, topic, problem, messages)
	}
}

// What ends in the middle never reaches the broker as a whole.
func TestProduceCutAtEveryByte(t *testing.T) {
	q, _ := produceTo(9, 100, access.Topic{Name: "orders"}, access.Topic{Name: "payroll"})
	l := newLine(t, relay.ModeAuto, nil)
	l.client.Close()
	go func() { // the broker reads whatever comes
		for {
			nc, err := l.ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				if b, _ := io.ReadAll(nc); len(b) >= len(q) {
					t.Errorf("the broker got %d bytes, the frame has %d", len(b), len(q))
				}
			}()
		}
	}()
	for n := 1; n < len(q); n++ {
		nc := l.dial()
		_, _ = nc.Write(q[:n])
		if n%2 == 0 {
			_ = nc.SetLinger(0)
		}
		nc.Close()
	}
	l.settle()
	if l.some(func(r *access.Record) bool { return r.Operation == "WRITE" }) {
		t.Error("a write is recorded that never happened")
	}
}

// Bytes behind the last field, and an element of no sense, end the connection before the frame is complete.
func TestProduceWithTrailingBytes(t *testing.T) {
	q, _ := produceTo(9, 300_000, access.Topic{Name: "orders"})
	q = append(q, 0, 0, 0)
	binary.BigEndian.PutUint32(q, uint32(len(q)-4))
	l := newLine(t, relay.ModeAuto, nil)
	go l.ask(q)
	l.accept()
	b, _ := io.ReadAll(io.LimitReader(l.broker, int64(len(q))))
	if len(b) >= len(q) {
		t.Error("the broker got all of it")
	}
	l.closed("trailing bytes")
}

// A header that grows byte by byte is given up early.
func TestProduceHeaderHasABound(t *testing.T) {
	frame := binary.BigEndian.AppendUint32(nil, 50<<20)
	frame = append(frame, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff) // Produce v9, no client id
	frame = binary.AppendUvarint(frame, 5<<20)                // so many tagged fields
	frame = append(frame, bytes.Repeat([]byte{1, 0}, 200<<10)...)
	l := newLine(t, relay.ModeAuto, nil)
	go func() { _, _ = l.client.Write(frame) }()
	l.closed("header")
}

// Of a partition that is named twice only the last entry counts, by name or by an id that nobody knows.
func TestProduceNamesAPartitionTwice(t *testing.T) {
	orders := access.Topic{Name: "orders", ID: [16]byte{1}}
	for _, version := range []int16{9, 13} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, nil)
			q, a := produceTo(version, 300, orders, orders)
			l.ask(q)
			if version >= 13 {
				l.answersLookup()
			}
			l.asked(q)
			l.answer(a)
			l.answered(a)
			l.client.Close()
			l.settle()
			n := int64(0)
			for _, r := range l.all() {
				if r.Kind == "access" && r.Operation == "WRITE" {
					n += r.GetMessages()
				}
			}
			if n != 10 {
				t.Errorf("%d messages are recorded, want 10", n)
			}
		})
	}
}

// answersLookup plays a broker that is asked for the names of ids, and knows these.
func (l *line) answersLookup(known ...access.Topic) {
	l.t.Helper()
	if l.broker == nil {
		l.accept()
	}
	_ = l.broker.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1<<20)
	n, err := readFrame(l.broker, buf)
	if err != nil {
		l.t.Fatal("no lookup came:", err)
	}
	if key, version := binary.BigEndian.Uint16(buf[4:]), binary.BigEndian.Uint16(buf[6:]); key != 3 || version != metadataByID {
		l.t.Fatalf("a request with key %d, version %d of %d bytes came in place of a lookup", key, version, n)
	}
	r := kmsg.NewPtrMetadataResponse()
	for _, topic := range known {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.TopicID = kmsg.StringPtr(topic.Name), topic.ID
		r.Topics = append(r.Topics, t)
	}
	l.answer(to(buf[:n], answered(r, metadataByID, true)))
}

// Answers to many partitions are found in whatever order they come.
func TestProduceOfManyPartitions(t *testing.T) {
	const n = 5000
	q, r := kmsg.NewPtrProduceRequest(), kmsg.NewPtrProduceResponse()
	q.Acks = -1
	qt, rt := kmsg.NewProduceRequestTopic(), kmsg.NewProduceResponseTopic()
	qt.Topic, rt.Topic = "orders", "orders"
	for i := range int32(n) {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = i, recordBatch(0, 1, 70)
		qt.Partitions = append(qt.Partitions, p)
		a := kmsg.NewProduceResponseTopicPartition()
		a.Partition, a.BaseOffset = (i*7919)%n, 1
		if a.Partition%2 == 0 {
			a.ErrorCode = 3
		}
		rt.Partitions = append(rt.Partitions, a)
	}
	q.Topics, r.Topics = append(q.Topics, qt), append(r.Topics, rt)
	request := framed(q, 9)
	l := newLine(t, relay.ModeAuto, nil)
	go l.ask(request)
	l.asked(request)
	answer := to(request, answered(r, 9, true))
	l.answer(answer)
	l.answered(answer)
	l.client.Close()
	l.settle()
	l.wrote("orders", n/2, "")
	l.wrote("orders", n/2, "3")
}
