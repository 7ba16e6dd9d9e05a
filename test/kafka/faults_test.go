package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"doorkeeper/test/kafka/truth"
)

// TestFaults disturbs clients and brokers. The rows run on both paths, and through doorkeeper the records must say
// what was on the wire all the same.
func TestFaults(t *testing.T) {
	runRows(t, []row{
		{name: "a broker restarts under load", run: restartUnderLoad},
		{name: "a silent client in the middle of 50 MB", run: silentClient},
	})
}

// restartUnderLoad writes and reads while node 3 goes away and comes back. Every record must be there once, and what
// doorkeeper recorded as written must be those offsets, each once.
func restartUnderLoad(t *testing.T, c *client) string {
	const partitions = 3
	admin := c.kgo(t)
	two := "2"
	topic := c.name("restart")
	if _, err := kadm.NewClient(admin).CreateTopic(c.ctx, partitions, 3, map[string]*string{"min.insync.replicas": &two}, topic); err != nil {
		t.Fatal(err)
	}
	admin.Close()
	var stop atomic.Bool
	var wait sync.WaitGroup
	sent := 0
	read := map[string]int{}
	wait.Add(2)
	go func() { defer wait.Done(); sent = c.writeUntil(t, topic, partitions, &stop) }()
	go func() { defer wait.Done(); read = c.readUntil(t, topic, &stop) }()
	time.Sleep(2 * time.Second)
	if err := shared.cluster.StopNode(3); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second)
	if err := shared.cluster.StartNode(3); err != nil {
		t.Fatal(err)
	}
	if err := shared.cluster.WaitReady(c.ctx); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second)
	stop.Store(true)
	wait.Wait()
	total, err := countRecords(c.ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	if total != sent {
		t.Errorf("%d records in the topic, %d were sent", total, sent)
	}
	for value, times := range read {
		if times != 1 {
			t.Errorf("record %s was read %d times", value, times)
		}
	}
	c.writtenOnce(t, topic, int64(sent))
	t.Logf("%d records sent, %d read meanwhile", sent, len(read))
	return "each record once"
}

func (c *client) writeUntil(t *testing.T, topic string, partitions int, stop *atomic.Bool) (sent int) {
	cl := c.kgo(t, manual, kgo.RecordRetries(1000), kgo.ProducerBatchMaxBytes(20_000), kgo.ProducerLinger(5*time.Millisecond))
	defer cl.Close()
	for !stop.Load() && c.ctx.Err() == nil {
		var records []*kgo.Record
		for range 100 {
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(sent % partitions), Value: fmt.Appendf(nil, "%d", sent)})
			sent++
		}
		if err := cl.ProduceSync(c.ctx, records...).FirstErr(); err != nil {
			t.Errorf("produce: %v", err)
			return sent
		}
		time.Sleep(5 * time.Millisecond)
	}
	return sent
}

func (c *client) readUntil(t *testing.T, topic string, stop *atomic.Bool) map[string]int {
	cl := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	read := map[string]int{}
	for !stop.Load() {
		ctx, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { read[string(r.Value)]++ })
		cancel()
	}
	return read
}

// writtenOnce holds the offsets of the WRITE records against the topic: each offset once, and none else.
func (c *client) writtenOnce(t *testing.T, topic string, sent int64) {
	t.Helper()
	if c.path.door == nil {
		return
	}
	if !c.path.recorder.Wait(20 * time.Second) {
		t.Error("the clients left connections open")
	}
	time.Sleep(1500 * time.Millisecond) // flows end after a second
	all, err := c.path.door.Records()
	if err != nil {
		t.Fatal(err)
	}
	flows := map[int32][]*truth.Record{}
	messages := int64(0)
	for _, r := range all {
		if r.Kind == "access" && r.Operation == "WRITE" && r.Resource == topic && r.Outcome == "released" {
			flows[*r.Partition] = append(flows[*r.Partition], r)
			messages += *r.Messages
		}
	}
	if messages != sent {
		t.Errorf("the records say that %d messages were written, and %d were", messages, sent)
	}
	for partition, list := range flows {
		slices.SortFunc(list, func(a, b *truth.Record) int { return int(*a.FirstOffset - *b.FirstOffset) })
		next := int64(0)
		for _, r := range list {
			if *r.FirstOffset != next {
				t.Errorf("partition %d: a record begins at %d, and the one before it ends at %d", partition, *r.FirstOffset, next-1)
			}
			next = *r.LastOffset + 1
		}
	}
}

// silentClient asks for 50 MB, reads a little, says nothing for 40 seconds, and then takes the rest.
func silentClient(t *testing.T, c *client) string {
	topic, id := c.topicOn(t, 1, "big")
	cl := c.kgo(t, manual, kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 52 {
		produce(c.ctx, t, cl, topic, 1, 100, 10_000)
	}
	cl.Close()
	conn := c.dial(t, 1)
	defer conn.Close()
	if err := conn.Send(fetchRequest(17, topic, id, 0, 50<<20)); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 4096)
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Fatal(err)
	}
	silence := 40 * time.Second
	if c.path.door == nil {
		silence = time.Second // the brokers are not what is tried
	}
	time.Sleep(silence)
	length := int64(binary.BigEndian.Uint32(head))
	n, err := io.CopyN(io.Discard, conn, length+4-int64(len(head)))
	if err != nil {
		t.Fatalf("after %d bytes of %d: %v", n, length, err)
	}
	return fmt.Sprintf("%d MB in one answer", length>>20)
}
