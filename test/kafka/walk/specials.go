package walk

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/raw"
)

// specials correct what filling by name cannot know, so that a request does something and harms nothing.
var specials = map[int16]func(r kmsg.Request, version int16, n Names){
	0: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.ProduceRequest)
		q.TransactionID, q.Acks, q.TimeoutMillis = nil, -1, 5000
		q.Topics[0].Partitions[0].Records = raw.Batch([]byte("walk"))
	},
	1: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.FetchRequest)
		q.MaxWaitMillis, q.MaxBytes, q.SessionEpoch, q.ForgottenTopics = 100, 1<<20, -1, nil
		q.Topics[0].Partitions[0].PartitionMaxBytes = 300
	},
	2: func(r kmsg.Request, _ int16, _ Names) {
		r.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0].Timestamp = -1
	},
	3: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.MetadataRequest).Topics[0].TopicID = [16]byte{} },
	8: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.OffsetCommitRequest)
		q.Generation, q.Topics[0].Partitions[0].Offset = -1, 3
	},
	9: func(r kmsg.Request, version int16, _ Names) {
		if version >= 8 {
			r.(*kmsg.OffsetFetchRequest).Groups[0].MemberEpoch = -1
		}
	},
	11: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.JoinGroupRequest)
		q.Group, q.SessionTimeoutMillis, q.RebalanceTimeoutMillis, q.ProtocolType = n.Joined, 6000, 6000, "consumer"
		q.InstanceID, q.Protocols[0].Name = nil, "range"
	},
	14: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.SyncGroupRequest).Generation = 1 },
	17: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.SASLHandshakeRequest).Mechanism = "PLAIN" },
	18: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.ApiVersionsRequest)
		q.ClientSoftwareName, q.ClientSoftwareVersion = "walk", "1"
	},
	19: func(r kmsg.Request, version int16, n Names) {
		q := r.(*kmsg.CreateTopicsRequest)
		q.TimeoutMillis = 10_000
		t := &q.Topics[0]
		t.Topic, t.NumPartitions, t.ReplicationFactor, t.ReplicaAssignment = fmt.Sprintf("%smade%d", n.Prefix, version), 1, 1, nil
		t.Configs = nil
	},
	20: func(r kmsg.Request, version int16, n Names) {
		q := r.(*kmsg.DeleteTopicsRequest)
		name := fmt.Sprintf("%smade%d", n.Prefix, version+1)
		q.TimeoutMillis, q.TopicNames = 10_000, []string{name}
		q.Topics[0].Topic, q.Topics[0].TopicID = &name, [16]byte{}
	},
	21: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.DeleteRecordsRequest)
		q.TimeoutMillis, q.Topics[0].Partitions[0].Offset = 5000, 1
	},
	22: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.InitProducerIDRequest)
		q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = &n.TxnID, 10_000, -1, -1
	},
	23: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.OffsetForLeaderEpochRequest).ReplicaID = -1 },
	27: func(r kmsg.Request, _ int16, _ Names) {
		r.(*kmsg.WriteTxnMarkersRequest).Markers[0].ProducerID = 987654
	},
	29: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.DescribeACLsRequest)
		q.ResourceType, q.ResourcePatternType, q.Operation, q.PermissionType = 2, 3, 1, 1
		name := n.Prefix + "acl"
		q.ResourceName, q.Principal, q.Host = &name, nil, nil
	},
	30: func(r kmsg.Request, _ int16, n Names) {
		c := &r.(*kmsg.CreateACLsRequest).Creations[0]
		c.ResourceType, c.ResourceName, c.ResourcePatternType, c.Principal = 2, n.Prefix+"acl", 3, "User:carol"
		c.Host, c.Operation, c.PermissionType = "*", 3, 3
	},
	31: func(r kmsg.Request, _ int16, n Names) {
		f := &r.(*kmsg.DeleteACLsRequest).Filters[0]
		name := n.Prefix + "acl"
		f.ResourceType, f.ResourceName, f.ResourcePatternType, f.Operation, f.PermissionType = 2, &name, 3, 1, 1
		f.Principal, f.Host = nil, nil
	},
	32: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.DescribeConfigsRequest)
		q.Resources[0].ResourceType, q.Resources[0].ResourceName, q.Resources[0].ConfigNames = 2, n.Topic, []string{"retention.ms"}
	},
	33: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.AlterConfigsRequest)
		value := "7654321"
		q.Resources[0].ResourceType, q.Resources[0].ResourceName = 2, n.Topic
		q.Resources[0].Configs[0].Name, q.Resources[0].Configs[0].Value = "retention.ms", &value
	},
	37: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.CreatePartitionsRequest)
		q.TimeoutMillis, q.ValidateOnly, q.Topics[0].Count, q.Topics[0].Assignment = 10_000, true, 2, nil
	},
	43: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.ElectLeadersRequest).TimeoutMillis = 5000 },
	44: func(r kmsg.Request, _ int16, n Names) {
		q := r.(*kmsg.IncrementalAlterConfigsRequest)
		value := "7654322"
		q.Resources[0].ResourceType, q.Resources[0].ResourceName = 2, n.Topic
		q.Resources[0].Configs[0].Name, q.Resources[0].Configs[0].Value = "retention.ms", &value
	},
	45: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.AlterPartitionAssignmentsRequest)
		q.TimeoutMillis, q.Topics[0].Partitions[0].Replicas = 5000, []int32{1}
	},
	46: func(r kmsg.Request, _ int16, _ Names) {
		r.(*kmsg.ListPartitionReassignmentsRequest).TimeoutMillis = 5000
	},
	48: func(r kmsg.Request, _ int16, n Names) {
		c := &r.(*kmsg.DescribeClientQuotasRequest).Components[0]
		match := n.Prefix + "quota"
		c.EntityType, c.MatchType, c.Match = "client-id", 0, &match
	},
	49: func(r kmsg.Request, _ int16, n Names) {
		e := &r.(*kmsg.AlterClientQuotasRequest).Entries[0]
		name := n.Prefix + "quota"
		e.Entity[0].Type, e.Entity[0].Name = "client-id", &name
		e.Ops[0].Key, e.Ops[0].Value = "producer_byte_rate", 1e9
	},
	55: func(r kmsg.Request, _ int16, _ Names) {
		r.(*kmsg.DescribeQuorumRequest).Topics[0].Topic = "__cluster_metadata"
	},
	57: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.UpdateFeaturesRequest).ValidateOnly = true },
	64: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.UnregisterBrokerRequest).BrokerID = 77 },
	66: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.ListTransactionsRequest)
		q.StateFilters, q.TransactionalIDPattern, q.DurationFilterMillis = nil, nil, -1
	},
	74: func(r kmsg.Request, _ int16, _ Names) {
		r.(*kmsg.ListConfigResourcesRequest).ResourceTypes = []int8{16}
	},
	75: func(r kmsg.Request, _ int16, _ Names) {
		q := r.(*kmsg.DescribeTopicPartitionsRequest)
		q.ResponsePartitionLimit, q.Cursor = 100, nil
	},
	80: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.AddRaftVoterRequest).VoterID = 9 },
	81: func(r kmsg.Request, _ int16, _ Names) { r.(*kmsg.RemoveRaftVoterRequest).VoterID = 9 },
}
