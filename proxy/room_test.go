package proxy

import (
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// hostileMetadata is a frame of size bytes that names as many topics as it can: two bytes each.
func hostileMetadata(size int) []byte {
	n := (size - 20) / 3
	b := headOf(0, 3, 9)
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(n+1))
	for range n {
		b = append(b, 2, 'x', 0)
	}
	b = append(b, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// A request of more resources than anybody asks for ends the connection.
func TestTooManyResources(t *testing.T) {
	fetch := kmsg.NewPtrFetchRequest()
	produce := kmsg.NewPtrProduceRequest()
	for range 10_001 {
		fetch.Topics = append(fetch.Topics, kmsg.NewFetchRequestTopic())
		produce.Topics = append(produce.Topics, kmsg.NewProduceRequestTopic())
	}
	parts := kmsg.NewPtrProduceRequest()
	topic := kmsg.NewProduceRequestTopic()
	for i := range int32(100_001) {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition = i
		topic.Partitions = append(topic.Partitions, p)
	}
	parts.Topics = append(parts.Topics, topic)
	for name, frame := range map[string][]byte{
		"Metadata": hostileMetadata(40_000), "Fetch": framed(fetch, 12), "Fetch by id": framed(fetch, 13),
		"Produce": framed(produce, 9), "Produce to many partitions": framed(parts, 9),
	} {
		t.Run(name, func(t *testing.T) {
			w := newLaw()
			w.says[""] = access.Allow
			l := newLine(t, relay.ModeAuto, w.under)
			go func() { _, _ = l.client.Write(frame) }()
			l.closed("it names more than 10000 resources")
			l.settle()
			if !l.some(func(r *access.Record) bool {
				return r.Decision == "refuse" && r.ResourceCount >= 10_001 && len(r.Resources) == 100 && strings.Contains(r.Reason, "10000") ||
					name == "Produce to many partitions" && r.Decision == "refuse"
			}) {
				t.Error("no record says what was refused, and how much")
			}
		})
	}
}

// Many connections cannot multiply what one frame costs: together they stay near limits.buffers.
func TestMemoryOfHostileFrames(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy, o.Limits.Buffers = newLaw(), 64<<20 })
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	frame := hostileMetadata(2 << 20)
	for range 16 {
		nc := l.dial()
		defer nc.Close()
		go func() { _, _ = nc.Write(frame) }()
	}
	var peak atomic.Int64
	deadline := time.Now().Add(patience)
	for l.p.open() > 1 && time.Now().Before(deadline) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak.Store(max(peak.Load(), int64(m.HeapInuse)-int64(before.HeapInuse)))
		time.Sleep(time.Millisecond)
	}
	t.Logf("16 frames of 2 MiB took %d MiB at most", peak.Load()>>20)
	if peak.Load() > 512<<20 {
		t.Errorf("%d MiB", peak.Load()>>20)
	}
	l.client.Close()
	l.settle()
}

// A frame that finds no room waits a moment for it, and is given up then.
func TestFramesWaitForRoom(t *testing.T) {
	q := kmsg.NewPtrDeleteGroupsRequest()
	r := kmsg.NewPtrDeleteGroupsResponse()
	for range 3000 {
		g := kmsg.NewDeleteGroupsResponseGroup()
		g.Group = "a group with a name of some length"
		q.Groups, r.Groups = append(q.Groups, g.Group), append(r.Groups, g)
	}
	request := framed(q, 0)
	answer := to(request, answered(r, 0, false))
	for _, c := range []struct {
		name              string
		request, response bool // who finds no room
		lasts             time.Duration
		words             string
	}{
		{"a request, for a while", true, false, 300 * time.Millisecond, causeClient.word},
		{"an answer, for a while", false, true, 300 * time.Millisecond, causeClient.word},
		{"a request, for too long", true, false, time.Minute, "no room for the request"},
		{"an answer, for too long", false, true, time.Minute, "no room for the answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, nil)
			full := func(yes bool) {
				if !yes {
					return
				}
				n := l.p.pool.Limit() - l.p.pool.InUse()
				l.p.pool.TryCharge(n)
				time.AfterFunc(min(c.lasts, roomWait+time.Second), func() { l.p.pool.Uncharge(n) })
			}
			full(c.request)
			go l.ask(request)
			if c.request && c.lasts > roomWait {
				l.closed(c.words)
				time.Sleep(2 * time.Second) // the room is given back
				return
			}
			l.asked(request)
			full(c.response)
			go func() { _, _ = l.broker.Write(answer) }()
			if c.lasts > roomWait {
				_, _ = io.Copy(io.Discard, l.client)
				time.Sleep(2 * time.Second)
			} else {
				l.answered(answer)
			}
			l.client.Close()
			l.settle()
			l.mustCause(c.words)
		})
	}
}

// What requests in flight keep is accounted: a client that fills the queue with large ones runs into the limit.
func TestMemoryOfRequestsInFlight(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Limits.Buffers = 16 << 20 })
	q := kmsg.NewPtrFetchRequest()
	q.SessionEpoch = -1
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "orders"
	for i := range int32(20_000) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition = i
		topic.Partitions = append(topic.Partitions, p)
	}
	q.Topics = append(q.Topics, topic)
	frame := framed(q, 12)
	go func() {
		for range 60 {
			if _, err := l.client.Write(frame); err != nil {
				return
			}
		}
	}()
	l.accept()
	go func() {
		buf := make([]byte, 4<<20)
		for {
			if _, err := readFrame(l.broker, buf); err != nil {
				return
			}
		}
	}()
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	_, _ = l.client.Read(make([]byte, 1))
	l.client.Close()
	l.settle()
	l.mustCause("no room for it under limits.buffers")
}
