package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type (
	ocTopic  = kmsg.OffsetCommitRequestTopic
	ocAnswer = kmsg.OffsetCommitResponseTopic
	tcTopic  = kmsg.TxnOffsetCommitRequestTopic
	tcAnswer = kmsg.TxnOffsetCommitResponseTopic
)

func commit(topics ...ocTopic) *kmsg.OffsetCommitRequest {
	return &kmsg.OffsetCommitRequest{Group: "g", Generation: 3, MemberID: "m", RetentionTimeMillis: -1, Topics: topics}
}

func committing(topic string, id [16]byte, partitions ...int32) ocTopic {
	t := ocTopic{Topic: topic, TopicID: id}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: p, Offset: 8, LeaderEpoch: -1, Timestamp: -1})
	}
	return t
}

func committed(topic string, id [16]byte, code int16, partitions ...int32) ocAnswer {
	t := ocAnswer{Topic: topic, TopicID: id}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p, ErrorCode: code})
	}
	return t
}

func txnCommit(topics ...tcTopic) *kmsg.TxnOffsetCommitRequest {
	return &kmsg.TxnOffsetCommitRequest{TransactionalID: "t", Group: "g", ProducerID: 4, Generation: -1, Topics: topics}
}

func txnCommitting(topic string, id [16]byte, partitions ...int32) tcTopic {
	t := tcTopic{Topic: topic, TopicID: id}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.TxnOffsetCommitRequestTopicPartition{Partition: p, Offset: 8, LeaderEpoch: -1})
	}
	return t
}

func txnCommitted(topic string, id [16]byte, code int16, partitions ...int32) tcAnswer {
	t := tcAnswer{Topic: topic, TopicID: id}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p, ErrorCode: code})
	}
	return t
}

var (
	none    [16]byte
	known   = []access.Topic{topicA, topicB, {Name: "c", ID: idOfC}}
	byIDs   = []string{"READ TOPIC a", "READ TOPIC"}
	readOnG = []string{"READ GROUP g"}
)

// In the answers that a broker gives, "c" is one that it does not know, and the others were committed.
var offsetDenials = join(commitDenials, txnCommitDenials, fetchDenials)

var commitDenials = []denialCase{
	{name: "group", to: 9, q: commit(committing("a", none, 0, 1), committing("b", none, 2), committing("a", none, 0)), denied: readOnG,
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("a", none, 30, 0, 1), committed("b", none, 30, 2), committed("a", none, 30, 0)}}},
	{name: "group, by id", from: 10, q: commit(committing("", idOfA, 0), committing("", strangeID, 1)), denied: readOnG, knows: known,
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("", idOfA, 30, 0), committed("", strangeID, 30, 1)}}},
	{name: "group and topics", to: 9, q: commit(committing("a", none, 0)), denied: append([]string{"READ TOPIC a"}, readOnG...),
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("a", none, 30, 0)}}},
	{name: "group without topics", q: commit(), denied: readOnG, want: &kmsg.OffsetCommitResponse{}},
	{name: "topics", to: 9, q: commit(committing("a", none, 0, 1), committing("b", none, 2), committing("a", none, 0)), denied: []string{"READ TOPIC a", "READ TOPIC b"},
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("a", none, 29, 0, 1, 0), committed("b", none, 29, 2)}}},
	{name: "mixed: failures as they were asked for, then what was committed", to: 9,
		q:      commit(committing("b", none, 0), committing("a", none, 0), committing("c", none, 5), committing("", none, 6), committing("a", none, 1)),
		denied: []string{"READ TOPIC a", "READ TOPIC"}, passes: commit(committing("b", none, 0), committing("c", none, 5)),
		answer: &kmsg.OffsetCommitResponse{ThrottleMillis: 5, Topics: []ocAnswer{committed("c", none, 3, 5), committed("b", none, 0, 0)}},
		want: &kmsg.OffsetCommitResponse{ThrottleMillis: 5, Topics: []ocAnswer{
			committed("a", none, 29, 0, 1), committed("c", none, 3, 5), committed("", none, 29, 6), committed("b", none, 0, 0)}}},
	{name: "mixed, by id", from: 10, knows: known, denied: byIDs,
		q:      commit(committing("", idOfB, 0), committing("", strangeID, 4), committing("", idOfA, 0), committing("", none, 5)),
		passes: commit(committing("", idOfB, 0)),
		answer: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("", idOfB, 0, 0)}},
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{
			committed("", strangeID, 100, 4), committed("", idOfA, 29, 0), committed("", none, 100, 5), committed("", idOfB, 0, 0)}}},
	{name: "an id that only the broker does not know", from: 10, knows: known, denied: []string{"READ TOPIC a"},
		q:      commit(committing("", idOfB, 0), committing("", idOfC, 4), committing("", idOfA, 0)),
		passes: commit(committing("", idOfB, 0), committing("", idOfC, 4)),
		answer: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("", idOfC, 100, 4), committed("", idOfB, 0, 0)}},
		want:   &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("", idOfC, 100, 4), committed("", idOfA, 29, 0), committed("", idOfB, 0, 0)}}},
	{name: "group refused", to: 9, q: commit(committing("a", none, 0)), refused: readOnG,
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("a", none, 14, 0)}}},
	{name: "topic refused", from: 10, knows: known, q: commit(committing("", idOfA, 0), committing("", strangeID, 0)), refused: byIDs,
		want: &kmsg.OffsetCommitResponse{Topics: []ocAnswer{committed("", idOfA, 14, 0), committed("", strangeID, 14, 0)}}},
}

var txnCommitDenials = []denialCase{
	{name: "transactional id", to: 5, q: txnCommit(txnCommitting("a", none, 0), txnCommitting("b", none, 1)), denied: append([]string{"WRITE TRANSACTIONAL_ID t"}, readOnG...),
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("a", none, 53, 0), txnCommitted("b", none, 53, 1)}}},
	{name: "group", to: 5, q: txnCommit(txnCommitting("a", none, 0), txnCommitting("b", none, 1)), denied: append([]string{"READ TOPIC a"}, readOnG...),
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("a", none, 30, 0), txnCommitted("b", none, 30, 1)}}},
	{name: "topics", to: 5, q: txnCommit(txnCommitting("a", none, 0), txnCommitting("a", none, 1)), denied: []string{"READ TOPIC a"},
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("a", none, 29, 0, 1)}}},
	{name: "mixed", to: 5, q: txnCommit(txnCommitting("b", none, 0), txnCommitting("c", none, 5), txnCommitting("a", none, 0)),
		denied: []string{"READ TOPIC a"}, passes: txnCommit(txnCommitting("b", none, 0), txnCommitting("c", none, 5)),
		answer: &kmsg.TxnOffsetCommitResponse{ThrottleMillis: 5, Topics: []tcAnswer{txnCommitted("c", none, 3, 5), txnCommitted("b", none, 0, 0)}},
		want: &kmsg.TxnOffsetCommitResponse{ThrottleMillis: 5, Topics: []tcAnswer{
			txnCommitted("c", none, 3, 5), txnCommitted("a", none, 29, 0), txnCommitted("b", none, 0, 0)}}},
	{name: "mixed, by id", from: 6, knows: known, q: txnCommit(txnCommitting("", idOfB, 0), txnCommitting("", strangeID, 5), txnCommitting("", idOfA, 0)),
		denied: byIDs, passes: txnCommit(txnCommitting("", idOfB, 0)),
		answer: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("", idOfB, 0, 0)}},
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{
			txnCommitted("", strangeID, 100, 5), txnCommitted("", idOfA, 29, 0), txnCommitted("", idOfB, 0, 0)}}},
	{name: "refused, to clients that cannot bear it", to: 1, q: txnCommit(txnCommitting("a", none, 0)), refused: readOnG,
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("a", none, 15, 0)}}},
	{name: "refused", from: 2, to: 5, q: txnCommit(txnCommitting("a", none, 0)), refused: readOnG,
		want: &kmsg.TxnOffsetCommitResponse{Topics: []tcAnswer{txnCommitted("a", none, 14, 0)}}},
}

type (
	ofTopic   = kmsg.OffsetFetchRequestTopic
	ofAnswer  = kmsg.OffsetFetchResponseTopic
	ogGroup   = kmsg.OffsetFetchRequestGroup
	ogTopic   = kmsg.OffsetFetchRequestGroupTopic
	ogAnswer  = kmsg.OffsetFetchResponseGroup
	ogFetched = kmsg.OffsetFetchResponseGroupTopic
)

func wantOffsets(topics ...string) *kmsg.OffsetFetchRequest {
	q := &kmsg.OffsetFetchRequest{Group: "g", RequireStable: true, Topics: []ofTopic{}}
	for _, t := range topics {
		q.Topics = append(q.Topics, ofTopic{Topic: t, Partitions: []int32{0, 3}})
	}
	return q
}

func offsetsTold(topic string, code int16, offset int64) ofAnswer {
	t := ofAnswer{Topic: topic}
	for _, p := range []int32{0, 3} {
		t.Partitions = append(t.Partitions, kmsg.OffsetFetchResponseTopicPartition{Partition: p, Offset: offset, LeaderEpoch: -1, Metadata: ptr(""), ErrorCode: code})
	}
	return t
}

func group(name string, topics ...ogTopic) ogGroup {
	return ogGroup{Group: name, MemberID: ptr("m"), MemberEpoch: 2, Topics: topics}
}

func offsetsIn(topic string, id [16]byte) ogTopic {
	return ogTopic{Topic: topic, TopicID: id, Partitions: []int32{0, 3}}
}

func fetched(topic string, id [16]byte, code int16, offset int64) ogFetched {
	t := ogFetched{Topic: topic, TopicID: id}
	for _, p := range []int32{0, 3} {
		t.Partitions = append(t.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition{Partition: p, Offset: offset, LeaderEpoch: -1, Metadata: ptr(""), ErrorCode: code})
	}
	return t
}

func groups(list ...ogGroup) *kmsg.OffsetFetchRequest { return &kmsg.OffsetFetchRequest{Groups: list} }

func groupsTold(list ...ogAnswer) *kmsg.OffsetFetchResponse {
	return &kmsg.OffsetFetchResponse{ThrottleMillis: 5, Groups: list}
}

var fetchDenials = []denialCase{
	{name: "group, where there is no place for its error", to: 1, q: wantOffsets("a", "b"), denied: []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC a"},
		want: &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("a", 30, -1), offsetsTold("b", 30, -1)}}},
	{name: "group", from: 2, to: 7, q: wantOffsets("a", "b"), denied: []string{"DESCRIBE GROUP g"}, want: &kmsg.OffsetFetchResponse{ErrorCode: 30}},
	{name: "group, all topics", from: 2, to: 7, q: &kmsg.OffsetFetchRequest{Group: "g"}, denied: []string{"DESCRIBE GROUP g"}, want: &kmsg.OffsetFetchResponse{ErrorCode: 30}},
	{name: "group refused", from: 2, to: 7, q: wantOffsets("a"), refused: []string{"DESCRIBE GROUP g"}, want: &kmsg.OffsetFetchResponse{ErrorCode: 14}},
	{name: "mixed: denied last", to: 7, q: wantOffsets("a", "b", "a", ""), denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"}, passes: wantOffsets("b"),
		answer: &kmsg.OffsetFetchResponse{ThrottleMillis: 5, Topics: []ofAnswer{offsetsTold("b", 0, 42)}},
		want: &kmsg.OffsetFetchResponse{ThrottleMillis: 5, Topics: []ofAnswer{
			offsetsTold("b", 0, 42), offsetsTold("a", 29, -1), offsetsTold("a", 29, -1), offsetsTold("", 29, -1)}}},
	{name: "all topics denied: none are asked for, not all", to: 7, q: wantOffsets("a"), denied: []string{"DESCRIBE TOPIC a"}, passes: wantOffsets(),
		answer: &kmsg.OffsetFetchResponse{}, want: &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("a", 29, -1)}}},
	{name: "the group has an error of its own", from: 2, to: 7, q: wantOffsets("a"), denied: []string{"DESCRIBE TOPIC a"}, passes: wantOffsets(),
		answer: &kmsg.OffsetFetchResponse{ErrorCode: 16}, want: &kmsg.OffsetFetchResponse{ErrorCode: 16}},
	{name: "topic refused", to: 7, q: wantOffsets("a"), refused: []string{"DESCRIBE TOPIC a"}, passes: wantOffsets(),
		answer: &kmsg.OffsetFetchResponse{}, want: &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("a", 14, -1)}}},
	{name: "all: the denied are not there", from: 2, to: 7, q: &kmsg.OffsetFetchRequest{Group: "g"}, denied: []string{"DESCRIBE TOPIC a"}, passes: &kmsg.OffsetFetchRequest{Group: "g"},
		answer: &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("a", 0, 1), offsetsTold("b", 0, 42)}},
		want:   &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("b", 0, 42)}}},
	{name: "all: nothing could be decided of one", from: 2, to: 7, q: &kmsg.OffsetFetchRequest{Group: "g"}, refused: []string{"DESCRIBE TOPIC a"}, passes: &kmsg.OffsetFetchRequest{Group: "g"},
		answer: &kmsg.OffsetFetchResponse{Topics: []ofAnswer{offsetsTold("a", 0, 1), offsetsTold("b", 0, 42)}}, want: &kmsg.OffsetFetchResponse{ErrorCode: 14}},

	{name: "groups", from: 8, q: groups(group("g"), group("h", offsetsIn("a", idOfA))), denied: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"}, knows: known,
		want: &kmsg.OffsetFetchResponse{Groups: []ogAnswer{{Group: "g", ErrorCode: 30}, {Group: "h", ErrorCode: 30}}}},
	{name: "some groups, some topics", from: 8, to: 9,
		q:       groups(group("g", offsetsIn("a", none)), group("h", offsetsIn("a", none), offsetsIn("b", none)), group("i", offsetsIn("a", none)), group("j", offsetsIn("b", none))),
		denied:  []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC a"},
		refused: []string{"DESCRIBE GROUP j"},
		passes:  groups(group("h", offsetsIn("b", none)), ogGroup{Group: "i", MemberID: ptr("m"), MemberEpoch: 2, Topics: []ogTopic{}}),
		answer:  groupsTold(ogAnswer{Group: "h", Topics: []ogFetched{fetched("b", none, 0, 42)}}, ogAnswer{Group: "i", ErrorCode: 16}),
		want: groupsTold(ogAnswer{Group: "g", ErrorCode: 30}, ogAnswer{Group: "h", Topics: []ogFetched{fetched("b", none, 0, 42), fetched("a", none, 29, -1)}},
			ogAnswer{Group: "i", ErrorCode: 16}, ogAnswer{Group: "j", ErrorCode: 14})},
	{name: "by id: failures as they were asked for, behind the others", from: 10, knows: known, denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"},
		q:      groups(group("g", offsetsIn("", idOfA), offsetsIn("", idOfC), offsetsIn("", strangeID), offsetsIn("", idOfB), offsetsIn("", none))),
		passes: groups(group("g", offsetsIn("", idOfC), offsetsIn("", idOfB))),
		answer: groupsTold(ogAnswer{Group: "g", Topics: []ogFetched{fetched("", idOfB, 0, 42), fetched("", idOfC, 100, -1)}}),
		want: groupsTold(ogAnswer{Group: "g", Topics: []ogFetched{fetched("", idOfB, 0, 42), fetched("", idOfA, 29, -1), fetched("", idOfC, 100, -1),
			fetched("", strangeID, 100, -1), fetched("", none, 100, -1)}})},
	{name: "all topics of some groups", from: 8, to: 9, q: groups(group("g"), group("h", offsetsIn("b", none))), denied: []string{"DESCRIBE TOPIC a"},
		passes: groups(group("g"), group("h", offsetsIn("b", none))),
		answer: groupsTold(ogAnswer{Group: "g", Topics: []ogFetched{fetched("a", none, 0, 1), fetched("b", none, 0, 2)}}, ogAnswer{Group: "h", Topics: []ogFetched{fetched("b", none, 0, 3)}}),
		want:   groupsTold(ogAnswer{Group: "g", Topics: []ogFetched{fetched("b", none, 0, 2)}}, ogAnswer{Group: "h", Topics: []ogFetched{fetched("b", none, 0, 3)}})},
	{name: "all topics by id: one has no name here", from: 10, q: groups(group("g")), denied: []string{"DESCRIBE TOPIC"}, passes: groups(group("g")), knows: known,
		answer: groupsTold(ogAnswer{Group: "g", Topics: []ogFetched{fetched("", idOfA, 0, 1), fetched("", strangeID, 0, 2)}}),
		want:   groupsTold(ogAnswer{Group: "g", ErrorCode: 14})},
}
