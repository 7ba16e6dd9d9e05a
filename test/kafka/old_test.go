package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/door"
	"doorkeeper/test/kafka/raw"
	"doorkeeper/test/kafka/tap"
	"doorkeeper/test/kafka/truth"
)

// TestOldFormats reads what a broker of before 0.11 has written: messages of magic 0 and 1, alone and in compressed
// wrappers, with batches of today behind them. No broker writes them any more, so the segment is laid by hand.
func TestOldFormats(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cluster, err := brokers.Start(ctx, t.TempDir(), brokers.Options{Nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	layOldSegment(ctx, t, cluster)
	d, err := door.Start(ctx, t.TempDir(), cluster, door.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	direct := readOld(ctx, t, cluster.Bootstrap(brokers.Plain)[0])
	through := readOld(ctx, t, d.Front("open").Bootstrap())
	if direct != through {
		t.Errorf("direct:\n%s\nthrough doorkeeper:\n%s", direct, through)
	}
	t.Log(direct)
	checkOwn(t, d.Recorder, d)
}

// checkOwn holds the records of a doorkeeper that one test has for itself against all that went through it.
func checkOwn(t *testing.T, r *tap.Recorder, d *door.Door) []*truth.Session {
	t.Helper()
	if !r.Wait(20 * time.Second) {
		t.Error("the client left connections open")
	}
	sessions := truth.Decode(r.Conns())
	records, err := d.RecordsOf(sessions, 15*time.Second)
	if err != nil {
		t.Error(err)
	}
	names := truth.Names{}
	names.Learn(sessions)
	for _, wrong := range truth.Compare(sessions, records, names) {
		t.Error(wrong)
	}
	all, err := d.Records()
	if err != nil {
		t.Error(err)
	}
	for _, wrong := range truth.CheckJournal(all) {
		t.Error(wrong)
	}
	t.Logf("on the wire, and in %d records: %s", len(records), truth.Summary(sessions))
	return sessions
}

const oldTopic = "old"

// layOldSegment makes the topic, stops the broker, writes the segment and starts it again.
func layOldSegment(ctx context.Context, t *testing.T, c *brokers.Cluster) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap(brokers.Plain)...), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: oldTopic, Value: []byte("to be replaced")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	if err := c.StopNode(1); err != nil {
		t.Fatal(err)
	}
	if err := writeSegment(c.PartitionDir(1, oldTopic, 0), oldSegment()); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNode(1); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if cl, err = kgo.NewClient(kgo.SeedBrokers(c.Bootstrap(brokers.Plain)...)); err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for range 3 {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: oldTopic, Value: []byte("of today")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func oldSegment() []byte {
	value := func(s string) []byte { return []byte(strings.Repeat(s, 20)) }
	var all []byte
	for offset := range int64(5) {
		all = append(all, raw.Old(0, offset, 0, value("magic 0 "))...)
	}
	all = append(all, raw.OldWrapper(0, 5, value("a "), value("b "), value("c "))...)
	for offset := int64(8); offset < 13; offset++ {
		all = append(all, raw.Old(1, offset, 0, value("magic 1 "))...)
	}
	return append(all, raw.OldWrapper(1, 13, value("d "), value("e "), value("f "))...)
}

// writeSegment replaces a partition's files. Without its indexes and the mark of a clean shutdown the broker goes
// through the segment again and makes them.
func writeSegment(dir string, segment []byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "partition.metadata" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	data := filepath.Dir(dir)
	for _, name := range []string{".kafka_cleanshutdown", "recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "00000000000000000000.log"), segment, 0o644)
}

// readOld reads the topic with franz-go, with kcat and with Fetch in several versions and limits.
func readOld(ctx context.Context, t *testing.T, bootstrap string) string {
	t.Helper()
	var results []string
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(oldTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	results = append(results, consume(ctx, t, cl, 19))
	cl.Close()
	program, err := kcat()
	if err != nil {
		t.Fatal(err)
	}
	out := command(ctx, t, "", program, "-b", bootstrap, "-t", oldTopic, "-C", "-o", "beginning", "-e", "-q")
	results = append(results, fmt.Sprintf("kcat: %d lines", strings.Count(out, "\n")))
	results = append(results, fetchOld(t, bootstrap)...)
	return strings.Join(results, "\n")
}

func fetchOld(t *testing.T, bootstrap string) []string {
	t.Helper()
	meta, id := oneBroker(t, bootstrap)
	conn, err := raw.Dial(meta)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var results []string
	for _, version := range []int16{4, 9, 12, 17} {
		for _, limit := range []int32{1, 500, 1500, 2100, 1 << 20} {
			response, err := conn.Ask(fetchRequest(version, oldTopic, id, 0, limit))
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, fmt.Sprintf("v%d: %s", version, batchesText(response)))
		}
	}
	slices.Sort(results)
	return results
}

// oneBroker returns the address of the one broker that a bootstrap address speaks of, and the id of the topic old.
func oneBroker(t *testing.T, bootstrap string) (string, [16]byte) {
	t.Helper()
	conn, err := raw.Dial(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.SetVersion(12)
	topic := kmsg.NewMetadataRequestTopic()
	name := oldTopic
	topic.Topic = &name
	request.Topics = append(request.Topics, topic)
	response, err := conn.Ask(request)
	if err != nil {
		t.Fatal(err)
	}
	meta := response.(*kmsg.MetadataResponse)
	return fmt.Sprintf("%s:%d", meta.Brokers[0].Host, meta.Brokers[0].Port), meta.Topics[0].TopicID
}
