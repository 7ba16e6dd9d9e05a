package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// RemoveRaftVoter (key 81), version 0 (KIP-853). An admin client's call, which brokers forward.
//
// Actions: ALTER on the cluster.
var removeRaftVoterRow = row[kmsg.RemoveRaftVoterRequest, kmsg.RemoveRaftVoterResponse](
	kmsg.RemoveRaftVoter, deriveRemoveRaftVoter, nil, each)

func deriveRemoveRaftVoter(x *Exchange, _ *kmsg.RemoveRaftVoterRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}
