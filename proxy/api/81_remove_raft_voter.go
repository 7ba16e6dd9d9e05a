package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// RemoveRaftVoter (key 81), version 0 (KIP-853). An admin client's call, which brokers forward.
//
// Actions: ALTER on the cluster. Denied: 31 with Kafka's message.
var removeRaftVoterRow = row[kmsg.RemoveRaftVoterRequest, kmsg.RemoveRaftVoterResponse](
	kmsg.RemoveRaftVoter, deriveRemoveRaftVoter, nil, each, denies(denyRemoveRaftVoter))

func deriveRemoveRaftVoter(x *Exchange, _ *kmsg.RemoveRaftVoterRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}

func denyRemoveRaftVoter(*Exchange, *kmsg.RemoveRaftVoterRequest) (*kmsg.RemoveRaftVoterResponse, error) {
	r := kmsg.NewPtrRemoveRaftVoterResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, message(errClusterAuthorization)
	return r, nil
}
