package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterPartitionReassignments (key 45; kmsg: AlterPartitionAssignments), versions 0 and 1 (KIP-455).
//
//   - v1: whether the replication factor may change (KIP-860)
//
// Actions: ALTER on the cluster. The topics that are moved are noted beside it.
//
// Denied: 31 with a message (see needs), for the whole and for each partition.
var alterPartitionAssignmentsRow = row[kmsg.AlterPartitionAssignmentsRequest, kmsg.AlterPartitionAssignmentsResponse](
	kmsg.AlterPartitionAssignments, deriveAlterPartitionAssignments, nil, each,
	denies(denyAlterPartitionAssignments))

func deriveAlterPartitionAssignments(x *Exchange, q *kmsg.AlterPartitionAssignmentsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Topics {
		x.askTopicName(access.OpNone, q.Topics[i].Topic)
	}
	return nil
}

func denyAlterPartitionAssignments(x *Exchange, q *kmsg.AlterPartitionAssignmentsRequest) (*kmsg.AlterPartitionAssignmentsResponse, error) {
	r := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
	for i := range q.Topics {
		t := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		t.Topic = q.Topics[i].Topic
		for j := range q.Topics[i].Partitions {
			p := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			p.Partition = q.Topics[i].Partitions[j].Partition
			p.ErrorCode, p.ErrorMessage = r.ErrorCode, r.ErrorMessage
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r, nil
}
