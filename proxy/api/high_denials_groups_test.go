package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

type (
	deleted  = kmsg.DeleteGroupsResponseGroup
	odTopic  = kmsg.OffsetDeleteRequestTopic
	odPart   = kmsg.OffsetDeleteRequestTopicPartition
	odAnswer = kmsg.OffsetDeleteResponseTopic
	odResult = kmsg.OffsetDeleteResponseTopicPartition
	cgroup   = kmsg.ConsumerGroupDescribeResponseGroup
	cmember  = kmsg.ConsumerGroupDescribeResponseGroupMember
)

const saysHidden = "The group has described topic(s) that the client is not authorized to describe."

func offsetsOf(topics ...odTopic) *kmsg.OffsetDeleteRequest {
	return &kmsg.OffsetDeleteRequest{Group: "g", Topics: topics}
}

// assigned is a member's assignment of topics.
func assigned(topics ...string) (a kmsg.Assignment) {
	for i, t := range topics {
		a.TopicPartitions = append(a.TopicPartitions, kmsg.AssignmentTopicPartition{TopicID: [16]byte{byte(i + 1)}, Topic: t, Partitions: []int32{0}})
	}
	return a
}

var groupDenials = []denialCase{
	{name: "all denied, each once", q: &kmsg.DeleteGroupsRequest{Groups: []string{"h", "g", "h"}}, denied: []string{"DELETE GROUP g", "DELETE GROUP h"},
		want: &kmsg.DeleteGroupsResponse{Groups: []deleted{{Group: "h", ErrorCode: 30}, {Group: "g", ErrorCode: 30}}}},
	{name: "mixed: denied last", q: &kmsg.DeleteGroupsRequest{Groups: []string{"", "a", "g", "b", "a", "g"}}, denied: []string{"DELETE GROUP", "DELETE GROUP g"},
		passes: &kmsg.DeleteGroupsRequest{Groups: []string{"a", "b", "a"}},
		answer: &kmsg.DeleteGroupsResponse{ThrottleMillis: 4, Groups: []deleted{{Group: "b"}, {Group: "a", ErrorCode: 68}}},
		want:   &kmsg.DeleteGroupsResponse{ThrottleMillis: 4, Groups: []deleted{{Group: "b"}, {Group: "a", ErrorCode: 68}, {Group: "", ErrorCode: 30}, {Group: "g", ErrorCode: 30}}}},
	{name: "one refused, one denied", q: &kmsg.DeleteGroupsRequest{Groups: []string{"g", "h", "a"}}, denied: []string{"DELETE GROUP g"}, refused: []string{"DELETE GROUP h"},
		passes: &kmsg.DeleteGroupsRequest{Groups: []string{"a"}}, answer: &kmsg.DeleteGroupsResponse{Groups: []deleted{{Group: "a"}}},
		want: &kmsg.DeleteGroupsResponse{Groups: []deleted{{Group: "a"}, {Group: "g", ErrorCode: 30}, {Group: "h", ErrorCode: 14}}}},

	{name: "group", q: offsetsOf(odTopic{Topic: "a"}), denied: []string{"DELETE GROUP g", "READ TOPIC a"}, want: &kmsg.OffsetDeleteResponse{ErrorCode: 30}},
	{name: "all topics: the coordinator is asked for none", q: offsetsOf(odTopic{Topic: "a", Partitions: []odPart{{Partition: 1}}}), denied: []string{"READ TOPIC a"},
		passes: offsetsOf(), answer: &kmsg.OffsetDeleteResponse{},
		want: &kmsg.OffsetDeleteResponse{Topics: []odAnswer{{Topic: "a", Partitions: []odResult{{Partition: 1, ErrorCode: 29}}}}}},
	{name: "an error of the group stands alone", q: offsetsOf(odTopic{Topic: "a", Partitions: []odPart{{Partition: 1}}}), denied: []string{"READ TOPIC a"},
		passes: offsetsOf(), answer: &kmsg.OffsetDeleteResponse{ErrorCode: 69}, want: &kmsg.OffsetDeleteResponse{ErrorCode: 69}},
	{name: "mixed: denied and unknown as asked, then the coordinator's", q: offsetsOf(
		odTopic{Topic: "ok", Partitions: []odPart{{Partition: 0}}}, odTopic{Topic: "unknown", Partitions: []odPart{{Partition: 0}}},
		odTopic{Topic: "no", Partitions: []odPart{{Partition: 3}, {Partition: 4}}}, odTopic{Topic: "gone", Partitions: []odPart{{Partition: 1}}},
		odTopic{Topic: "no", Partitions: []odPart{{Partition: 5}}}),
		denied: []string{"READ TOPIC no"},
		passes: offsetsOf(odTopic{Topic: "ok", Partitions: []odPart{{Partition: 0}}}, odTopic{Topic: "unknown", Partitions: []odPart{{Partition: 0}}}, odTopic{Topic: "gone", Partitions: []odPart{{Partition: 1}}}),
		answer: &kmsg.OffsetDeleteResponse{Topics: []odAnswer{{Topic: "unknown", Partitions: []odResult{{ErrorCode: 3}}},
			{Topic: "gone", Partitions: []odResult{{Partition: 1, ErrorCode: 3}}}, {Topic: "ok", Partitions: []odResult{{ErrorCode: 86}}}}},
		want: &kmsg.OffsetDeleteResponse{Topics: []odAnswer{{Topic: "unknown", Partitions: []odResult{{ErrorCode: 3}}},
			{Topic: "no", Partitions: []odResult{{Partition: 3, ErrorCode: 29}, {Partition: 4, ErrorCode: 29}, {Partition: 5, ErrorCode: 29}}},
			{Topic: "gone", Partitions: []odResult{{Partition: 1, ErrorCode: 3}}}, {Topic: "ok", Partitions: []odResult{{ErrorCode: 86}}}}}},
	{name: "a topic refused", q: offsetsOf(odTopic{Topic: "a"}, odTopic{Topic: "b"}), denied: []string{"READ TOPIC a"}, refused: []string{"READ TOPIC b"},
		want: &kmsg.OffsetDeleteResponse{ErrorCode: 14}},
	{name: "the group refused", q: offsetsOf(odTopic{Topic: "a"}), refused: []string{"DELETE GROUP g"}, want: &kmsg.OffsetDeleteResponse{ErrorCode: 14}},

	{name: "group", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a"}}, denied: []string{"READ GROUP g", "DESCRIBE TOPIC a"},
		want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 30}},
	{name: "one topic of two", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a", "b", "b"}}, denied: []string{"DESCRIBE TOPIC b"},
		want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 29}},
	{name: "regex", from: 1, q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicRegex: ptr("a.*")}, denied: []string{"DESCRIBE TOPIC *"},
		want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 29}},
	{name: "a topic denied, another refused", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a", "b"}},
		refused: []string{"DESCRIBE TOPIC a"}, denied: []string{"DESCRIBE TOPIC b"}, want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 29}},
	{name: "a topic refused", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a", "b"}},
		refused: []string{"DESCRIBE TOPIC a"}, want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 14}},
	{name: "the group refused", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a"}},
		refused: []string{"READ GROUP g"}, denied: []string{"DESCRIBE TOPIC a"}, want: &kmsg.ConsumerGroupHeartbeatResponse{ErrorCode: 14}},

	{name: "all denied, as often as asked", q: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"g", "h", "g"}}, denied: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"},
		want: &kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{{Group: "g", ErrorCode: 30, AuthorizedOperations: noBits},
			{Group: "h", ErrorCode: 30, AuthorizedOperations: noBits}, {Group: "g", ErrorCode: 30, AuthorizedOperations: noBits}}}},
	{name: "mixed: denied first; bits; topics of either assignment", q: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"a", "no", "b", "c", "d"}, IncludeAuthorizedOperations: true},
		denied: []string{"DESCRIBE GROUP no", "DELETE GROUP a", "DESCRIBE TOPIC hidden", "READ GROUP b"},
		passes: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"a", "b", "c", "d"}, IncludeAuthorizedOperations: true},
		answer: &kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{
			{Group: "a", State: "Stable", Epoch: 5, Members: []cmember{{MemberID: "m", Assignment: assigned("t", "u"), TargetAssignment: assigned("t")}}, AuthorizedOperations: groupBits},
			{Group: "b", State: "Stable", Epoch: 5, Members: []cmember{{MemberID: "m", Assignment: assigned("t")}, {MemberID: "n", Assignment: assigned("hidden")}}, AuthorizedOperations: groupBits},
			{Group: "c", State: "Stable", Epoch: 5, AssignorName: "uniform", Members: []cmember{{MemberID: "m", TargetAssignment: assigned("t", "hidden")}}, AuthorizedOperations: groupBits},
			{Group: "d", ErrorCode: 69, ErrorMessage: ptr("not found"), AuthorizedOperations: noBits}}},
		want: &kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{
			{Group: "no", ErrorCode: 30, AuthorizedOperations: noBits},
			{Group: "a", State: "Stable", Epoch: 5, Members: []cmember{{MemberID: "m", Assignment: assigned("t", "u"), TargetAssignment: assigned("t")}}, AuthorizedOperations: groupBits &^ (1 << 6)},
			{Group: "b", ErrorCode: 29, ErrorMessage: ptr(saysHidden), AuthorizedOperations: noBits},
			{Group: "c", ErrorCode: 29, ErrorMessage: ptr(saysHidden), AuthorizedOperations: noBits},
			{Group: "d", ErrorCode: 69, ErrorMessage: ptr("not found"), AuthorizedOperations: noBits}}}},
	{name: "refused in the request, and in the answer", q: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"r", "a", "b"}},
		refused: []string{"DESCRIBE GROUP r", "DESCRIBE TOPIC t"}, passes: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"a", "b"}},
		answer: &kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{{Group: "a", Members: []cmember{{Assignment: assigned("t")}}, AuthorizedOperations: noBits}, {Group: "b", State: "Empty", AuthorizedOperations: noBits}}},
		want: &kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{{Group: "r", ErrorCode: 14, AuthorizedOperations: noBits},
			{Group: "a", ErrorCode: 14, AuthorizedOperations: noBits}, {Group: "b", State: "Empty", AuthorizedOperations: noBits}}}},
}

type (
	sgroup    = kmsg.ShareGroupDescribeResponseGroup
	smember   = kmsg.ShareGroupDescribeResponseGroupMember
	dsGroup   = kmsg.DescribeShareGroupOffsetsRequestGroup
	dsTopic   = kmsg.DescribeShareGroupOffsetsRequestGroupTopic
	dsAnswer  = kmsg.DescribeShareGroupOffsetsResponseGroup
	dsResult  = kmsg.DescribeShareGroupOffsetsResponseGroupTopic
	dsPart    = kmsg.DescribeShareGroupOffsetsResponseGroupTopicPartition
	asTopic   = kmsg.AlterShareGroupOffsetsRequestTopic
	asPart    = kmsg.AlterShareGroupOffsetsRequestTopicPartition
	asAnswer  = kmsg.AlterShareGroupOffsetsResponseTopic
	asResult  = kmsg.AlterShareGroupOffsetsResponseTopicPartition
	delAnswer = kmsg.DeleteShareGroupOffsetsResponseTopic
)

func shareAssigned(topics ...string) (a kmsg.ShareGroupDescribeResponseGroupMemberAssignment) {
	for _, t := range topics {
		a.TopicPartitions = append(a.TopicPartitions, kmsg.ShareGroupDescribeResponseGroupMemberAssignmentTopicPartition{TopicID: [16]byte{1}, Topic: t})
	}
	return a
}

func deleteOf(topics ...string) *kmsg.DeleteShareGroupOffsetsRequest {
	q := &kmsg.DeleteShareGroupOffsetsRequest{GroupID: "g"}
	for _, t := range topics {
		q.Topics = append(q.Topics, kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: t})
	}
	return q
}

var shareDenials = []denialCase{
	{name: "group", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", SubscribedTopicNames: []string{"a"}}, denied: []string{"READ GROUP g"},
		want: &kmsg.ShareGroupHeartbeatResponse{ErrorCode: 30}},
	{name: "topic", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", MemberID: "member", SubscribedTopicNames: []string{"a", "b"}}, denied: []string{"DESCRIBE TOPIC a"},
		want: &kmsg.ShareGroupHeartbeatResponse{ErrorCode: 29}},
	{name: "no member id", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", SubscribedTopicNames: []string{"a"}}, denied: []string{"DESCRIBE TOPIC a"},
		want: &kmsg.ShareGroupHeartbeatResponse{ErrorCode: 42}},
	{name: "long member id", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", MemberID: "1234567890123456789012345678901234567", SubscribedTopicNames: []string{"a"}},
		denied: []string{"DESCRIBE TOPIC a"}, want: &kmsg.ShareGroupHeartbeatResponse{ErrorCode: 42}},
	{name: "refused", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", MemberID: "member", SubscribedTopicNames: []string{"a"}}, refused: []string{"DESCRIBE TOPIC a"},
		want: &kmsg.ShareGroupHeartbeatResponse{ErrorCode: 14}},

	{name: "mixed", from: 1, q: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"a", "no", "b"}, IncludeAuthorizedOperations: true},
		denied: []string{"DESCRIBE GROUP no", "READ GROUP a", "DESCRIBE TOPIC hidden"}, passes: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"a", "b"}, IncludeAuthorizedOperations: true},
		answer: &kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "a", GroupState: "Stable", Members: []smember{{Assignment: shareAssigned("t")}}, AuthorizedOperations: groupBits},
			{GroupID: "b", GroupState: "Stable", Assignor: "simple", Members: []smember{{}, {Assignment: shareAssigned("t", "hidden")}}, AuthorizedOperations: groupBits}}},
		want: &kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "no", ErrorCode: 30, AuthorizedOperations: noBits},
			{GroupID: "a", GroupState: "Stable", Members: []smember{{Assignment: shareAssigned("t")}}, AuthorizedOperations: groupBits &^ (1 << 3)},
			{GroupID: "b", ErrorCode: 29, ErrorMessage: ptr(saysHidden), AuthorizedOperations: noBits}}}},
	{name: "all denied, one refused", from: 1, q: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"a", "b"}}, denied: []string{"DESCRIBE GROUP a"}, refused: []string{"DESCRIBE GROUP b"},
		want: &kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "a", ErrorCode: 30, AuthorizedOperations: noBits}, {GroupID: "b", ErrorCode: 14, AuthorizedOperations: noBits}}}},
	{name: "refused in the answer", from: 1, q: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"a"}}, refused: []string{"DESCRIBE TOPIC t"},
		passes: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"a"}},
		answer: &kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "a", Members: []smember{{Assignment: shareAssigned("t")}}, AuthorizedOperations: noBits}}},
		want:   &kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "a", ErrorCode: 14, AuthorizedOperations: noBits}}}},

	{name: "mixed", q: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []dsGroup{{GroupID: "no", Topics: []dsTopic{{Topic: "a"}}},
		{GroupID: "g", Topics: []dsTopic{{Topic: "b", Partitions: []int32{1, 2}}, {Topic: "a", Partitions: []int32{0}}}},
		{GroupID: "all"}, {GroupID: "empty", Topics: []dsTopic{{Topic: "b"}}}, {GroupID: "e", Topics: []dsTopic{{Topic: "a"}, {Topic: "b", Partitions: []int32{0}}}}}},
		denied: []string{"DESCRIBE GROUP no", "DESCRIBE TOPIC b"},
		passes: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []dsGroup{{GroupID: "g", Topics: []dsTopic{{Topic: "a", Partitions: []int32{0}}}},
			{GroupID: "all"}, {GroupID: "empty", Topics: []dsTopic{}}, {GroupID: "e", Topics: []dsTopic{{Topic: "a"}}}}},
		answer: &kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{
			{GroupID: "g", Topics: []dsResult{{Topic: "a", TopicID: [16]byte{7}, Partitions: []dsPart{{StartOffset: 5, Lag: 1}}}}},
			{GroupID: "all", Topics: []dsResult{{Topic: "a"}, {Topic: "b", Partitions: []dsPart{{StartOffset: 5, Lag: 1}}}, {Topic: "c"}}},
			{GroupID: "empty"}, {GroupID: "e", ErrorCode: 16, ErrorMessage: ptr("not here")}}},
		want: &kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{{GroupID: "no", ErrorCode: 30},
			{GroupID: "g", Topics: []dsResult{{Topic: "a", TopicID: [16]byte{7}, Partitions: []dsPart{{StartOffset: 5, Lag: 1}}},
				{Topic: "b", Partitions: []dsPart{{Partition: 1, StartOffset: -1, Lag: -1, ErrorCode: 29, ErrorMessage: ptr(saysTopic)},
					{Partition: 2, StartOffset: -1, Lag: -1, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}}}},
			{GroupID: "all", Topics: []dsResult{{Topic: "a"}, {Topic: "c"}}},
			{GroupID: "empty", Topics: []dsResult{{Topic: "b"}}}, {GroupID: "e", ErrorCode: 16, ErrorMessage: ptr("not here")}}}},
	{name: "all denied", q: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []dsGroup{{GroupID: "no"}, {GroupID: "no"}}}, denied: []string{"DESCRIBE GROUP no"},
		want: &kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{{GroupID: "no", ErrorCode: 30}, {GroupID: "no", ErrorCode: 30}}}},
	{name: "refused: a group, a topic, a topic of the answer", q: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []dsGroup{{GroupID: "r"},
		{GroupID: "g", Topics: []dsTopic{{Topic: "a"}, {Topic: "b"}}}, {GroupID: "all"}}}, refused: []string{"DESCRIBE GROUP r", "DESCRIBE TOPIC b"},
		passes: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []dsGroup{{GroupID: "all"}}},
		answer: &kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{{GroupID: "all", Topics: []dsResult{{Topic: "a"}, {Topic: "b"}}}}},
		want:   &kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{{GroupID: "r", ErrorCode: 14}, {GroupID: "g", ErrorCode: 14}, {GroupID: "all", ErrorCode: 14}}}},

	{name: "group", q: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{{Topic: "a"}}}, denied: []string{"READ GROUP g"},
		want: &kmsg.AlterShareGroupOffsetsResponse{ErrorCode: 30, ErrorMessage: ptr(saysGroup)}},
	{name: "mixed: denied and unknown as asked, then the coordinator's", q: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{
		{Topic: "ok", Partitions: []asPart{{StartOffset: 1}}}, {Topic: "no", Partitions: []asPart{{Partition: 1}, {Partition: 2}}}, {Topic: "unknown", Partitions: []asPart{{}}}, {Topic: "no", Partitions: []asPart{{Partition: 3}}}}},
		denied: []string{"READ TOPIC no"},
		passes: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{{Topic: "ok", Partitions: []asPart{{StartOffset: 1}}}, {Topic: "unknown", Partitions: []asPart{{}}}}},
		answer: &kmsg.AlterShareGroupOffsetsResponse{Topics: []asAnswer{{Topic: "unknown", Partitions: []asResult{{ErrorCode: 3, ErrorMessage: ptr("no")}}},
			{Topic: "ok", TopicID: [16]byte{4}, Partitions: []asResult{{}}}}},
		want: &kmsg.AlterShareGroupOffsetsResponse{Topics: []asAnswer{
			{Topic: "no", Partitions: []asResult{{Partition: 1, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}, {Partition: 2, ErrorCode: 29, ErrorMessage: ptr(saysTopic)},
				{Partition: 3, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}},
			{Topic: "unknown", Partitions: []asResult{{ErrorCode: 3, ErrorMessage: ptr("no")}}}, {Topic: "ok", TopicID: [16]byte{4}, Partitions: []asResult{{}}}}}},
	{name: "all topics denied, the group has an error", q: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{{Topic: "no"}}}, denied: []string{"READ TOPIC no"},
		passes: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g"}, answer: &kmsg.AlterShareGroupOffsetsResponse{ErrorCode: 68, ErrorMessage: ptr("not empty")},
		want: &kmsg.AlterShareGroupOffsetsResponse{ErrorCode: 68, ErrorMessage: ptr("not empty")}},
	{name: "a topic refused", q: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{{Topic: "a"}}}, refused: []string{"READ TOPIC a"},
		want: &kmsg.AlterShareGroupOffsetsResponse{ErrorCode: 14, ErrorMessage: ptr(saysLoading)}},

	{name: "group", q: deleteOf("a"), denied: []string{"DELETE GROUP g"}, want: &kmsg.DeleteShareGroupOffsetsResponse{ErrorCode: 30, ErrorMessage: ptr(saysGroup)}},
	{name: "mixed: denied first", q: deleteOf("a", "no", "b", "no"), denied: []string{"READ TOPIC no"}, passes: deleteOf("a", "b"),
		answer: &kmsg.DeleteShareGroupOffsetsResponse{Topics: []delAnswer{{Topic: "a", TopicID: [16]byte{1}}, {Topic: "b", ErrorCode: 3}}},
		want: &kmsg.DeleteShareGroupOffsetsResponse{Topics: []delAnswer{{Topic: "no", ErrorCode: 29, ErrorMessage: ptr(saysTopic)}, {Topic: "no", ErrorCode: 29, ErrorMessage: ptr(saysTopic)},
			{Topic: "a", TopicID: [16]byte{1}}, {Topic: "b", ErrorCode: 3}}}},
	{name: "all topics denied, the group has an error", q: deleteOf("no"), denied: []string{"READ TOPIC no"}, passes: deleteOf(),
		answer: &kmsg.DeleteShareGroupOffsetsResponse{ErrorCode: 69, ErrorMessage: ptr("gone")}, want: &kmsg.DeleteShareGroupOffsetsResponse{ErrorCode: 69, ErrorMessage: ptr("gone")}},
	{name: "refused", q: deleteOf("a"), refused: []string{"READ TOPIC a"}, want: &kmsg.DeleteShareGroupOffsetsResponse{ErrorCode: 14, ErrorMessage: ptr(saysLoading)}},
}

type (
	topology    = kmsg.StreamsGroupHeartbeatRequestTopology
	subtopology = kmsg.StreamsGroupHeartbeatRequestTopologySubtopology
	status      = kmsg.StreamsGroupHeartbeatResponseStatus
	stgroup     = kmsg.StreamsGroupDescribeResponseGroup
	sttopology  = kmsg.StreamsGroupDescribeResponseGroupTopology
	stsub       = kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology
)

func streamsBeat(subs ...subtopology) *kmsg.StreamsGroupHeartbeatRequest {
	return &kmsg.StreamsGroupHeartbeatRequest{Group: "g", MemberID: "m", Topology: &topology{Subtopologies: subs}}
}

func streamsError(code int16, says *string) *kmsg.StreamsGroupHeartbeatResponse {
	return &kmsg.StreamsGroupHeartbeatResponse{ErrorCode: code, ErrorMessage: says, Status: []status{}, AcceptableRecoveryLag: -1}
}

func described(s stsub) *sttopology { return &sttopology{Epoch: 1, Subtopologies: []stsub{{}, s}} }

var streamsDenials = []denialCase{
	{name: "group", q: streamsBeat(subtopology{SourceTopics: []string{"__consumer_offsets", "a"}}), denied: []string{"READ GROUP g", "DESCRIBE TOPIC a"}, want: streamsError(30, nil)},
	{name: "group, nothing new", q: &kmsg.StreamsGroupHeartbeatRequest{Group: "g"}, denied: []string{"READ GROUP g"}, want: streamsError(30, nil)},
	{name: "source", q: streamsBeat(subtopology{SourceTopics: []string{"a", "b"}}), denied: []string{"DESCRIBE TOPIC b"}, want: streamsError(29, nil)},
	{name: "changelog that the broker would create", q: streamsBeat(subtopology{SourceTopics: []string{"a"}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "g-c"}}}),
		denied: []string{"CREATE CLUSTER kafka-cluster", "CREATE TOPIC g-c"}, asks: []kmsg.Request{asking("g-c")},
		hears: []kmsg.Response{told(not("g-c", 3))}, want: streamsError(29, nil)},
	{name: "regex", q: streamsBeat(subtopology{SourceTopicRegex: []string{"a.*"}}), denied: []string{"DESCRIBE TOPIC *"}, want: streamsError(29, nil)},
	{name: "Kafka's own topics come before who may what", q: streamsBeat(subtopology{SourceTopics: []string{"a", "__transaction_state"}, RepartitionSinkTopics: []string{"__consumer_offsets", "no/topic"}}),
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC no/topic"},
		want:   streamsError(130, ptr("Use of Kafka internal topics __transaction_state,__consumer_offsets in a Kafka Streams topology is prohibited."))},
	{name: "so do names that are none", q: streamsBeat(subtopology{SourceTopics: []string{"a", "no/topic"}, RepartitionSourceTopics: []kmsg.TopicInfo{{Topic: ".."}}}),
		denied: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC no/topic"}, want: streamsError(130, ptr("Topic names no/topic,.. are not valid topic names."))},
	{name: "refused", q: streamsBeat(subtopology{SourceTopics: []string{"a"}}), refused: []string{"DESCRIBE TOPIC a"}, want: streamsError(14, nil)},

	{name: "mixed", q: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"a", "no", "b", "c", "d", "e"}, IncludeAuthorizedOperations: true},
		denied: []string{"DESCRIBE GROUP no", "READ GROUP a", "DESCRIBE TOPIC hidden"}, passes: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"a", "b", "c", "d", "e"}, IncludeAuthorizedOperations: true},
		answer: &kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{
			{Group: "a", State: "Stable", Topology: described(stsub{SourceTopics: []string{"t"}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "u"}}}), AuthorizedOperations: groupBits},
			{Group: "b", State: "Stable", Topology: described(stsub{SourceTopics: []string{"t", "hidden"}}), AuthorizedOperations: groupBits},
			{Group: "c", State: "Stable", Topology: described(stsub{RepartitionSinkTopics: []string{"hidden"}}), AuthorizedOperations: groupBits},
			{Group: "d", State: "Stable", Topology: described(stsub{RepartitionSourceTopics: []kmsg.TopicInfo{{Topic: "hidden"}}}), AuthorizedOperations: groupBits},
			{Group: "e", State: "Empty", AuthorizedOperations: groupBits}}},
		want: &kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{{Group: "no", ErrorCode: 30, AuthorizedOperations: noBits},
			{Group: "a", State: "Stable", Topology: described(stsub{SourceTopics: []string{"t"}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "u"}}}), AuthorizedOperations: groupBits &^ (1 << 3)},
			{Group: "b", ErrorCode: 29, ErrorMessage: ptr(saysStreams), AuthorizedOperations: noBits}, {Group: "c", ErrorCode: 29, ErrorMessage: ptr(saysStreams), AuthorizedOperations: noBits},
			{Group: "d", ErrorCode: 29, ErrorMessage: ptr(saysStreams), AuthorizedOperations: noBits},
			{Group: "e", State: "Empty", AuthorizedOperations: groupBits}}}},
	{name: "all denied, one refused", q: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"a", "b"}}, denied: []string{"DESCRIBE GROUP a"}, refused: []string{"DESCRIBE GROUP b"},
		want: &kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{{Group: "a", ErrorCode: 30, AuthorizedOperations: noBits}, {Group: "b", ErrorCode: 14, AuthorizedOperations: noBits}}}},
	{name: "refused in the answer", q: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"a"}}, refused: []string{"DESCRIBE TOPIC t"}, passes: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"a"}},
		answer: &kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{{Group: "a", Topology: described(stsub{StateChangelogTopics: []kmsg.TopicInfo{{Topic: "t"}}}), AuthorizedOperations: noBits}}},
		want:   &kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{{Group: "a", ErrorCode: 14, AuthorizedOperations: noBits}}}},

	{name: "group", q: &kmsg.StreamsGroupTopologyDescriptionUpdateRequest{Group: "g"}, denied: []string{"READ GROUP g"}, want: &kmsg.StreamsGroupTopologyDescriptionUpdateResponse{ErrorCode: 30}},
	{name: "refused", q: &kmsg.StreamsGroupTopologyDescriptionUpdateRequest{Group: "g"}, refused: []string{"READ GROUP g"}, want: &kmsg.StreamsGroupTopologyDescriptionUpdateResponse{ErrorCode: 14}},
}

const saysStreams = "The described group uses topics that the client is not authorized to describe."
