package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListPartitionReassignments (key 46), version 0 (KIP-455).
//
// Actions: DESCRIBE on the cluster, whichever topics are asked for.
var listPartitionReassignmentsRow = row[kmsg.ListPartitionReassignmentsRequest, kmsg.ListPartitionReassignmentsResponse](
	kmsg.ListPartitionReassignments, deriveListPartitionReassignments, nil)

func deriveListPartitionReassignments(x *Exchange, _ *kmsg.ListPartitionReassignmentsRequest) error {
	x.AskCluster(access.OpDescribe)
	return nil
}
