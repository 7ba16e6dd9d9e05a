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
var alterPartitionAssignmentsRow = row[kmsg.AlterPartitionAssignmentsRequest, kmsg.AlterPartitionAssignmentsResponse](
	kmsg.AlterPartitionAssignments, deriveAlterPartitionAssignments, nil, each)

func deriveAlterPartitionAssignments(x *Exchange, q *kmsg.AlterPartitionAssignmentsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Topics {
		x.askTopicName(access.OpNone, q.Topics[i].Topic)
	}
	return nil
}
