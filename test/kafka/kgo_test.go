package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kgo returns a franz-go client of the row's entrance.
func (c *client) kgo(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(c.bootstrap(), ",")...), kgo.ClientID("franz-go"),
		kgo.FetchMaxWait(500 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// topic makes a topic with one copy of each partition, and settings as "key=value".
func (c *client) topic(t *testing.T, cl *kgo.Client, name string, partitions int32, settings ...string) string {
	t.Helper()
	configs := map[string]*string{}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		configs[key] = &value
	}
	if _, err := kadm.NewClient(cl).CreateTopic(c.ctx, partitions, 1, configs, c.name(name)); err != nil {
		t.Fatal(err)
	}
	return c.name(name)
}

// produce sends n records of size bytes, evenly over the partitions in a fixed order.
func produce(ctx context.Context, t *testing.T, cl *kgo.Client, topic string, partitions, n, size int) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(i % partitions), Key: fmt.Appendf(nil, "key-%d", i), Value: payload(i, size),
		})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// payload is text that compresses a little.
func payload(i, size int) []byte {
	line := fmt.Appendf(nil, "record %d %x;", i, i*i*2654435761)
	return bytes.Repeat(line, size/len(line)+1)[:size]
}

// manual lets the producer set each record's partition.
var manual = kgo.RecordPartitioner(kgo.ManualPartitioner())

// consume polls until n records came, and returns per partition how many, and the first and last offset.
func consume(ctx context.Context, t *testing.T, cl *kgo.Client, n int) string {
	t.Helper()
	seen := map[string][]int64{}
	for got := 0; got < n; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d of %d records: %v", got, n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			key := fmt.Sprintf("%s-%d", r.Topic, r.Partition)
			seen[key] = append(seen[key], r.Offset)
			got++
		})
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		offsets := seen[key]
		lines = append(lines, fmt.Sprintf("%s: %d records, %d to %d", key, len(offsets), slices.Min(offsets), slices.Max(offsets)))
	}
	return strings.Join(lines, "; ")
}

func TestFranz(t *testing.T) {
	runRows(t, []row{
		{name: "consume partitions", run: func(t *testing.T, c *client) string {
			cl := c.kgo(t, manual)
			topic := c.topic(t, cl, "plain", 3)
			produce(c.ctx, t, cl, topic, 3, 3000, 200)
			defer cl.Close()
			reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			defer reader.Close()
			return consume(c.ctx, t, reader, 3000)
		}},
		{name: "every compression", run: func(t *testing.T, c *client) string {
			var results []string
			for name, codec := range map[string]kgo.CompressionCodec{
				"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
				"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
			} {
				cl := c.kgo(t, manual, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(1000000))
				topic := c.topic(t, cl, name, 2)
				produce(c.ctx, t, cl, topic, 2, 400, 10_000)
				cl.Close()
				reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
				results = append(results, consume(c.ctx, t, reader, 400))
				reader.Close()
			}
			slices.Sort(results)
			return strings.Join(results, "; ")
		}},
		{name: "cut batches", run: func(t *testing.T, c *client) string {
			cl := c.kgo(t, manual, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(11_000))
			topic := c.topic(t, cl, "cut", 1)
			for i := range 40 {
				produce(c.ctx, t, cl, topic, 1, 10, 1000+i)
			}
			cl.Close()
			reader := c.kgo(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
				kgo.FetchMaxPartitionBytes(35_000), kgo.FetchMaxBytes(100_000))
			defer reader.Close()
			return consume(c.ctx, t, reader, 400)
		}},
		{name: "classic group", run: func(t *testing.T, c *client) string { return group(t, c) }},
		{name: "KIP-848 group", run: func(t *testing.T, c *client) string { return group(t, c, kgo.ServerSideBalancer()) }},
		{name: "transactions", run: transactions},
		{name: "consume, transform, produce", run: transactSession},
		{name: "acks", run: acks},
		{name: "regex", run: func(t *testing.T, c *client) string {
			cl := c.kgo(t, manual)
			defer cl.Close()
			for _, name := range []string{"re-1", "re-2", "other"} {
				produce(c.ctx, t, cl, c.topic(t, cl, name, 1), 1, 10, 100)
			}
			reader := c.kgo(t, kgo.ConsumeTopics("^"+c.name("re-")+".*"), kgo.ConsumeRegex(),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			defer reader.Close()
			return consume(c.ctx, t, reader, 20)
		}},
		{name: "share group", run: shareGroup},
		{name: "compaction holes", run: compaction},
	})
}
