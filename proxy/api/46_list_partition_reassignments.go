package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListPartitionReassignments (key 46), version 0 (KIP-455).
//
// Actions: DESCRIBE on the cluster, whichever topics are asked for.
//
// Denied: 31 with a message (see needs), and the partitions that were asked for, as if nothing moved.
var listPartitionReassignmentsRow = row[kmsg.ListPartitionReassignmentsRequest, kmsg.ListPartitionReassignmentsResponse](
	kmsg.ListPartitionReassignments, deriveListPartitionReassignments, nil,
	denies(denyListPartitionReassignments))

func deriveListPartitionReassignments(x *Exchange, _ *kmsg.ListPartitionReassignmentsRequest) error {
	x.AskCluster(access.OpDescribe)
	return nil
}

func denyListPartitionReassignments(x *Exchange, q *kmsg.ListPartitionReassignmentsRequest) (*kmsg.ListPartitionReassignmentsResponse, error) {
	r := kmsg.NewPtrListPartitionReassignmentsResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpDescribe)
	for i := range q.Topics {
		t := kmsg.NewListPartitionReassignmentsResponseTopic()
		t.Topic = q.Topics[i].Topic
		for _, n := range q.Topics[i].Partitions {
			p := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
			p.Partition = n
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r, nil
}
