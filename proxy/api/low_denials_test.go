package api

import (
	"testing"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestLowDenials(t *testing.T) { holdDenials(t, lowDenials, lowRows) }

var lowDenials = join(partitionDenials, metadataDenials, creationDenials, offsetDenials, coordinatorDenials, memberDenials,
	txnDenials, topicDenials, configDenials, aclDenials)

// answersNot are the APIs that ask for something and have no answer to a denial, each with its reason. If an action of theirs
// is denied all the same, the connection ends.
var answersNot = map[kmsg.Key]string{
	kmsg.ListTransactions: "all that it asks for is noted; what its answer lists is filtered",
}

func TestWhatAsksAnswersDenials(t *testing.T) {
	for _, a := range Table {
		if a == nil {
			continue
		}
		_, nothing := asksNothing[kmsg.Key(a.Key)]
		switch own := scanned[a.Key] != nil || a.enforce != nil; {
		case nothing && a.enforce != nil:
			t.Errorf("%s asks for nothing, and answers denials", a.Name())
		case own && answersNot[kmsg.Key(a.Key)] != "":
			t.Errorf("%s answers denials, and is said not to", a.Name())
		case !nothing && !own && answersNot[kmsg.Key(a.Key)] == "":
			t.Errorf("%s has no answer to a denial, and no reason for that", a.Name())
		}
	}
}

var (
	topicA    = access.Topic{Name: "a", ID: idOfA}
	topicB    = access.Topic{Name: "b", ID: idOfB}
	idOfC     = [16]byte{3}
	strangeID = [16]byte{9}
)

func listOffsets(replica int32, topics ...string) *kmsg.ListOffsetsRequest {
	q := &kmsg.ListOffsetsRequest{ReplicaID: replica, IsolationLevel: 1, TimeoutMillis: 9}
	for _, t := range topics {
		q.Topics = append(q.Topics, kmsg.ListOffsetsRequestTopic{Topic: t, Partitions: []kmsg.ListOffsetsRequestTopicPartition{
			{Partition: 0, Timestamp: -1, CurrentLeaderEpoch: 3}, {Partition: 7, Timestamp: -2}}})
	}
	return q
}

func listedOffsets(topic string, code int16) kmsg.ListOffsetsResponseTopic {
	return kmsg.ListOffsetsResponseTopic{Topic: topic, Partitions: []kmsg.ListOffsetsResponseTopicPartition{
		{Partition: 0, ErrorCode: code, Timestamp: -1, Offset: -1, LeaderEpoch: -1}, {Partition: 7, ErrorCode: code, Timestamp: -1, Offset: -1, LeaderEpoch: -1}}}
}

func leaderEpochs(replica int32, topics ...string) *kmsg.OffsetForLeaderEpochRequest {
	q := &kmsg.OffsetForLeaderEpochRequest{ReplicaID: replica}
	for _, t := range topics {
		q.Topics = append(q.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: t, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{
			{Partition: 0, LeaderEpoch: 3}, {Partition: 7, LeaderEpoch: 1}}})
	}
	return q
}

func toldEpochs(topic string, code int16) kmsg.OffsetForLeaderEpochResponseTopic {
	return kmsg.OffsetForLeaderEpochResponseTopic{Topic: topic, Partitions: []kmsg.OffsetForLeaderEpochResponseTopicPartition{
		{Partition: 0, ErrorCode: code, LeaderEpoch: -1, EndOffset: -1}, {Partition: 7, ErrorCode: code, LeaderEpoch: -1, EndOffset: -1}}}
}

const clusterAction = "CLUSTER_ACTION CLUSTER kafka-cluster"

var partitionDenials = []denialCase{
	{name: "denied", q: listOffsets(-1, "b", "a", "b"), denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC b"},
		want: &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{listedOffsets("b", 29), listedOffsets("a", 29), listedOffsets("b", 29)}}},
	{name: "mixed: denied last", q: listOffsets(-1, "a", "", "b", "c"), denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"},
		refused: []string{"DESCRIBE TOPIC c"}, passes: listOffsets(-1, "b"),
		answer: &kmsg.ListOffsetsResponse{ThrottleMillis: 5, Topics: []kmsg.ListOffsetsResponseTopic{{Topic: "b",
			Partitions: []kmsg.ListOffsetsResponseTopicPartition{{Partition: 0, Timestamp: 1, Offset: 42, LeaderEpoch: 3}}}}},
		want: &kmsg.ListOffsetsResponse{ThrottleMillis: 5, Topics: []kmsg.ListOffsetsResponseTopic{
			{Topic: "b", Partitions: []kmsg.ListOffsetsResponseTopicPartition{{Partition: 0, Timestamp: 1, Offset: 42, LeaderEpoch: 3}}},
			listedOffsets("a", 29), listedOffsets("", 29), listedOffsets("c", 6)}}},
	{name: "a follower that may not be one", q: listOffsets(2, "a", "b"), denied: []string{clusterAction},
		want: &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{listedOffsets("a", 29), listedOffsets("b", 29)}}},
	{name: "refused", q: listOffsets(-1, "a"), refused: []string{"DESCRIBE TOPIC a"},
		want: &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{listedOffsets("a", 6)}}},

	{name: "denied", q: leaderEpochs(-1, "b", "a"), denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC b", clusterAction},
		want: &kmsg.OffsetForLeaderEpochResponse{Topics: []kmsg.OffsetForLeaderEpochResponseTopic{toldEpochs("b", 29), toldEpochs("a", 29)}}},
	{name: "mixed: denied last", q: leaderEpochs(-1, "a", "b", "a"), denied: []string{"DESCRIBE TOPIC a", clusterAction},
		passes: leaderEpochs(-1, "b"),
		answer: &kmsg.OffsetForLeaderEpochResponse{ThrottleMillis: 5, Topics: []kmsg.OffsetForLeaderEpochResponseTopic{toldEpochs("b", 3)}},
		want: &kmsg.OffsetForLeaderEpochResponse{ThrottleMillis: 5, Topics: []kmsg.OffsetForLeaderEpochResponseTopic{
			toldEpochs("b", 3), toldEpochs("a", 29), toldEpochs("a", 29)}}},
	{name: "a follower that may not be one", from: 3, q: leaderEpochs(2, "a"), denied: []string{clusterAction},
		want: &kmsg.OffsetForLeaderEpochResponse{Topics: []kmsg.OffsetForLeaderEpochResponseTopic{toldEpochs("a", 29)}}},
	{name: "refused", q: leaderEpochs(-1, "a"), refused: []string{"DESCRIBE TOPIC a", clusterAction},
		want: &kmsg.OffsetForLeaderEpochResponse{Topics: []kmsg.OffsetForLeaderEpochResponseTopic{toldEpochs("a", 6)}}},
}
