package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a controller answers to who may not: the exception's message holds the request, here its API.
func needs(api, op string) *string {
	return ptr("Request Request(api=" + api + ") needs " + op + " permission.")
}

func partitionsOf(topics ...string) *kmsg.CreatePartitionsRequest {
	q := &kmsg.CreatePartitionsRequest{TimeoutMillis: 5000, ValidateOnly: true}
	for _, t := range topics {
		q.Topics = append(q.Topics, kmsg.CreatePartitionsRequestTopic{Topic: t, Count: 3})
	}
	return q
}

type (
	created   = kmsg.CreatePartitionsResponseTopic
	alter     = kmsg.IncrementalAlterConfigsRequestResource
	setting   = kmsg.IncrementalAlterConfigsRequestResourceConfig
	altered   = kmsg.IncrementalAlterConfigsResponseResource
	producing = kmsg.DescribeProducersRequestTopic
	produced  = kmsg.DescribeProducersResponseTopic
)

var adminDenials = []denialCase{
	{name: "all denied", q: partitionsOf("b", "a"), denied: []string{"ALTER TOPIC a", "ALTER TOPIC b"},
		want: &kmsg.CreatePartitionsResponse{Topics: []created{{Topic: "a", ErrorCode: 29}, {Topic: "b", ErrorCode: 29}}}},
	{name: "mixed: denied first, each in the order of a HashSet", q: partitionsOf("topic-1", "orders", "payments", "a"),
		denied: []string{"ALTER TOPIC orders", "ALTER TOPIC a"}, passes: partitionsOf("topic-1", "payments"),
		answer: &kmsg.CreatePartitionsResponse{ThrottleMillis: 7, Topics: []created{
			{Topic: "payments"}, {Topic: "topic-1", ErrorCode: 37, ErrorMessage: ptr("too few")}}},
		want: &kmsg.CreatePartitionsResponse{ThrottleMillis: 7, Topics: []created{{Topic: "a", ErrorCode: 29}, {Topic: "orders", ErrorCode: 29},
			{Topic: "payments"}, {Topic: "topic-1", ErrorCode: 37, ErrorMessage: ptr("too few")}}}},
	{name: "duplicates are wrong whoever asks", q: partitionsOf("c", "a", "b", "a", "b", "d"),
		denied: []string{"ALTER TOPIC a", "ALTER TOPIC c"}, passes: partitionsOf("b", "b", "d"),
		answer: &kmsg.CreatePartitionsResponse{Topics: []created{{Topic: "b", ErrorCode: 42, ErrorMessage: ptr("Duplicate topic name.")}, {Topic: "d"}}},
		want: &kmsg.CreatePartitionsResponse{Topics: []created{
			{Topic: "a", ErrorCode: 42, ErrorMessage: ptr("Duplicate topic name.")}, {Topic: "b", ErrorCode: 42, ErrorMessage: ptr("Duplicate topic name.")},
			{Topic: "c", ErrorCode: 29}, {Topic: "d"}}}},
	{name: "a denied duplicate alone", q: partitionsOf("a", "a", "a"), denied: []string{"ALTER TOPIC a"},
		want: &kmsg.CreatePartitionsResponse{Topics: []created{{Topic: "a", ErrorCode: 42, ErrorMessage: ptr("Duplicate topic name.")}}}},
	{name: "no name", q: partitionsOf("", "a"), denied: []string{"ALTER TOPIC"}, passes: partitionsOf("a"),
		answer: &kmsg.CreatePartitionsResponse{Topics: []created{{Topic: "a"}}},
		want:   &kmsg.CreatePartitionsResponse{Topics: []created{{Topic: "", ErrorCode: 29}, {Topic: "a"}}}},
	{name: "refused", q: partitionsOf("a", "b"), refused: []string{"ALTER TOPIC b"}, ends: errRefused},

	{name: "denied", q: &kmsg.ElectLeadersRequest{Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0, 1}}, {Topic: "b"}}},
		denied: []string{clusterAlter}, want: &kmsg.ElectLeadersResponse{ErrorCode: 31, Topics: []kmsg.ElectLeadersResponseTopic{
			{Topic: "a", Partitions: []kmsg.ElectLeadersResponseTopicPartition{
				{Partition: 0, ErrorCode: 31, ErrorMessage: needs("ElectLeaders", "ALTER")},
				{Partition: 1, ErrorCode: 31, ErrorMessage: needs("ElectLeaders", "ALTER")}}},
			{Topic: "b"}}}},
	{name: "all topics denied", q: &kmsg.ElectLeadersRequest{}, denied: []string{clusterAlter}, want: &kmsg.ElectLeadersResponse{ErrorCode: 31}},
	{name: "a topic denied by a policy of ours", q: &kmsg.ElectLeadersRequest{Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "a"}}},
		denied: []string{"NONE TOPIC a"}, want: &kmsg.ElectLeadersResponse{ErrorCode: 31, Topics: []kmsg.ElectLeadersResponseTopic{{Topic: "a"}}}},
	{name: "refused", q: &kmsg.ElectLeadersRequest{}, refused: []string{clusterAlter}, ends: errRefused},

	{name: "every type denied", q: alterOf(alter{ResourceType: 2, ResourceName: "a"}, alter{ResourceType: 32, ResourceName: "g"},
		alter{ResourceType: 4, ResourceName: "1"}, alter{ResourceType: 4, ResourceName: ""}, alter{ResourceType: 8, ResourceName: "1"}, alter{ResourceType: 16, ResourceName: "m"}),
		denied: []string{"ALTER_CONFIGS TOPIC a", "ALTER_CONFIGS GROUP g", "ALTER_CONFIGS CLUSTER kafka-cluster"},
		want: alteredOf(0, altered{ResourceType: 2, ResourceName: "a", ErrorCode: 29, ErrorMessage: ptr(saysTopic)},
			altered{ResourceType: 32, ResourceName: "g", ErrorCode: 30, ErrorMessage: ptr(saysGroup)},
			altered{ResourceType: 4, ResourceName: "1", ErrorCode: 31, ErrorMessage: ptr(saysCluster)},
			altered{ResourceType: 4, ResourceName: "", ErrorCode: 31, ErrorMessage: ptr(saysCluster)},
			altered{ResourceType: 8, ResourceName: "1", ErrorCode: 31},
			altered{ResourceType: 16, ResourceName: "m", ErrorCode: 31, ErrorMessage: ptr(saysCluster)})},
	{name: "mixed: in the order of the request", q: alterOf(alter{ResourceType: 2, ResourceName: "a"}, alter{ResourceType: 2, ResourceName: "b"},
		alter{ResourceType: 32, ResourceName: "b"}, alter{ResourceType: 2, ResourceName: "c"}),
		denied: []string{"ALTER_CONFIGS TOPIC b"},
		passes: alterOf(alter{ResourceType: 2, ResourceName: "a"}, alter{ResourceType: 32, ResourceName: "b"}, alter{ResourceType: 2, ResourceName: "c"}),
		answer: alteredOf(5, altered{ResourceType: 2, ResourceName: "a"}, altered{ResourceType: 32, ResourceName: "b", ErrorCode: 40, ErrorMessage: ptr("bad")},
			altered{ResourceType: 2, ResourceName: "c"}),
		want: alteredOf(5, altered{ResourceType: 2, ResourceName: "a"}, altered{ResourceType: 2, ResourceName: "b", ErrorCode: 29, ErrorMessage: ptr(saysTopic)},
			altered{ResourceType: 32, ResourceName: "b", ErrorCode: 40, ErrorMessage: ptr("bad")}, altered{ResourceType: 2, ResourceName: "c"})},
	{name: "what is wrong before anybody is asked", q: alterOf(
		alter{ResourceType: 2, ResourceName: "twice"}, alter{ResourceType: 2, ResourceName: "twice"},
		alter{ResourceType: 2, ResourceName: "keys", Configs: []setting{{Name: "k", Value: ptr("v")}, {Name: "k", Value: ptr("w")}}},
		alter{ResourceType: 2, ResourceName: "null", Configs: []setting{{Name: "a"}, {Name: "b", Op: 2}, {Name: "c", Op: 1}}},
		alter{ResourceType: 4, ResourceName: "2"}, alter{ResourceType: 4, ResourceName: "x"}, alter{ResourceType: 99, ResourceName: "future"}),
		denied: []string{"ALTER_CONFIGS TOPIC twice", "ALTER_CONFIGS TOPIC keys", "ALTER_CONFIGS TOPIC null", "ALTER_CONFIGS CLUSTER kafka-cluster"},
		want: alteredOf(0,
			altered{ResourceType: 2, ResourceName: "twice", ErrorCode: 42, ErrorMessage: ptr("Each resource must appear at most once.")},
			altered{ResourceType: 2, ResourceName: "twice", ErrorCode: 42, ErrorMessage: ptr("Each resource must appear at most once.")},
			altered{ResourceType: 2, ResourceName: "keys", ErrorCode: 42, ErrorMessage: ptr("Error due to duplicate config keys")},
			altered{ResourceType: 2, ResourceName: "null", ErrorCode: 42, ErrorMessage: ptr("Null value not supported for : a, b")},
			altered{ResourceType: 4, ResourceName: "2", ErrorCode: 42, ErrorMessage: ptr("Unexpected broker id, expected 1, but received 2")},
			altered{ResourceType: 4, ResourceName: "x", ErrorCode: 42, ErrorMessage: ptr("Node id must be an integer, but it is: x")},
			altered{ResourceType: 99, ResourceName: "future", ErrorCode: 42, ErrorMessage: ptr("Unknown resource type 99")})},
	{name: "refused", q: alterOf(alter{ResourceType: 2, ResourceName: "a"}), refused: []string{"ALTER_CONFIGS TOPIC a"}, ends: errRefused},

	{name: "denied", q: &kmsg.AlterPartitionAssignmentsRequest{Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{
		{Topic: "a", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: 3, Replicas: []int32{1}}, {Partition: 4}}}}},
		denied: []string{clusterAlter}, want: &kmsg.AlterPartitionAssignmentsResponse{AllowReplicationFactorChange: true,
			ErrorCode: 31, ErrorMessage: needs("AlterPartitionReassignments", "ALTER"), Topics: []kmsg.AlterPartitionAssignmentsResponseTopic{
				{Topic: "a", Partitions: []kmsg.AlterPartitionAssignmentsResponseTopicPartition{
					{Partition: 3, ErrorCode: 31, ErrorMessage: needs("AlterPartitionReassignments", "ALTER")},
					{Partition: 4, ErrorCode: 31, ErrorMessage: needs("AlterPartitionReassignments", "ALTER")}}}}}},
	{name: "refused", q: &kmsg.AlterPartitionAssignmentsRequest{}, refused: []string{clusterAlter}, ends: errRefused},

	{name: "denied", q: &kmsg.ListPartitionReassignmentsRequest{Topics: []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "a", Partitions: []int32{3}}}},
		denied: []string{clusterDescribe}, want: &kmsg.ListPartitionReassignmentsResponse{
			ErrorCode: 31, ErrorMessage: needs("ListPartitionReassignments", "DESCRIBE"), Topics: []kmsg.ListPartitionReassignmentsResponseTopic{
				{Topic: "a", Partitions: []kmsg.ListPartitionReassignmentsResponseTopicPartition{{Partition: 3}}}}}},
	{name: "all denied", q: &kmsg.ListPartitionReassignmentsRequest{}, denied: []string{clusterDescribe},
		want: &kmsg.ListPartitionReassignmentsResponse{ErrorCode: 31, ErrorMessage: needs("ListPartitionReassignments", "DESCRIBE")}},
	{name: "refused", q: &kmsg.ListPartitionReassignmentsRequest{}, refused: []string{clusterDescribe}, ends: errRefused},

	{name: "denied", q: &kmsg.DescribeClientQuotasRequest{}, denied: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"},
		want: &kmsg.DescribeClientQuotasResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.DescribeClientQuotasRequest{}, refused: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"}, ends: errRefused},

	{name: "denied", q: &kmsg.AlterClientQuotasRequest{Entries: []kmsg.AlterClientQuotasRequestEntry{
		{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: ptr("bob")}, {Type: "client-id"}}}, {}}},
		denied: []string{"ALTER_CONFIGS CLUSTER kafka-cluster"}, want: &kmsg.AlterClientQuotasResponse{Entries: []kmsg.AlterClientQuotasResponseEntry{
			{ErrorCode: 31, ErrorMessage: ptr(saysCluster), Entity: []kmsg.AlterClientQuotasResponseEntryEntity{{Type: "user", Name: ptr("bob")}, {Type: "client-id"}}},
			{ErrorCode: 31, ErrorMessage: ptr(saysCluster)}}}},
	{name: "refused", q: &kmsg.AlterClientQuotasRequest{}, refused: []string{"ALTER_CONFIGS CLUSTER kafka-cluster"}, ends: errRefused},

	{name: "denied", q: &kmsg.DescribeUserSCRAMCredentialsRequest{Users: []kmsg.DescribeUserSCRAMCredentialsRequestUser{{Name: "bob"}, {Name: "eve"}}},
		denied: []string{clusterDescribe}, want: &kmsg.DescribeUserSCRAMCredentialsResponse{ErrorCode: 31,
			Results: []kmsg.DescribeUserSCRAMCredentialsResponseResult{{ErrorCode: 31}, {ErrorCode: 31}}}},
	{name: "all users denied", q: &kmsg.DescribeUserSCRAMCredentialsRequest{}, denied: []string{clusterDescribe},
		want: &kmsg.DescribeUserSCRAMCredentialsResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.DescribeUserSCRAMCredentialsRequest{}, refused: []string{clusterDescribe}, ends: errRefused},

	{name: "denied: each user once, in order", q: &kmsg.AlterUserSCRAMCredentialsRequest{
		Deletions:  []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "zoe"}, {Name: "bob"}},
		Upsertions: []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{Name: "bob"}, {Name: "adam"}}},
		denied: []string{clusterAlter}, want: &kmsg.AlterUserSCRAMCredentialsResponse{Results: []kmsg.AlterUserSCRAMCredentialsResponseResult{
			{User: "adam", ErrorCode: 31, ErrorMessage: needs("AlterUserScramCredentials", "ALTER")},
			{User: "bob", ErrorCode: 31, ErrorMessage: needs("AlterUserScramCredentials", "ALTER")},
			{User: "zoe", ErrorCode: 31, ErrorMessage: needs("AlterUserScramCredentials", "ALTER")}}}},
	{name: "refused", q: &kmsg.AlterUserSCRAMCredentialsRequest{}, refused: []string{clusterAlter}, ends: errRefused},

	{name: "denied", q: &kmsg.DescribeQuorumRequest{Topics: []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata"}}},
		denied: []string{clusterDescribe}, want: &kmsg.DescribeQuorumResponse{ErrorCode: 31, ErrorMessage: ptr(saysCluster)}},
	{name: "refused", q: &kmsg.DescribeQuorumRequest{}, refused: []string{clusterDescribe}, ends: errRefused},

	{name: "denied", q: &kmsg.UpdateFeaturesRequest{FeatureUpdates: []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "f"}}},
		denied: []string{clusterAlter}, want: &kmsg.UpdateFeaturesResponse{ErrorCode: 31, ErrorMessage: needs("UpdateFeatures", "ALTER")}},
	{name: "refused", q: &kmsg.UpdateFeaturesRequest{}, refused: []string{clusterAlter}, ends: errRefused},

	{name: "denied", q: &kmsg.UnregisterBrokerRequest{BrokerID: 3}, denied: []string{clusterAlter},
		want: &kmsg.UnregisterBrokerResponse{ErrorCode: 31, ErrorMessage: needs("UnregisterBroker", "ALTER")}},
	{name: "refused", q: &kmsg.UnregisterBrokerRequest{}, refused: []string{clusterAlter}, ends: errRefused},
	{name: "denied", q: &kmsg.AddRaftVoterRequest{}, denied: []string{clusterAlter},
		want: &kmsg.AddRaftVoterResponse{ErrorCode: 31, ErrorMessage: ptr(saysCluster)}},
	{name: "refused", q: &kmsg.AddRaftVoterRequest{}, refused: []string{clusterAlter}, ends: errRefused},
	{name: "denied", q: &kmsg.RemoveRaftVoterRequest{}, denied: []string{clusterAlter},
		want: &kmsg.RemoveRaftVoterResponse{ErrorCode: 31, ErrorMessage: ptr(saysCluster)}},
	{name: "refused", q: &kmsg.RemoveRaftVoterRequest{}, refused: []string{clusterAlter}, ends: errRefused},
	{name: "denied", q: &kmsg.UnregisterControllerRequest{}, denied: []string{clusterAlter},
		want: &kmsg.UnregisterControllerResponse{ErrorCode: 31, ErrorMessage: needs("UnregisterController", "ALTER")}},
	{name: "refused", q: &kmsg.UnregisterControllerRequest{}, refused: []string{clusterAlter}, ends: errRefused},

	{name: "denied by a policy of ours", q: &kmsg.GetTelemetrySubscriptionsRequest{}, denied: []string{clusterNone},
		want: &kmsg.GetTelemetrySubscriptionsResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.GetTelemetrySubscriptionsRequest{}, refused: []string{clusterNone}, ends: errRefused},
	{name: "denied by a policy of ours", q: &kmsg.PushTelemetryRequest{Metrics: []byte("m")}, denied: []string{clusterNone},
		want: &kmsg.PushTelemetryResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.PushTelemetryRequest{}, refused: []string{clusterNone}, ends: errRefused},
	{name: "denied", q: &kmsg.ListConfigResourcesRequest{}, denied: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"},
		want: &kmsg.ListConfigResourcesResponse{ErrorCode: 31}},
	{name: "refused", q: &kmsg.ListConfigResourcesRequest{}, refused: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"}, ends: errRefused},

	{name: "all denied, an illegal name", q: &kmsg.DescribeProducersRequest{Topics: []producing{{Topic: "a", Partitions: []int32{0, 1}}, {Topic: "no/topic", Partitions: []int32{0}}, {Topic: "", Partitions: []int32{0}}}},
		denied: []string{"READ TOPIC a", "READ TOPIC no/topic", "READ TOPIC"},
		want: &kmsg.DescribeProducersResponse{Topics: []produced{
			{Topic: "a", Partitions: []kmsg.DescribeProducersResponseTopicPartition{
				{Partition: 0, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}, {Partition: 1, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}},
			{Topic: "no/topic", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{ErrorCode: 17,
				ErrorMessage: ptr("Topic name is invalid: 'no/topic' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")}}},
			{Topic: "", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{ErrorCode: 17, ErrorMessage: ptr("Topic name is invalid: the empty string is not allowed")}}}}}},
	{name: "mixed, with duplicates", q: &kmsg.DescribeProducersRequest{Topics: []producing{{Topic: "a"}, {Topic: "b", Partitions: []int32{7}}, {Topic: "a"}, {Topic: "b", Partitions: []int32{8}}}},
		denied: []string{"READ TOPIC b"}, passes: &kmsg.DescribeProducersRequest{Topics: []producing{{Topic: "a"}, {Topic: "a"}}},
		answer: &kmsg.DescribeProducersResponse{ThrottleMillis: 1, Topics: []produced{{Topic: "a", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{Partition: 2}}}, {Topic: "a"}}},
		want: &kmsg.DescribeProducersResponse{ThrottleMillis: 1, Topics: []produced{
			{Topic: "a", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{Partition: 2}}},
			{Topic: "b", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{Partition: 7, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}},
			{Topic: "a"},
			{Topic: "b", Partitions: []kmsg.DescribeProducersResponseTopicPartition{{Partition: 8, ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}}}}},
	{name: "refused", q: &kmsg.DescribeProducersRequest{Topics: []producing{{Topic: "a"}}}, refused: []string{"READ TOPIC a"}, ends: errRefused},

	{name: "no bits for who may not describe the cluster", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		denied: []string{clusterDescribe}, passes: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		answer: &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterID: "c", ControllerID: 2, ClusterAuthorizedOperations: 8000},
		want:   &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterID: "c", ControllerID: 2, ClusterAuthorizedOperations: 0}},
	{name: "the broker's own error stays", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		denied: []string{clusterDescribe}, passes: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		answer: &kmsg.DescribeClusterResponse{EndpointType: 1, ErrorCode: 42, ControllerID: -1, ClusterAuthorizedOperations: noBits},
		want:   &kmsg.DescribeClusterResponse{EndpointType: 1, ErrorCode: 42, ControllerID: -1, ClusterAuthorizedOperations: noBits}},
	{name: "some bits", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		denied: []string{"ALTER CLUSTER kafka-cluster"}, passes: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		answer: &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterAuthorizedOperations: 1<<7 | 1<<8 | 1<<9},
		want:   &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterAuthorizedOperations: 1<<8 | 1<<9}},
	{name: "a bit that could not be decided", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		refused: []string{"ALTER CLUSTER kafka-cluster"}, passes: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1},
		answer: &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterAuthorizedOperations: 1<<7 | 1<<8},
		want:   &kmsg.DescribeClusterResponse{EndpointType: 1, ClusterAuthorizedOperations: noBits}},
	{name: "denied by a policy of ours", q: &kmsg.DescribeClusterRequest{EndpointType: 1}, denied: []string{clusterNone},
		want: &kmsg.DescribeClusterResponse{ErrorCode: 31, EndpointType: 1, ControllerID: -1, ClusterAuthorizedOperations: noBits}},
	{name: "refused", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true}, refused: []string{clusterDescribe}, ends: errRefused},
}

func alterOf(resources ...alter) *kmsg.IncrementalAlterConfigsRequest {
	return &kmsg.IncrementalAlterConfigsRequest{Resources: resources, ValidateOnly: true}
}

func alteredOf(throttle int32, resources ...altered) *kmsg.IncrementalAlterConfigsResponse {
	return &kmsg.IncrementalAlterConfigsResponse{ThrottleMillis: throttle, Resources: resources}
}

// Tokens: who asks is User:alice.
var tokenDenials = []denialCase{
	{name: "for another", from: 3, q: &kmsg.CreateDelegationTokenRequest{OwnerPrincipalType: ptr("User"), OwnerPrincipalName: ptr("bob")},
		denied: []string{"CREATE_TOKENS USER User:bob"}, want: &kmsg.CreateDelegationTokenResponse{ErrorCode: 65, PrincipalType: "User", PrincipalName: "bob",
			TokenRequesterPrincipalType: "User", TokenRequesterPrincipalName: "alice", IssueTimestamp: -1, ExpiryTimestamp: -1, MaxTimestamp: -1}},
	{name: "for another without a type", from: 3, q: &kmsg.CreateDelegationTokenRequest{OwnerPrincipalName: ptr("bob")},
		denied: []string{"CREATE_TOKENS USER :bob"}, want: &kmsg.CreateDelegationTokenResponse{ErrorCode: -1, PrincipalType: "User", PrincipalName: "ANONYMOUS",
			TokenRequesterPrincipalType: "User", TokenRequesterPrincipalName: "ANONYMOUS", IssueTimestamp: -1, ExpiryTimestamp: -1, MaxTimestamp: -1}},
	{name: "for oneself, by a policy of ours", q: &kmsg.CreateDelegationTokenRequest{},
		denied: []string{"NONE USER User:alice"}, want: &kmsg.CreateDelegationTokenResponse{ErrorCode: 65, PrincipalType: "User", PrincipalName: "alice",
			TokenRequesterPrincipalType: "User", TokenRequesterPrincipalName: "alice", IssueTimestamp: -1, ExpiryTimestamp: -1, MaxTimestamp: -1}},
	{name: "refused", q: &kmsg.CreateDelegationTokenRequest{}, refused: []string{"NONE USER User:alice"}, ends: errRefused},
	{name: "denied by a policy of ours", q: &kmsg.RenewDelegationTokenRequest{}, denied: []string{"NONE DELEGATION_TOKEN"},
		want: &kmsg.RenewDelegationTokenResponse{ErrorCode: 65, ExpiryTimestamp: -1}},
	{name: "refused", q: &kmsg.RenewDelegationTokenRequest{}, refused: []string{"NONE DELEGATION_TOKEN"}, ends: errRefused},
	{name: "denied by a policy of ours", q: &kmsg.ExpireDelegationTokenRequest{}, denied: []string{"NONE DELEGATION_TOKEN"},
		want: &kmsg.ExpireDelegationTokenResponse{ErrorCode: 65, ExpiryTimestamp: -1}},
	{name: "refused", q: &kmsg.ExpireDelegationTokenRequest{}, refused: []string{"NONE DELEGATION_TOKEN"}, ends: errRefused},

	{name: "own, renewed by oneself, allowed by id, by owner, not allowed", q: &kmsg.DescribeDelegationTokenRequest{},
		denied: []string{"DESCRIBE DELEGATION_TOKEN own", "DESCRIBE DELEGATION_TOKEN renewed", "DESCRIBE DELEGATION_TOKEN byowner", "DESCRIBE DELEGATION_TOKEN no",
			"DESCRIBE_TOKENS USER User:alice", "DESCRIBE_TOKENS USER User:eve"},
		passes: &kmsg.DescribeDelegationTokenRequest{},
		answer: tokensOf(token("own", "alice"), token("renewed", "eve", "x", "alice"), token("no", "eve", "bob"), token("byid", "eve"), token("byowner", "bob")),
		want:   tokensOf(token("own", "alice"), token("renewed", "eve", "x", "alice"), token("byid", "eve"), token("byowner", "bob"))},
	{name: "of owners that may not be described, what else is shown stays", q: tokensFrom("bob", "eve"),
		denied: []string{"DESCRIBE_TOKENS USER User:bob", "DESCRIBE DELEGATION_TOKEN b"}, passes: tokensFrom("bob", "eve"),
		answer: tokensOf(token("a", "bob"), token("b", "bob"), token("c", "eve")), want: tokensOf(token("a", "bob"), token("c", "eve"))},
	{name: "one that could not be decided", q: &kmsg.DescribeDelegationTokenRequest{}, passes: &kmsg.DescribeDelegationTokenRequest{},
		refused: []string{"DESCRIBE DELEGATION_TOKEN a"}, denied: []string{"DESCRIBE_TOKENS USER User:bob"}, answer: tokensOf(token("a", "bob"), token("b", "eve")), ends: errRefused},
	{name: "one that could not be decided but by its owner", q: &kmsg.DescribeDelegationTokenRequest{}, passes: &kmsg.DescribeDelegationTokenRequest{},
		refused: []string{"DESCRIBE DELEGATION_TOKEN a"}, answer: tokensOf(token("a", "bob")), want: tokensOf(token("a", "bob"))},
	{name: "own tokens, by a policy of ours", q: tokensFrom("alice"), denied: []string{"NONE USER User:alice"},
		want: &kmsg.DescribeDelegationTokenResponse{ErrorCode: 65}},
}

func tokensFrom(owners ...string) *kmsg.DescribeDelegationTokenRequest {
	q := &kmsg.DescribeDelegationTokenRequest{}
	for _, o := range owners {
		q.Owners = append(q.Owners, kmsg.DescribeDelegationTokenRequestOwner{PrincipalType: "User", PrincipalName: o})
	}
	return q
}

func token(id, owner string, renewers ...string) kmsg.DescribeDelegationTokenResponseTokenDetail {
	t := kmsg.DescribeDelegationTokenResponseTokenDetail{PrincipalType: "User", PrincipalName: owner, TokenID: id, HMAC: []byte("h"), MaxTimestamp: 9}
	for _, r := range renewers {
		t.Renewers = append(t.Renewers, kmsg.DescribeDelegationTokenResponseTokenDetailRenewer{PrincipalType: "User", PrincipalName: r})
	}
	return t
}

func tokensOf(list ...kmsg.DescribeDelegationTokenResponseTokenDetail) *kmsg.DescribeDelegationTokenResponse {
	return &kmsg.DescribeDelegationTokenResponse{ThrottleMillis: 3, TokenDetails: list}
}
