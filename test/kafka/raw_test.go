package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/raw"
	"doorkeeper/test/kafka/truth"
)

// topicOn makes a topic of one partition that lives on a node, and returns its id.
func (c *client) topicOn(t *testing.T, node int32, name string, settings ...string) (string, [16]byte) {
	t.Helper()
	cl := c.kgo(t)
	defer cl.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 30000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = c.name(name), -1, -1
	assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assignment.Partition, assignment.Replicas = 0, []int32{node}
	topic.ReplicaAssignment = append(topic.ReplicaAssignment, assignment)
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, &value
		topic.Configs = append(topic.Configs, config)
	}
	request.Topics = append(request.Topics, topic)
	if _, err := request.RequestWith(c.ctx, cl); err != nil {
		t.Fatal(err)
	}
	for {
		if c.ctx.Err() != nil {
			t.Fatal(c.ctx.Err())
		}
		all, err := kadm.NewClient(cl).ListTopics(c.ctx, c.name(name))
		if err != nil {
			t.Fatal(err)
		}
		d := all[c.name(name)]
		if d.Err != nil || len(d.Partitions) != 1 || d.Partitions[0].Leader != node {
			continue
		}
		// Another broker may have said so: the leader itself knows once it answers for the partition.
		ends, err := kadm.NewClient(cl).ListEndOffsets(c.ctx, c.name(name))
		if err == nil && ends.Error() == nil {
			return c.name(name), d.ID
		}
	}
}

func (c *client) dial(t *testing.T, node int32) *raw.Conn {
	t.Helper()
	conn, err := raw.Dial(c.path.node(c.entrance, node))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// fetchRequest asks for one partition without a session.
func fetchRequest(version int16, topic string, id [16]byte, offset int64, limit int32) *kmsg.FetchRequest {
	request := kmsg.NewPtrFetchRequest()
	request.SetVersion(version)
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes, request.SessionEpoch = 500, 1, 50<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = offset, limit, -1
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	return request
}

// batchesText says what a Fetch brought.
func batchesText(response kmsg.Response) string {
	var parts []string
	for _, t := range response.(*kmsg.FetchResponse).Topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("error %d", p.ErrorCode))
			for _, b := range truth.Batches(p.RecordBatches) {
				parts = append(parts, fmt.Sprintf("m%d %d-%d %d/%d", b.Magic, b.First, b.Last, b.Have, b.Bytes))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func TestRaw(t *testing.T) {
	runRows(t, []row{
		{name: "fetch in every version, cut", run: fetchVersions},
		{name: "fetch cut at every byte of a header", run: fetchCuts},
		{name: "a session over two connections", run: fetchSession},
		{name: "produce in every version", run: produceVersions},
		{name: "pipelining", run: pipelining},
		{name: "what closes a connection", run: closing},
	})
}

// fetchVersions reads the same partition in every version, under a limit that cuts the second and a later batch.
func fetchVersions(t *testing.T, c *client) string {
	topic, id := c.filled(t)
	var results []string
	for version := int16(4); version <= 18; version++ {
		conn := c.dial(t, 1)
		for _, limit := range []int32{1, 2500, 10_000, 1 << 20} {
			response, err := conn.Ask(fetchRequest(version, topic, id, 0, limit))
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			results = append(results, fmt.Sprintf("v%d: %s", version, batchesText(response)))
		}
		conn.Close()
	}
	return strings.Join(results, "\n")
}

// filled makes a topic on node 1 with ten batches of about 2,000 bytes.
func (c *client) filled(t *testing.T) (string, [16]byte) {
	topic, id := c.topicOn(t, 1, "raw")
	cl := c.kgo(t, manual, kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	for range 10 {
		produce(c.ctx, t, cl, topic, 1, 10, 200)
	}
	return topic, id
}

// fetchCuts ends the second batch in each byte of its header and around it.
func fetchCuts(t *testing.T, c *client) string {
	topic, id := c.filled(t)
	conn := c.dial(t, 1)
	defer conn.Close()
	whole, err := conn.Ask(fetchRequest(17, topic, id, 0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	first := truth.Batches(whole.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches)[0].Bytes
	var results []string
	for extra := int64(1); extra <= 64; extra++ {
		response, err := conn.Ask(fetchRequest(int16(4+extra%15), topic, id, 0, int32(first+extra)))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, batchesText(response))
	}
	return strings.Join(results, "\n")
}

// fetchSession opens a fetch session on one connection and goes on with it on another, with an empty request.
func fetchSession(t *testing.T, c *client) string {
	topic, id := c.filled(t)
	first, second := c.dial(t, 1), c.dial(t, 1)
	defer first.Close()
	defer second.Close()
	request := fetchRequest(17, topic, id, 0, 2500)
	request.SessionEpoch = 0
	response, err := first.Ask(request)
	if err != nil {
		t.Fatal(err)
	}
	session := response.(*kmsg.FetchResponse).SessionID
	again := kmsg.NewPtrFetchRequest()
	again.SetVersion(17)
	again.MaxWaitMillis, again.MinBytes, again.MaxBytes = 300, 1, 1<<20
	again.SessionID, again.SessionEpoch = session, 1
	elsewhere, err := second.Ask(again)
	if err != nil {
		t.Fatal(err)
	}
	// The brokers serve a session to whoever names it. Doorkeeper does not: whose it is, is decided by connection.
	if c.path.door != nil {
		if code := elsewhere.(*kmsg.FetchResponse).ErrorCode; code != 71 || batchesText(elsewhere) != "" {
			t.Errorf("another connection went on with a session: error %d, %s", code, batchesText(elsewhere))
		}
	} else if batchesText(elsewhere) == "" {
		t.Error("the broker did not go on with the session")
	}
	return batchesText(response)
}

func produceRequest(version int16, topic string, id [16]byte, acks int16, records []byte) *kmsg.ProduceRequest {
	request := kmsg.NewPtrProduceRequest()
	request.SetVersion(version)
	request.Acks, request.TimeoutMillis = acks, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = records
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	return request
}

func produceVersions(t *testing.T, c *client) string {
	topic, id := c.topicOn(t, 1, "produced")
	conn := c.dial(t, 1)
	defer conn.Close()
	var results []string
	for version := int16(3); version <= 13; version++ {
		request := produceRequest(version, topic, id, -1, raw.Batch([]byte("one"), []byte("two"), []byte("three")))
		response, err := conn.Ask(request)
		if err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		p := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		results = append(results, fmt.Sprintf("v%d: error %d at %d", version, p.ErrorCode, p.BaseOffset))
	}
	refused, err := conn.Ask(produceRequest(9, topic, id, 7, raw.Batch([]byte("acks of 7"))))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(results, fmt.Sprintf("acks=7: error %d", refused.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)), "\n")
}

// pipelining writes many requests before it reads an answer; among them are some that have none.
func pipelining(t *testing.T, c *client) string {
	topic, id := c.topicOn(t, 1, "pipelined")
	conn := c.dial(t, 1)
	defer conn.Close()
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("pipeline"))
	var all []byte
	var want []int32
	for i := range int32(60) {
		acks := int16(-1)
		if i%3 == 1 {
			acks = 0
		} else {
			want = append(want, i)
		}
		var request kmsg.Request = produceRequest(10, topic, id, acks, raw.Batch(fmt.Appendf(nil, "%d", i)))
		if i%3 == 2 {
			request = fetchRequest(12, topic, id, 0, 1<<20)
		}
		all = append(all, format.AppendRequest(nil, request, i)...)
	}
	if _, err := conn.Write(all); err != nil {
		t.Fatal(err)
	}
	for _, id := range want {
		frame, err := conn.Frame()
		if err != nil {
			t.Fatalf("answer %d: %v", id, err)
		}
		if id == 0 {
			checkProduced(t, frame)
		}
		if got := int32(frame[0])<<24 | int32(frame[1])<<16 | int32(frame[2])<<8 | int32(frame[3]); got != id {
			t.Fatalf("answer %d, want %d", got, id)
		}
	}
	return fmt.Sprintf("%d answers in order", len(want))
}

// checkProduced requires that the answer to a Produce of version 10 has no error.
func checkProduced(t *testing.T, frame []byte) {
	t.Helper()
	response := kmsg.NewPtrProduceResponse()
	response.SetVersion(10)
	if err := response.ReadFrom(frame[5:]); err != nil { // correlation id, no tags
		t.Fatal(err)
	}
	if code := response.Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("the first Produce failed with %d", code)
	}
}

// closing sends what no broker answers.
func closing(t *testing.T, c *client) string {
	topic, id := c.topicOn(t, 1, "closing")
	unknown := fetchRequest(4, topic, id, 0, 1)
	unknown.SetVersion(99)
	old := produceRequest(2, topic, id, 1, raw.Batch([]byte("x")))
	var results []string
	for name, request := range map[string]kmsg.Request{
		"Fetch v99": unknown, "Produce v2": old,
		"acks=0 with an error": produceRequest(9, topic, id, 0, []byte("not a batch")),
	} {
		conn := c.dial(t, 1)
		response, err := conn.Ask(request)
		conn.Close()
		results = append(results, fmt.Sprintf("%s: %T, %v", name, response, err))
	}
	return sorted(results)
}
