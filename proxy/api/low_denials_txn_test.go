package api

import "github.com/twmb/franz-go/pkg/kmsg"

type (
	apTopic   = kmsg.AddPartitionsToTxnRequestTopic
	apAnswer  = kmsg.AddPartitionsToTxnResponseTopic
	apPart    = kmsg.AddPartitionsToTxnResponseTopicPartition
	apTxn     = kmsg.AddPartitionsToTxnRequestTransaction
	apDone    = kmsg.AddPartitionsToTxnResponseTransaction
	apInner   = kmsg.AddPartitionsToTxnRequestTransactionTopic
	apDoneIn  = kmsg.AddPartitionsToTxnResponseTransactionTopic
	apDonePar = kmsg.AddPartitionsToTxnResponseTransactionTopicPartition
	wmMarker  = kmsg.WriteTxnMarkersRequestMarker
	wmTopic   = kmsg.WriteTxnMarkersRequestMarkerTopic
	wmAnswer  = kmsg.WriteTxnMarkersResponseMarker
	wmDone    = kmsg.WriteTxnMarkersResponseMarkerTopic
	wmPart    = kmsg.WriteTxnMarkersResponseMarkerTopicPartition
)

func adding(topics ...apTopic) *kmsg.AddPartitionsToTxnRequest {
	return &kmsg.AddPartitionsToTxnRequest{TransactionalID: "t", ProducerID: 4, ProducerEpoch: 1, Topics: topics}
}

func addingAll(txns ...apTxn) *kmsg.AddPartitionsToTxnRequest {
	return &kmsg.AddPartitionsToTxnRequest{Transactions: txns}
}

func txnOf(id string, topics ...apInner) apTxn {
	return apTxn{TransactionalID: id, ProducerID: 4, Topics: topics}
}

func added(topics ...apAnswer) *kmsg.AddPartitionsToTxnResponse {
	return &kmsg.AddPartitionsToTxnResponse{Topics: topics}
}

// has is the broker's answer to whether topics exist, with their partitions.
func has(name string, partitions ...int32) mdTopic {
	t := mdTopic{Topic: &name}
	for _, p := range partitions {
		t.Partitions = append(t.Partitions, kmsg.MetadataResponseTopicPartition{Partition: p})
	}
	return t
}

const (
	writeT    = "WRITE TRANSACTIONAL_ID t"
	idemWrite = "IDEMPOTENT_WRITE CLUSTER kafka-cluster"
)

var txnDenials = []denialCase{
	{name: "transactional id", q: &kmsg.InitProducerIDRequest{TransactionalID: ptr("t"), ProducerID: -1, ProducerEpoch: -1}, denied: []string{writeT},
		want: &kmsg.InitProducerIDResponse{ErrorCode: 53, ProducerID: -1, ProducerEpoch: -1}},
	{name: "transactional id refused", q: &kmsg.InitProducerIDRequest{TransactionalID: ptr("t")}, refused: []string{writeT},
		want: &kmsg.InitProducerIDResponse{ErrorCode: 14, ProducerID: -1, ProducerEpoch: -1}},
	{name: "none refused", q: &kmsg.InitProducerIDRequest{}, refused: []string{idemWrite},
		want: &kmsg.InitProducerIDResponse{ErrorCode: 14, ProducerID: -1, ProducerEpoch: -1}},

	{name: "transactional id", to: 3, q: adding(apTopic{Topic: "a", Partitions: []int32{0, 1}}, apTopic{Topic: "b", Partitions: []int32{2}}), denied: []string{writeT, "WRITE TOPIC b"},
		want: added(apAnswer{Topic: "a", Partitions: []apPart{{Partition: 0, ErrorCode: 53}, {Partition: 1, ErrorCode: 53}}},
			apAnswer{Topic: "b", Partitions: []apPart{{Partition: 2, ErrorCode: 53}}})},
	{name: "all topics", to: 3, q: adding(apTopic{Topic: "a", Partitions: []int32{0, 1, 0}}), denied: []string{"WRITE TOPIC a"},
		want: added(apAnswer{Topic: "a", Partitions: []apPart{{Partition: 1, ErrorCode: 29}, {Partition: 0, ErrorCode: 29}}})},
	{name: "mixed: nothing is done, and what is not there is told", to: 3,
		q: adding(apTopic{Topic: "b", Partitions: []int32{0, 7}}, apTopic{Topic: "a", Partitions: []int32{0}}, apTopic{Topic: "gone", Partitions: []int32{0}},
			apTopic{Topic: "busy", Partitions: []int32{3}}, apTopic{Topic: "b", Partitions: []int32{1, 0}}),
		denied: []string{"WRITE TOPIC a"}, asks: []kmsg.Request{asking("b", "busy", "gone")},
		hears: []kmsg.Response{told(has("b", 0, 1), not("busy", 5), not("gone", 3))},
		want: added(apAnswer{Topic: "a", Partitions: []apPart{{Partition: 0, ErrorCode: 29}}},
			apAnswer{Topic: "b", Partitions: []apPart{{Partition: 1, ErrorCode: 55}, {Partition: 0, ErrorCode: 55}, {Partition: 7, ErrorCode: 3}}},
			apAnswer{Topic: "busy", Partitions: []apPart{{Partition: 3, ErrorCode: 55}}}, apAnswer{Topic: "gone", Partitions: []apPart{{Partition: 0, ErrorCode: 3}}})},
	{name: "a denied topic without partitions denies nothing", to: 3, q: adding(apTopic{Topic: "a"}), denied: []string{"WRITE TOPIC a"}, passes: adding(apTopic{Topic: "a"}),
		answer: added(apAnswer{Topic: "a"}), want: added(apAnswer{Topic: "a"})},
	{name: "refused", to: 3, q: adding(apTopic{Topic: "a", Partitions: []int32{0}}), refused: []string{writeT},
		want: added(apAnswer{Topic: "a", Partitions: []apPart{{Partition: 0, ErrorCode: 14}}})},
	{name: "between brokers", from: 4, q: addingAll(txnOf("t", apInner{Topic: "a", Partitions: []int32{0}})), denied: []string{clusterAction},
		want: &kmsg.AddPartitionsToTxnResponse{ErrorCode: 31}},
	{name: "between brokers, refused", from: 4, q: addingAll(txnOf("t")), refused: []string{clusterAction}, want: &kmsg.AddPartitionsToTxnResponse{ErrorCode: 14}},
	{name: "between brokers, some", from: 4, denied: []string{writeT, "WRITE TOPIC b"},
		q: addingAll(txnOf("t", apInner{Topic: "a", Partitions: []int32{0}}), txnOf("u", apInner{Topic: "a", Partitions: []int32{0}}),
			txnOf("v", apInner{Topic: "a", Partitions: []int32{0}}, apInner{Topic: "b", Partitions: []int32{1}})),
		passes: addingAll(txnOf("u", apInner{Topic: "a", Partitions: []int32{0}})),
		answer: &kmsg.AddPartitionsToTxnResponse{Transactions: []apDone{{TransactionalID: "u", Topics: []apDoneIn{{Topic: "a", Partitions: []apDonePar{{}}}}}}},
		want: &kmsg.AddPartitionsToTxnResponse{Transactions: []apDone{{TransactionalID: "u", Topics: []apDoneIn{{Topic: "a", Partitions: []apDonePar{{}}}}},
			{TransactionalID: "t", Topics: []apDoneIn{{Topic: "a", Partitions: []apDonePar{{ErrorCode: 53}}}}},
			{TransactionalID: "v", Topics: []apDoneIn{{Topic: "a", Partitions: []apDonePar{{ErrorCode: 55}}}, {Topic: "b", Partitions: []apDonePar{{Partition: 1, ErrorCode: 29}}}}}}}},

	{name: "transactional id", q: &kmsg.AddOffsetsToTxnRequest{TransactionalID: "t", Group: "g"}, denied: append([]string{writeT}, readOnG...),
		want: &kmsg.AddOffsetsToTxnResponse{ErrorCode: 53}},
	{name: "group", q: &kmsg.AddOffsetsToTxnRequest{TransactionalID: "t", Group: "g"}, denied: readOnG, want: &kmsg.AddOffsetsToTxnResponse{ErrorCode: 30}},
	{name: "refused", q: &kmsg.AddOffsetsToTxnRequest{TransactionalID: "t", Group: "g"}, refused: readOnG, want: &kmsg.AddOffsetsToTxnResponse{ErrorCode: 14}},
	{name: "commit", q: &kmsg.EndTxnRequest{TransactionalID: "t", Commit: true}, denied: []string{writeT},
		want: &kmsg.EndTxnResponse{ErrorCode: 53, ProducerID: -1, ProducerEpoch: -1}},
	{name: "abort of what it never might begin", q: &kmsg.EndTxnRequest{TransactionalID: "t"}, denied: []string{writeT},
		want: &kmsg.EndTxnResponse{ErrorCode: 53, ProducerID: -1, ProducerEpoch: -1}},
	{name: "refused", q: &kmsg.EndTxnRequest{TransactionalID: "t"}, refused: []string{writeT}, want: &kmsg.EndTxnResponse{ErrorCode: 14, ProducerID: -1, ProducerEpoch: -1}},

	{name: "denied: of two markers of a producer the last counts", denied: []string{clusterAlter, clusterAction},
		q: &kmsg.WriteTxnMarkersRequest{Markers: []wmMarker{{ProducerID: 4, Topics: []wmTopic{{Topic: "a", Partitions: []int32{0}}}},
			{ProducerID: 5, Topics: []wmTopic{{Topic: "b", Partitions: []int32{1, 1}}, {Topic: "c", Partitions: []int32{0}}, {Topic: "b", Partitions: []int32{2}}}},
			{ProducerID: 4, Topics: []wmTopic{{Topic: "d", Partitions: []int32{3}}}}}},
		want: &kmsg.WriteTxnMarkersResponse{Markers: []wmAnswer{{ProducerID: 4, Topics: []wmDone{{Topic: "d", Partitions: []wmPart{{Partition: 3, ErrorCode: 31}}}}},
			{ProducerID: 5, Topics: []wmDone{{Topic: "b", Partitions: []wmPart{{Partition: 1, ErrorCode: 31}, {Partition: 2, ErrorCode: 31}}}, {Topic: "c", Partitions: []wmPart{{ErrorCode: 31}}}}}}}},
	{name: "a topic denied by a policy of ours", denied: []string{"NONE TOPIC a"},
		q:    &kmsg.WriteTxnMarkersRequest{Markers: []wmMarker{{ProducerID: 4, Topics: []wmTopic{{Topic: "a", Partitions: []int32{0}}}}}},
		want: &kmsg.WriteTxnMarkersResponse{Markers: []wmAnswer{{ProducerID: 4, Topics: []wmDone{{Topic: "a", Partitions: []wmPart{{ErrorCode: 31}}}}}}}},
	{name: "refused", q: &kmsg.WriteTxnMarkersRequest{Markers: []wmMarker{{}}}, refused: []string{clusterAlter, clusterAction}, ends: errRefused},
}
