package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type mdTopic = kmsg.MetadataResponseTopic

// asking makes a Metadata that creates nothing, from v4 on.
func asking(names ...string) *kmsg.MetadataRequest {
	return &kmsg.MetadataRequest{Topics: metadataTopics(names...)}
}

// creating makes one that may create.
func creating(names ...string) *kmsg.MetadataRequest {
	return &kmsg.MetadataRequest{Topics: metadataTopics(names...), AllowAutoTopicCreation: true}
}

func identified(ids ...[16]byte) *kmsg.MetadataRequest {
	q := &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}}
	for _, id := range ids {
		q.Topics = append(q.Topics, kmsg.MetadataRequestTopic{TopicID: id})
	}
	return q
}

// told is a Metadata answer. Its broker is where the test's Route has it.
func told(topics ...mdTopic) *kmsg.MetadataResponse {
	return &kmsg.MetadataResponse{ThrottleMillis: 5, ClusterID: ptr("MkU3"), ControllerID: 1, AuthorizedOperations: noBits,
		Brokers: []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "proxy.test", Port: 20001}}, Topics: topics}
}

// there is a topic with one partition.
func there(name string, id [16]byte) mdTopic {
	return mdTopic{Topic: &name, TopicID: id, AuthorizedOperations: noBits, Partitions: []kmsg.MetadataResponseTopicPartition{
		{Partition: 0, Leader: 1, LeaderEpoch: 4, Replicas: []int32{1}, ISR: []int32{1}}}}
}

// not is a topic of which only an error is told.
func not(name string, code int16) mdTopic {
	return mdTopic{Topic: &name, ErrorCode: code, AuthorizedOperations: noBits}
}

func notID(id [16]byte, code int16) mdTopic {
	return mdTopic{TopicID: id, ErrorCode: code, AuthorizedOperations: noBits}
}

func withBits(t mdTopic, bits int32) mdTopic {
	t.AuthorizedOperations = bits
	return t
}

const clusterBits = 1<<access.OpCreate | 1<<access.OpClusterAction | 1<<access.OpDescribeConfigs | 1<<access.OpAlterConfigs |
	1<<access.OpIdempotentWrite | 1<<access.OpAlter | 1<<access.OpDescribe

var metadataDenials = []denialCase{
	{name: "all named denied, in v0", q: asking("a", "b"), to: 0, knows: []access.Topic{topicA, topicB},
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC b"}, passes: asking(),
		answer: told(there("a", idOfA), there("z", idOfC)), want: told(not("a", 29), not("b", 29))},
	{name: "all named denied", from: 1, q: asking("a", "b", "a"), knows: []access.Topic{topicA, topicB},
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC b"}, passes: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}},
		answer: told(), want: told(not("a", 29), not("b", 29))},
	{name: "mixed: denied last, each once", from: 1, q: asking("a", "b", "a", ""), knows: []access.Topic{topicA, topicB},
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"}, passes: asking("b"),
		answer: told(there("b", idOfB)), want: told(there("b", idOfB), not("a", 29), not("", 29))},
	{name: "more than four: in the order of a HashSet", from: 1, q: asking("open-unread", "shut-b", "shut-read", "open-denied", "open-a", "open-b", "shut-lost", "shut-a", "open-lost"),
		denied: []string{"DESCRIBE TOPIC shut-read", "DESCRIBE TOPIC shut-lost", "DESCRIBE TOPIC shut-b", "DESCRIBE TOPIC shut-a"},
		passes: asking("open-unread", "open-denied", "open-a", "open-b", "open-lost"),
		answer: told(there("open-unread", idOfA), there("open-denied", idOfA), there("open-a", idOfA), there("open-b", idOfA), not("open-lost", 3)),
		want: told(there("open-a", idOfA), there("open-b", idOfA), there("open-denied", idOfA), there("open-unread", idOfA), not("open-lost", 3),
			not("shut-read", 29), not("shut-lost", 29), not("shut-b", 29), not("shut-a", 29))},
	{name: "refused", from: 1, q: asking("a", "b"), knows: []access.Topic{topicA, topicB}, refused: []string{"DESCRIBE TOPIC a"},
		passes: asking("b"), answer: told(there("b", idOfB)), want: told(there("b", idOfB), not("a", 5))},

	{name: "by id", from: 12, q: identified(idOfA, idOfB, idOfA, strangeID), knows: []access.Topic{topicA, topicB},
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"}, passes: identified(idOfB), answer: told(there("b", idOfB)),
		want: told(notID(strangeID, 100), there("b", idOfB), notID(idOfA, 29))},
	{name: "all ids denied: names do not come in their place", from: 12, knows: []access.Topic{topicA, topicB},
		q:      &kmsg.MetadataRequest{Topics: append(identified(idOfA).Topics, kmsg.MetadataRequestTopic{Topic: ptr("secret")})},
		denied: []string{"DESCRIBE TOPIC a"}, passes: identified(), answer: told(), want: told(notID(idOfA, 29))},
	{name: "by id, refused", from: 12, q: identified(idOfA), knows: []access.Topic{topicA}, refused: []string{"DESCRIBE TOPIC a"},
		passes: identified(), answer: told(), want: told(notID(idOfA, 5))},

	{name: "all topics, in v0", to: 0, q: asking(), denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC c"}, passes: asking(),
		answer: told(there("a", idOfA), there("b", idOfB), not("c", 5)), want: told(there("b", idOfB))},
	{name: "all topics: the denied are not there", from: 1, q: &kmsg.MetadataRequest{}, denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC c"},
		passes: &kmsg.MetadataRequest{}, answer: told(there("a", idOfA), there("b", idOfB), not("c", 5)), want: told(there("b", idOfB))},
	{name: "all topics: nothing could be decided of one", from: 1, q: &kmsg.MetadataRequest{}, refused: []string{"DESCRIBE TOPIC a"},
		passes: &kmsg.MetadataRequest{}, answer: told(there("a", idOfA), there("b", idOfB)), ends: errRefused},

	{name: "operations on topics", from: 8, q: &kmsg.MetadataRequest{Topics: metadataTopics("a", "b", "c"), IncludeTopicAuthorizedOperations: true},
		knows:  []access.Topic{topicA, topicB, {Name: "c", ID: idOfC}},
		denied: []string{"DESCRIBE TOPIC c", "WRITE TOPIC a", "DELETE TOPIC a", "CREATE TOPIC b"},
		passes: &kmsg.MetadataRequest{Topics: metadataTopics("a", "b"), IncludeTopicAuthorizedOperations: true},
		answer: told(withBits(there("a", idOfA), topicBits), withBits(not("b", 3), topicBits)),
		want: told(withBits(there("a", idOfA), topicBits&^(1<<access.OpWrite|1<<access.OpDelete)),
			withBits(not("b", 3), topicBits&^(1<<access.OpCreate)), not("c", 29))},
	{name: "operations on the cluster", from: 8, to: 10, q: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		denied: []string{clusterAlter, "CREATE CLUSTER kafka-cluster"}, passes: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		answer: &kmsg.MetadataResponse{AuthorizedOperations: clusterBits},
		want:   &kmsg.MetadataResponse{AuthorizedOperations: clusterBits &^ (1<<access.OpAlter | 1<<access.OpCreate)}},
	{name: "operations on a cluster that may not be described", from: 8, to: 10, q: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		denied: []string{clusterDescribe}, passes: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		answer: &kmsg.MetadataResponse{AuthorizedOperations: clusterBits}, want: &kmsg.MetadataResponse{}},
	{name: "operations on a cluster of which nothing could be decided", from: 8, to: 10, q: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		refused: []string{clusterDescribe}, passes: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		answer: &kmsg.MetadataResponse{AuthorizedOperations: clusterBits}, want: &kmsg.MetadataResponse{AuthorizedOperations: noBits}},
}

const createInCluster = "CREATE CLUSTER kafka-cluster"

var creationDenials = []denialCase{
	{name: "a new topic that may not be created", from: 4, q: creating("new"), denied: []string{createInCluster, "CREATE TOPIC new"},
		passes: asking("new"), answer: told(not("new", 3)), want: told(not("new", 29))},
	{name: "it exists all the same", from: 4, q: creating("new"), denied: []string{createInCluster, "CREATE TOPIC new"},
		passes: asking("new"), answer: told(there("new", idOfC)), want: told(there("new", idOfC))},
	{name: "it could not be decided", from: 4, q: creating("new"), denied: []string{createInCluster}, refused: []string{"CREATE TOPIC new"},
		passes: asking("new"), answer: told(not("new", 3)), want: told(not("new", 5))},
	{name: "a topic that was seen and is gone", from: 4, q: creating("a"), knows: []access.Topic{topicA},
		denied: []string{createInCluster, "CREATE TOPIC a"}, passes: asking("a"), answer: told(not("a", 3)), want: told(not("a", 29))},
	{name: "another may be created, and is, before", from: 4, q: creating("new", "a", "other", "secret"), knows: []access.Topic{topicA},
		denied: []string{createInCluster, "CREATE TOPIC new", "DESCRIBE TOPIC secret"},
		asks:   []kmsg.Request{creating("other")}, hears: []kmsg.Response{told(not("other", 3))}, passes: asking("new", "a", "other"),
		answer: told(there("a", idOfA), not("new", 3), not("other", 3)),
		want:   told(there("a", idOfA), not("other", 3), not("new", 29), not("secret", 29))},
	{name: "the oldest clients cannot ask without creating", from: 1, to: 3, q: asking("new", "a", "here", "other"), knows: []access.Topic{topicA},
		denied: []string{createInCluster, "CREATE TOPIC new", "CREATE TOPIC here"}, asks: []kmsg.Request{asking("here", "new")},
		hears: []kmsg.Response{told(not("here", 5), not("new", 3))}, passes: asking("a", "here", "other"),
		answer: told(there("a", idOfA), not("here", 5), not("other", 3)), want: told(there("a", idOfA), not("here", 5), not("other", 3), not("new", 29))},
	{name: "an internal topic", from: 1, to: 3, q: asking("__consumer_offsets"),
		denied: []string{createInCluster, "CREATE TOPIC __consumer_offsets"}, asks: []kmsg.Request{asking("__consumer_offsets")},
		hears: []kmsg.Response{told(not("__consumer_offsets", 3))}, passes: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}},
		answer: told(), want: told(mdTopic{Topic: ptr("__consumer_offsets"), ErrorCode: 29, IsInternal: true, AuthorizedOperations: noBits})},
}
