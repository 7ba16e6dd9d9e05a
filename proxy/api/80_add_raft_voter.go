package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AddRaftVoter (key 80), versions 0 and 1 (KIP-853). An admin client's call, which brokers forward.
//
//   - v1: whether to answer only once the change is committed
//
// Actions: ALTER on the cluster. Denied: 31 with Kafka's message. The listeners in the request are the new voter's own: they are for controllers, and
// pass as they are.
var addRaftVoterRow = row[kmsg.AddRaftVoterRequest, kmsg.AddRaftVoterResponse](
	kmsg.AddRaftVoter, deriveAddRaftVoter, nil, each, denies(denyAddRaftVoter))

func deriveAddRaftVoter(x *Exchange, _ *kmsg.AddRaftVoterRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}

func denyAddRaftVoter(*Exchange, *kmsg.AddRaftVoterRequest) (*kmsg.AddRaftVoterResponse, error) {
	r := kmsg.NewPtrAddRaftVoterResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, message(errClusterAuthorization)
	return r, nil
}
