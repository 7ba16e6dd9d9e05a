package api

import "github.com/twmb/franz-go/pkg/kmsg"

type (
	ctTopic  = kmsg.CreateTopicsRequestTopic
	ctAnswer = kmsg.CreateTopicsResponseTopic
	ctConfig = kmsg.CreateTopicsResponseTopicConfig
	dtTopic  = kmsg.DeleteTopicsRequestTopic
	dtAnswer = kmsg.DeleteTopicsResponseTopic
	drTopic  = kmsg.DeleteRecordsRequestTopic
	drPart   = kmsg.DeleteRecordsRequestTopicPartition
	drAnswer = kmsg.DeleteRecordsResponseTopic
	drDone   = kmsg.DeleteRecordsResponseTopicPartition
)

func createTopics(names ...string) *kmsg.CreateTopicsRequest {
	q := &kmsg.CreateTopicsRequest{TimeoutMillis: 5000, ValidateOnly: true}
	for _, n := range names {
		q.Topics = append(q.Topics, ctTopic{Topic: n, NumPartitions: 2, ReplicationFactor: 1})
	}
	return q
}

func createdTopics(list ...ctAnswer) *kmsg.CreateTopicsResponse {
	return &kmsg.CreateTopicsResponse{Topics: list}
}

// uncreated is a topic that was not created. Brokers say no settings then, not null.
func uncreated(name string, code int16, text string) ctAnswer {
	return ctAnswer{Topic: name, ErrorCode: code, ErrorMessage: &text, NumPartitions: -1, ReplicationFactor: -1, Configs: []ctConfig{}}
}

func wasCreated(name string) ctAnswer {
	return ctAnswer{Topic: name, TopicID: idOfC, NumPartitions: 2, ReplicationFactor: 1, Configs: []ctConfig{{Name: "cleanup.policy", Value: ptr("delete"), Source: 5}}}
}

// bare is a topic that was created, of which the settings are not shown.
func bare(name string, code int16) ctAnswer {
	return ctAnswer{Topic: name, TopicID: idOfC, NumPartitions: -1, ReplicationFactor: -1, Configs: []ctConfig{}, ConfigErrorCode: code}
}

func mayNotCreate(names ...string) []string {
	list := []string{createInCluster}
	for _, n := range names {
		list = append(list, "CREATE TOPIC "+n)
	}
	return list
}

const (
	deleteInCluster = "DELETE CLUSTER kafka-cluster"
	failed          = "Authorization failed."
	doubled         = "Duplicate topic name."
)

func deleteNames(names ...string) *kmsg.DeleteTopicsRequest {
	return &kmsg.DeleteTopicsRequest{TimeoutMillis: 5000, TopicNames: names}
}

// deleteNames6 is deleteNames from v6 on.
func deleteNames6(names ...string) *kmsg.DeleteTopicsRequest {
	q := &kmsg.DeleteTopicsRequest{TimeoutMillis: 5000}
	for _, n := range names {
		q.Topics = append(q.Topics, dtTopic{Topic: &n})
	}
	return q
}

func deletedTopic(name string, code int16, text string) dtAnswer {
	return dtAnswer{Topic: &name, ErrorCode: code, ErrorMessage: &text}
}

func deletedID(name *string, id [16]byte, code int16, text string) dtAnswer {
	return dtAnswer{Topic: name, TopicID: id, ErrorCode: code, ErrorMessage: &text}
}

func mayNotDelete(list ...string) []string { return append(list, deleteInCluster) }

const noSuchTopic = "This server does not host this topic-partition."

var topicDenials = []denialCase{
	{name: "all", q: createTopics("b", "a"), denied: mayNotCreate("a", "b"), want: createdTopics(uncreated("a", 29, failed), uncreated("b", 29, failed))},
	{name: "mixed: denied last, in the order of a HashSet; double ones before them", q: createTopics("topic-1", "orders", "payments", "a", "b", "a"),
		denied: mayNotCreate("orders", "a", "payments"), passes: createTopics("topic-1", "b"), answer: createdTopics(wasCreated("topic-1"), uncreated("b", 36, "there")),
		want: createdTopics(wasCreated("topic-1"), uncreated("b", 36, "there"), uncreated("a", 42, doubled), uncreated("payments", 29, failed), uncreated("orders", 29, failed))},
	{name: "the cluster's log", q: createTopics("__cluster_metadata", ""), denied: mayNotCreate("__cluster_metadata", "")[:2],
		passes: createTopics(""), answer: createdTopics(uncreated("", 17, "empty")),
		want: createdTopics(uncreated("", 17, "empty"), uncreated("__cluster_metadata", 42, "Creation of internal topic __cluster_metadata is prohibited."))},
	{name: "settings", from: 5, q: createTopics("a", "b", "c"), denied: []string{"DESCRIBE_CONFIGS TOPIC a"}, refused: []string{"DESCRIBE_CONFIGS TOPIC c"}, passes: createTopics("a", "b", "c"),
		answer: createdTopics(wasCreated("a"), wasCreated("b"), wasCreated("c")), want: createdTopics(bare("a", 29), wasCreated("b"), bare("c", -1))},
	{name: "refused", q: createTopics("a"), refused: mayNotCreate("a"), ends: errRefused},

	{name: "not even to be described", to: 5, q: deleteNames("a", "b"), denied: mayNotDelete("DESCRIBE TOPIC a", "DELETE TOPIC b", "DESCRIBE TOPIC b"),
		want: &kmsg.DeleteTopicsResponse{Topics: []dtAnswer{deletedTopic("a", 29, saysTopic), deletedTopic("b", 29, saysTopic)}}},
	{name: "by name, mixed", to: 5, q: deleteNames("b", "a", "c", "gone", "c"), denied: mayNotDelete("DELETE TOPIC a", "DELETE TOPIC c", "DELETE TOPIC gone"),
		asks: []kmsg.Request{asking("a", "gone")}, hears: []kmsg.Response{told(has("a", 0), not("gone", 3))}, passes: deleteNames("b"),
		answer: &kmsg.DeleteTopicsResponse{ThrottleMillis: 5, Topics: []dtAnswer{{Topic: ptr("b")}}},
		want: &kmsg.DeleteTopicsResponse{ThrottleMillis: 5, Topics: []dtAnswer{{Topic: ptr("b")}, deletedTopic("a", 29, saysTopic),
			deletedTopic("c", 42, doubled), deletedTopic("gone", 3, noSuchTopic)}}},
	{name: "by name and by id, mixed", from: 6, knows: known,
		q:      &kmsg.DeleteTopicsRequest{Topics: []dtTopic{{TopicID: idOfA}, {Topic: ptr("x")}, {TopicID: idOfB}, {}, {TopicID: strangeID}, {TopicID: idOfC}, {TopicID: idOfC}, {Topic: ptr("")}}},
		denied: mayNotDelete("DELETE TOPIC a", "DESCRIBE TOPIC b", "DELETE TOPIC", "DESCRIBE TOPIC", "DELETE TOPIC c"),
		passes: &kmsg.DeleteTopicsRequest{Topics: []dtTopic{{Topic: ptr("x")}, {}}},
		answer: &kmsg.DeleteTopicsResponse{Topics: []dtAnswer{{Topic: ptr("x")}, {ErrorCode: 42, ErrorMessage: ptr("Neither topic name nor id were specified.")}}},
		want: &kmsg.DeleteTopicsResponse{Topics: []dtAnswer{{Topic: ptr("x")}, {ErrorCode: 42, ErrorMessage: ptr("Neither topic name nor id were specified.")},
			deletedID(ptr("a"), idOfA, 29, saysTopic), deletedID(nil, idOfB, 29, saysTopic), deletedID(nil, strangeID, 100, "This server does not host this topic ID."),
			deletedID(nil, idOfC, 42, "Duplicate topic id."), deletedTopic("", 29, saysTopic)}}},
	{name: "by name", from: 6, q: deleteNames6("a"), denied: mayNotDelete("DELETE TOPIC a"), asks: []kmsg.Request{asking("a")}, hears: []kmsg.Response{told(not("a", 5))},
		want: &kmsg.DeleteTopicsResponse{Topics: []dtAnswer{deletedTopic("a", 29, saysTopic)}}},
	{name: "refused", to: 5, q: deleteNames("a"), refused: mayNotDelete("DELETE TOPIC a"), ends: errRefused},

	{name: "all", q: &kmsg.DeleteRecordsRequest{Topics: []drTopic{{Topic: "a", Partitions: []drPart{{Partition: 0, Offset: 5}, {Partition: 1}, {Partition: 0, Offset: 7}}}}}, denied: []string{"DELETE TOPIC a"},
		want: &kmsg.DeleteRecordsResponse{Topics: []drAnswer{{Topic: "a", Partitions: []drDone{{Partition: 1, LowWatermark: -1, ErrorCode: 29}, {Partition: 0, LowWatermark: -1, ErrorCode: 29}}}}}},
	{name: "mixed", q: &kmsg.DeleteRecordsRequest{Topics: []drTopic{{Topic: "a", Partitions: []drPart{{Partition: 0}}}, {Topic: "b", Partitions: []drPart{{Partition: 2}}}, {Topic: "a", Partitions: []drPart{{Partition: 1}}}}},
		denied: []string{"DELETE TOPIC a"}, passes: &kmsg.DeleteRecordsRequest{Topics: []drTopic{{Topic: "b", Partitions: []drPart{{Partition: 2}}}}},
		answer: &kmsg.DeleteRecordsResponse{Topics: []drAnswer{{Topic: "b", Partitions: []drDone{{Partition: 2, LowWatermark: 9}}}}},
		want: &kmsg.DeleteRecordsResponse{Topics: []drAnswer{{Topic: "a", Partitions: []drDone{{Partition: 1, LowWatermark: -1, ErrorCode: 29}, {Partition: 0, LowWatermark: -1, ErrorCode: 29}}},
			{Topic: "b", Partitions: []drDone{{Partition: 2, LowWatermark: 9}}}}}},
	{name: "refused", q: &kmsg.DeleteRecordsRequest{Topics: []drTopic{{Topic: "a"}}}, refused: []string{"DELETE TOPIC a"}, ends: errRefused},
}

type (
	dcAsk    = kmsg.DescribeConfigsRequestResource
	dcAnswer = kmsg.DescribeConfigsResponseResource
	acAsk    = kmsg.AlterConfigsRequestResource
	acSet    = kmsg.AlterConfigsRequestResourceConfig
	acAnswer = kmsg.AlterConfigsResponseResource
	everyOne = kmsg.ConfigResourceType
)

const (
	ofTopicType, ofBroker, ofLogger, ofMetrics, ofGroup everyOne = 2, 4, 8, 16, 32

	describeConfigsOfCluster = "DESCRIBE_CONFIGS CLUSTER kafka-cluster"
	alterConfigsOfCluster    = "ALTER_CONFIGS CLUSTER kafka-cluster"
	malformed                = "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
)

func configsOf(list ...dcAsk) *kmsg.DescribeConfigsRequest {
	return &kmsg.DescribeConfigsRequest{Resources: list, IncludeSynonyms: true}
}

func noConfigs(t everyOne, name string, code int16, text string) dcAnswer {
	return dcAnswer{ResourceType: t, ResourceName: name, ErrorCode: code, ErrorMessage: &text}
}

func setting1(name string) []acSet { return []acSet{{Name: name, Value: ptr("1")}} }

func noAlter(t everyOne, name string, code int16, text string) acAnswer {
	return acAnswer{ResourceType: t, ResourceName: name, ErrorCode: code, ErrorMessage: &text}
}

var configDenials = []denialCase{
	{name: "every type", q: configsOf(dcAsk{ResourceType: ofTopicType, ResourceName: "a"}, dcAsk{ResourceType: ofGroup, ResourceName: "g"}, dcAsk{ResourceType: ofBroker, ResourceName: "1"},
		dcAsk{ResourceType: ofLogger, ResourceName: "1"}, dcAsk{ResourceType: ofMetrics, ResourceName: "m"}),
		denied: []string{"DESCRIBE_CONFIGS TOPIC a", "DESCRIBE_CONFIGS GROUP g", describeConfigsOfCluster},
		want: &kmsg.DescribeConfigsResponse{Resources: []dcAnswer{noConfigs(ofTopicType, "a", 29, saysTopic), noConfigs(ofGroup, "g", 30, saysGroup),
			noConfigs(ofBroker, "1", 31, saysCluster), noConfigs(ofLogger, "1", 31, saysCluster), noConfigs(ofMetrics, "m", 31, saysCluster)}}},
	{name: "mixed: denied last", q: configsOf(dcAsk{ResourceType: ofTopicType, ResourceName: "a"}, dcAsk{ResourceType: ofTopicType, ResourceName: "b"}, dcAsk{ResourceType: ofTopicType, ResourceName: "a"}),
		denied: []string{"DESCRIBE_CONFIGS TOPIC a"}, passes: configsOf(dcAsk{ResourceType: ofTopicType, ResourceName: "b"}),
		answer: &kmsg.DescribeConfigsResponse{ThrottleMillis: 5, Resources: []dcAnswer{{ResourceType: ofTopicType, ResourceName: "b"}}},
		want: &kmsg.DescribeConfigsResponse{ThrottleMillis: 5, Resources: []dcAnswer{{ResourceType: ofTopicType, ResourceName: "b"},
			noConfigs(ofTopicType, "a", 29, saysTopic), noConfigs(ofTopicType, "a", 29, saysTopic)}}},
	{name: "a type that nobody knows", q: configsOf(dcAsk{ResourceType: ofTopicType, ResourceName: "a"}, dcAsk{ResourceType: 99, ResourceName: "x"}), denied: []string{describeConfigsOfCluster},
		want: &kmsg.DescribeConfigsResponse{Resources: []dcAnswer{noConfigs(ofTopicType, "a", 42, malformed), noConfigs(99, "x", 42, malformed)}}},
	{name: "refused", q: configsOf(dcAsk{ResourceType: ofTopicType, ResourceName: "a"}), refused: []string{"DESCRIBE_CONFIGS TOPIC a"}, ends: errRefused},

	{name: "every type, and what a broker finds wrong before it asks",
		q: &kmsg.AlterConfigsRequest{Resources: []acAsk{{ResourceType: ofTopicType, ResourceName: "a", Configs: setting1("x")}, {ResourceType: ofGroup, ResourceName: "g"},
			{ResourceType: ofBroker, ResourceName: ""}, {ResourceType: ofMetrics, ResourceName: "m"}, {ResourceType: ofLogger, ResourceName: "1"}, {ResourceType: 99, ResourceName: "?"},
			{ResourceType: ofTopicType, ResourceName: "twice"}, {ResourceType: ofTopicType, ResourceName: "twice"},
			{ResourceType: ofTopicType, ResourceName: "keys", Configs: append(setting1("x"), setting1("x")...)},
			{ResourceType: ofTopicType, ResourceName: "null", Configs: []acSet{{Name: "x"}, {Name: "y", Value: ptr("")}, {Name: "z"}}}}},
		denied: []string{"ALTER_CONFIGS TOPIC a", "ALTER_CONFIGS GROUP g", alterConfigsOfCluster, "ALTER_CONFIGS TOPIC twice", "ALTER_CONFIGS TOPIC keys", "ALTER_CONFIGS TOPIC null"},
		want: &kmsg.AlterConfigsResponse{Resources: []acAnswer{noAlter(ofTopicType, "a", 29, saysTopic), noAlter(ofGroup, "g", 30, saysGroup), noAlter(ofBroker, "", 31, saysCluster),
			noAlter(ofMetrics, "m", 31, saysCluster), noAlter(ofLogger, "1", 42, "Unknown resource type 8"), noAlter(99, "?", 42, "Unknown resource type 99"),
			noAlter(ofTopicType, "twice", 42, "Each resource must appear at most once."), noAlter(ofTopicType, "twice", 42, "Each resource must appear at most once."),
			noAlter(ofTopicType, "keys", 42, "Error due to duplicate config keys"), noAlter(ofTopicType, "null", 42, "Null value not supported for : x, z")}}},
	{name: "mixed: in their places", q: &kmsg.AlterConfigsRequest{ValidateOnly: true, Resources: []acAsk{{ResourceType: ofTopicType, ResourceName: "a"}, {ResourceType: ofTopicType, ResourceName: "b"}, {ResourceType: ofGroup, ResourceName: "a"}}},
		denied: []string{"ALTER_CONFIGS TOPIC a"}, passes: &kmsg.AlterConfigsRequest{ValidateOnly: true, Resources: []acAsk{{ResourceType: ofTopicType, ResourceName: "b"}, {ResourceType: ofGroup, ResourceName: "a"}}},
		answer: &kmsg.AlterConfigsResponse{ThrottleMillis: 5, Resources: []acAnswer{{ResourceType: ofTopicType, ResourceName: "b"}, {ResourceType: ofGroup, ResourceName: "a"}}},
		want:   &kmsg.AlterConfigsResponse{ThrottleMillis: 5, Resources: []acAnswer{noAlter(ofTopicType, "a", 29, saysTopic), {ResourceType: ofTopicType, ResourceName: "b"}, {ResourceType: ofGroup, ResourceName: "a"}}}},
	{name: "refused", q: &kmsg.AlterConfigsRequest{Resources: []acAsk{{ResourceType: ofTopicType, ResourceName: "a"}}}, refused: []string{"ALTER_CONFIGS TOPIC a"}, ends: errRefused},

	{name: "denied", q: &kmsg.AlterReplicaLogDirsRequest{Dirs: []kmsg.AlterReplicaLogDirsRequestDir{
		{Dir: "/d", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "a", Partitions: []int32{0, 1}}}}, {Dir: "/e", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "a", Partitions: []int32{2}}}}}},
		denied: []string{clusterAlter}, want: &kmsg.AlterReplicaLogDirsResponse{Topics: []kmsg.AlterReplicaLogDirsResponseTopic{
			{Topic: "a", Partitions: []kmsg.AlterReplicaLogDirsResponseTopicPartition{{Partition: 0, ErrorCode: 31}, {Partition: 1, ErrorCode: 31}}},
			{Topic: "a", Partitions: []kmsg.AlterReplicaLogDirsResponseTopicPartition{{Partition: 2, ErrorCode: 31}}}}}},
	{name: "refused", q: &kmsg.AlterReplicaLogDirsRequest{}, refused: []string{clusterAlter}, ends: errRefused},
	{name: "denied", q: &kmsg.DescribeLogDirsRequest{}, denied: []string{clusterDescribe}, want: &kmsg.DescribeLogDirsResponse{ErrorCode: 31}},
	{name: "a topic denied by a policy of ours", q: &kmsg.DescribeLogDirsRequest{Topics: []kmsg.DescribeLogDirsRequestTopic{{Topic: "a"}}}, denied: []string{"NONE TOPIC a"},
		want: &kmsg.DescribeLogDirsResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.DescribeLogDirsRequest{}, refused: []string{clusterDescribe}, ends: errRefused},
}

var aclDenials = []denialCase{
	{name: "denied", q: &kmsg.DescribeACLsRequest{ResourceType: kmsg.ACLResourceTypeAny}, denied: []string{clusterDescribe},
		want: &kmsg.DescribeACLsResponse{ErrorCode: 31, ErrorMessage: needs("DescribeAcls", "DESCRIBE")}},
	{name: "refused", q: &kmsg.DescribeACLsRequest{}, refused: []string{clusterDescribe}, ends: errRefused},
	{name: "denied", q: &kmsg.CreateACLsRequest{Creations: []kmsg.CreateACLsRequestCreation{{}, {}}}, denied: []string{clusterAlter},
		want: &kmsg.CreateACLsResponse{Results: []kmsg.CreateACLsResponseResult{{ErrorCode: 31, ErrorMessage: needs("CreateAcls", "ALTER")}, {ErrorCode: 31, ErrorMessage: needs("CreateAcls", "ALTER")}}}},
	{name: "one denied by a policy of ours", q: &kmsg.CreateACLsRequest{Creations: []kmsg.CreateACLsRequestCreation{{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "a"}}}, denied: []string{"NONE TOPIC a"},
		want: &kmsg.CreateACLsResponse{Results: []kmsg.CreateACLsResponseResult{{ErrorCode: 31, ErrorMessage: needs("CreateAcls", "ALTER")}}}},
	{name: "refused", q: &kmsg.CreateACLsRequest{}, refused: []string{clusterAlter}, ends: errRefused},
	{name: "denied", q: &kmsg.DeleteACLsRequest{Filters: []kmsg.DeleteACLsRequestFilter{{}}}, denied: []string{clusterAlter},
		want: &kmsg.DeleteACLsResponse{Results: []kmsg.DeleteACLsResponseResult{{ErrorCode: 31, ErrorMessage: needs("DeleteAcls", "ALTER")}}}},
	{name: "refused", q: &kmsg.DeleteACLsRequest{}, refused: []string{clusterAlter}, ends: errRefused},
}
