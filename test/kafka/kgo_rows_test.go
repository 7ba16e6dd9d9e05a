package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// group lets two members share a topic, one after the other, and commit what they read.
func group(t *testing.T, c *client, opts ...kgo.Opt) string {
	cl := c.kgo(t, manual)
	defer cl.Close()
	topic := c.topic(t, cl, "grouped", 4)
	produce(c.ctx, t, cl, topic, 4, 400, 300)
	opts = append(opts, kgo.ConsumerGroup(c.name("group")), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	first := c.kgo(t, opts...)
	defer first.Close()
	result := consume(c.ctx, t, first, 400)
	if err := first.CommitUncommittedOffsets(c.ctx); err != nil {
		t.Fatal(err)
	}
	first.Close()
	produce(c.ctx, t, cl, topic, 4, 40, 300)
	second := c.kgo(t, opts...)
	defer second.Close()
	result += " | " + consume(c.ctx, t, second, 40)
	if err := second.CommitUncommittedOffsets(c.ctx); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(cl).FetchOffsets(c.ctx, c.name("group"))
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
	return fmt.Sprintf("%s | committed %d", result, sum)
}

// transactions commits, aborts and commits again; read_committed sees what was committed, read_uncommitted all.
func transactions(t *testing.T, c *client) string {
	admin := c.kgo(t)
	defer admin.Close()
	topic := c.topic(t, admin, "txn", 2)
	producer := c.kgo(t, manual, kgo.TransactionalID(c.name("txn-id")), kgo.TransactionTimeout(30*time.Second))
	defer producer.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(c.ctx, t, producer, topic, 2, 50*(i+1), 200)
		if err := producer.EndTransaction(c.ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	var results []string
	for isolation, n := range map[kgo.IsolationLevel]int{kgo.ReadCommitted(): 200, kgo.ReadUncommitted(): 300} {
		reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		results = append(results, consume(c.ctx, t, reader, n))
		reader.Close()
	}
	if len(results[0]) > 0 && results[0] > results[1] {
		results[0], results[1] = results[1], results[0]
	}
	return strings.Join(results, " | ")
}

// transactSession moves records from one topic to another, exactly once.
func transactSession(t *testing.T, c *client) string {
	admin := c.kgo(t, manual)
	defer admin.Close()
	from, to := c.topic(t, admin, "from", 1), c.topic(t, admin, "to", 1)
	produce(c.ctx, t, admin, from, 1, 100, 200)
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(strings.Split(c.bootstrap(), ",")...),
		kgo.TransactionalID(c.name("session")), kgo.ConsumerGroup(c.name("session-group")), kgo.ConsumeTopics(from),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for moved := 0; moved < 100; {
		fetches := s.PollFetches(c.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			moved++
			s.Produce(c.ctx, &kgo.Record{Topic: to, Value: r.Value}, nil)
		})
		if ok, err := s.End(c.ctx, kgo.TryCommit); err != nil || !ok {
			t.Fatalf("end of the transaction: %v, %v", ok, err)
		}
	}
	reader := c.kgo(t, kgo.ConsumeTopics(to), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	n := 0
	for n < 100 {
		n += len(reader.PollFetches(c.ctx).Records())
		if c.ctx.Err() != nil {
			t.Fatal(c.ctx.Err())
		}
	}
	return fmt.Sprintf("%d records moved", n)
}

// acks produces with every setting of acks. After acks=0 nothing tells when the broker has it, so it is read back.
func acks(t *testing.T, c *client) string {
	var results []string
	for name, ack := range map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()} {
		cl := c.kgo(t, manual, kgo.RequiredAcks(ack), kgo.DisableIdempotentWrite())
		topic := c.topic(t, cl, "acks-"+name, 1)
		produce(c.ctx, t, cl, topic, 1, 100, 100)
		reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		results = append(results, consume(c.ctx, t, reader, 100))
		reader.Close()
		cl.Close()
	}
	return sorted(results)
}

// shareGroup reads a topic through a share group: acknowledges, releases and rejects.
func shareGroup(t *testing.T, c *client) string {
	admin := c.kgo(t, manual)
	defer admin.Close()
	topic := c.topic(t, admin, "shared", 2)
	produce(c.ctx, t, admin, topic, 2, 200, 300)
	c.shareFromStart(t, admin, c.name("sharers"))
	reader := c.kgo(t, kgo.ShareGroup(c.name("sharers")), kgo.ConsumeTopics(topic))
	defer reader.Close()
	seen := map[int64]int{}
	accepted := 0
	for accepted < 190 {
		fetches := reader.PollFetches(c.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", accepted, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			key := int64(r.Partition)<<32 | r.Offset
			seen[key]++
			switch {
			case r.Offset == 7 && seen[key] == 1:
				r.Ack(kgo.AckRelease)
			case r.Offset%20 == 3:
				r.Ack(kgo.AckReject)
			default:
				r.Ack(kgo.AckAccept)
				accepted++
			}
		})
		if err := reader.FlushAcks(c.ctx); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%d records, %d accepted", len(seen), accepted)
}

// shareFromStart makes a share group begin at the first record.
func (c *client) shareFromStart(t *testing.T, cl *kgo.Client, group string) {
	t.Helper()
	if err := setGroupConfig(c.ctx, cl, group, "share.auto.offset.reset", "earliest"); err != nil {
		t.Fatal(err)
	}
}

// compaction leaves holes in and between batches.
func compaction(t *testing.T, c *client) string {
	cl := c.kgo(t, manual, kgo.ProducerBatchMaxBytes(20_000))
	defer cl.Close()
	topic := c.topic(t, cl, "compact", 1, "cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.01",
		"max.compaction.lag.ms=100", "min.compaction.lag.ms=0")
	// Nine of ten records have a key that comes again: what is left of a batch is a tenth, and of some nothing.
	const total = 6000
	for from := 0; from < total; from += 20 {
		var records []*kgo.Record
		for i := from; i < from+20; i++ {
			key := fmt.Sprintf("again-%d", i%7)
			if i%10 == 0 && i%200 < 100 {
				key = fmt.Sprintf("once-%d", i)
			}
			records = append(records, &kgo.Record{Topic: topic, Key: []byte(key), Value: payload(i, 400)})
		}
		if err := cl.ProduceSync(c.ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c.waitCompacted(t, topic, total*3/4) // how many segments are closed by now, and so can be compacted, is the broker's to say
	reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	for c.ctx.Err() == nil {
		for _, r := range reader.PollFetches(c.ctx).Records() {
			if r.Offset == total-1 {
				return "read to the end"
			}
		}
	}
	t.Fatal(c.ctx.Err())
	return ""
}

// waitCompacted reads the topic until fewer than limit records are left of its first segments.
func (c *client) waitCompacted(t *testing.T, topic string, limit int) {
	t.Helper()
	for {
		n, err := countRecords(c.ctx, topic)
		if err != nil {
			t.Fatal(err)
		}
		if n < limit {
			return
		}
		select {
		case <-c.ctx.Done():
			t.Fatal(errors.Join(c.ctx.Err(), fmt.Errorf("%d records are left", n)))
		case <-time.After(300 * time.Millisecond):
		}
	}
}
