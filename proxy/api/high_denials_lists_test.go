package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

type (
	txn      = kmsg.DescribeTransactionsResponseTransactionState
	txnTopic = kmsg.DescribeTransactionsResponseTransactionStateTopic
	listed   = kmsg.ListTransactionsResponseTransactionState
	dtpTopic = kmsg.DescribeTopicPartitionsResponseTopic
	dtpPart  = kmsg.DescribeTopicPartitionsResponseTopicPartition
	cursor   = kmsg.DescribeTopicPartitionsRequestCursor
	next     = kmsg.DescribeTopicPartitionsResponseNextCursor
)

func topicsAt(c *cursor, topics ...string) *kmsg.DescribeTopicPartitionsRequest {
	q := &kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: 100, Cursor: c}
	for _, t := range topics {
		q.Topics = append(q.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: t})
	}
	return q
}

func pageOf(n *next, topics ...dtpTopic) *kmsg.DescribeTopicPartitionsResponse {
	return &kmsg.DescribeTopicPartitionsResponse{Topics: topics, NextCursor: n}
}

func shown(name string, bits int32) dtpTopic {
	return dtpTopic{Topic: &name, TopicID: [16]byte{name[0]}, Partitions: []dtpPart{{LeaderID: 1}}, AuthorizedOperations: bits}
}

func notShown(name string, code int16) dtpTopic {
	return dtpTopic{Topic: &name, ErrorCode: code, AuthorizedOperations: noBits}
}

var listDenials = []denialCase{
	{name: "all denied", q: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"t", "", "t"}}, denied: []string{"DESCRIBE TRANSACTIONAL_ID t", "DESCRIBE TRANSACTIONAL_ID"},
		want: &kmsg.DescribeTransactionsResponse{TransactionStates: []txn{{TransactionalID: "t", ErrorCode: 53}, {TransactionalID: "", ErrorCode: 53}, {TransactionalID: "t", ErrorCode: 53}}}},
	{name: "mixed: as asked, and without hidden topics", q: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"a", "no", "b"}},
		denied: []string{"DESCRIBE TRANSACTIONAL_ID no", "DESCRIBE TOPIC hidden"}, passes: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"a", "b"}},
		answer: &kmsg.DescribeTransactionsResponse{ThrottleMillis: 2, TransactionStates: []txn{
			{TransactionalID: "a", State: "Ongoing", ProducerID: 4, Topics: []txnTopic{{Topic: "hidden", Partitions: []int32{0}}, {Topic: "t", Partitions: []int32{1}}}}, {TransactionalID: "b", ErrorCode: 105}}},
		want: &kmsg.DescribeTransactionsResponse{ThrottleMillis: 2, TransactionStates: []txn{
			{TransactionalID: "a", State: "Ongoing", ProducerID: 4, Topics: []txnTopic{{Topic: "t", Partitions: []int32{1}}}}, {TransactionalID: "no", ErrorCode: 53}, {TransactionalID: "b", ErrorCode: 105}}}},
	{name: "refused: an id, a topic", q: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"r", "a", "b"}}, refused: []string{"DESCRIBE TRANSACTIONAL_ID r", "DESCRIBE TOPIC t"},
		passes: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"a", "b"}},
		answer: &kmsg.DescribeTransactionsResponse{TransactionStates: []txn{{TransactionalID: "a", State: "Ongoing", Topics: []txnTopic{{Topic: "u"}, {Topic: "t"}}}, {TransactionalID: "b", State: "Empty"}}},
		want:   &kmsg.DescribeTransactionsResponse{TransactionStates: []txn{{TransactionalID: "r", ErrorCode: 14}, {TransactionalID: "a", ErrorCode: 14}, {TransactionalID: "b", State: "Empty"}}}},

	{name: "some", q: &kmsg.ListTransactionsRequest{StateFilters: []string{"Ongoing", "x"}, DurationFilterMillis: -1}, denied: []string{"DESCRIBE TRANSACTIONAL_ID no"},
		passes: &kmsg.ListTransactionsRequest{StateFilters: []string{"Ongoing", "x"}, DurationFilterMillis: -1},
		answer: &kmsg.ListTransactionsResponse{UnknownStateFilters: []string{"x"}, TransactionStates: []listed{{TransactionalID: "no"}, {TransactionalID: "a", ProducerID: 1}, {TransactionalID: "no"}}},
		want:   &kmsg.ListTransactionsResponse{UnknownStateFilters: []string{"x"}, TransactionStates: []listed{{TransactionalID: "a", ProducerID: 1}}}},
	{name: "one refused", q: &kmsg.ListTransactionsRequest{DurationFilterMillis: -1}, refused: []string{"DESCRIBE TRANSACTIONAL_ID r"}, passes: &kmsg.ListTransactionsRequest{DurationFilterMillis: -1},
		answer: &kmsg.ListTransactionsResponse{ThrottleMillis: 6, TransactionStates: []listed{{TransactionalID: "a"}, {TransactionalID: "r"}}},
		want:   &kmsg.ListTransactionsResponse{ThrottleMillis: 6, ErrorCode: 14}},

	{name: "all denied, in the order of a HashSet", q: topicsAt(nil, "topic-1", "orders", "payments", "orders", ""),
		denied: []string{"DESCRIBE TOPIC topic-1", "DESCRIBE TOPIC orders", "DESCRIBE TOPIC payments", "DESCRIBE TOPIC"},
		want:   pageOf(nil, notShown("", 29), notShown("payments", 29), notShown("orders", 29), notShown("topic-1", 29))},
	{name: "mixed: denied last, and bits", q: topicsAt(nil, "a", "no", "b", "a"), denied: []string{"DESCRIBE TOPIC no", "WRITE TOPIC a"},
		passes: topicsAt(nil, "a", "b"),
		answer: pageOf(nil, shown("a", topicBits), shown("b", topicBits)), want: pageOf(nil, shown("a", topicBits&^(1<<4)), shown("b", topicBits), notShown("no", 29))},
	{name: "the cursor's topic denied", q: topicsAt(&cursor{Topic: "b", Partition: 7}, "a", "b", "c", "no"), denied: []string{"DESCRIBE TOPIC b", "DESCRIBE TOPIC no"},
		passes: topicsAt(nil, "c"), answer: pageOf(nil, shown("c", topicBits)), want: pageOf(nil, shown("c", topicBits), notShown("no", 29), notShown("b", 29))},
	{name: "denied before the cursor", q: topicsAt(&cursor{Topic: "b", Partition: 7}, "a", "b"), denied: []string{"DESCRIBE TOPIC a"},
		passes: topicsAt(&cursor{Topic: "b", Partition: 7}, "b"), answer: pageOf(&next{Topic: "b", Partition: 9}, shown("b", topicBits)), want: pageOf(&next{Topic: "b", Partition: 9}, shown("b", topicBits))},
	{name: "a cursor that is not in the list", q: topicsAt(&cursor{Topic: "x"}, "b", "a", "b"), denied: []string{"DESCRIBE TOPIC a"},
		want: pageOf(nil, notShown("b", 42), notShown("a", 42), notShown("b", 42))},
	{name: "a negative cursor", q: topicsAt(&cursor{Topic: "a", Partition: -1}, "a"), denied: []string{"DESCRIBE TOPIC a"}, want: pageOf(nil, notShown("a", 42))},
	{name: "of all topics some are left out", q: topicsAt(nil), denied: []string{"DESCRIBE TOPIC no", "READ TOPIC a"}, passes: topicsAt(nil),
		answer: pageOf(&next{Topic: "z", Partition: 0}, shown("a", topicBits), shown("no", topicBits), shown("x", topicBits)),
		want:   pageOf(&next{Topic: "z", Partition: 0}, shown("a", topicBits&^(1<<3)), shown("x", topicBits))},
	{name: "of all topics the next one is hidden", q: topicsAt(&cursor{Topic: "a"}), denied: []string{"DESCRIBE TOPIC no", "DESCRIBE TOPIC nono"}, passes: topicsAt(&cursor{Topic: "a"}),
		answer: pageOf(&next{Topic: "nono", Partition: 3}, shown("a", topicBits), shown("no", topicBits)), want: pageOf(&next{Topic: "a\x00", Partition: 0}, shown("a", topicBits))},
	{name: "of all topics a whole page is hidden, and the next one", q: topicsAt(nil), denied: []string{"DESCRIBE TOPIC no", "DESCRIBE TOPIC nono"}, passes: topicsAt(nil),
		answer: pageOf(&next{Topic: "nono"}, shown("no", topicBits)), ends: errHiddenCursor},
	{name: "refused", q: topicsAt(nil, "a", "r"), refused: []string{"DESCRIBE TOPIC r"}, ends: errRefused},
	{name: "of all topics one refused", q: topicsAt(nil), refused: []string{"DESCRIBE TOPIC r"}, passes: topicsAt(nil), answer: pageOf(nil, shown("a", topicBits), shown("r", topicBits)), ends: errRefused},
	{name: "a bit refused", q: topicsAt(nil, "a", "b"), refused: []string{"READ TOPIC a"}, passes: topicsAt(nil, "a", "b"), answer: pageOf(nil, shown("a", topicBits), shown("b", topicBits)), want: pageOf(nil, shown("a", noBits), shown("b", topicBits))},
}
