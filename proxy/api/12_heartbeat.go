package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Heartbeat (key 12), versions 0 to 4.
//
//   - v1: throttle time; v3: static members (KIP-345); v4: flexible
//
// Actions: READ on the group. Denied: 30. Refused: 14.
var heartbeatRow = row[kmsg.HeartbeatRequest, kmsg.HeartbeatResponse](
	kmsg.Heartbeat, deriveHeartbeat, nil, denies(denyHeartbeat), retries(errCoordinatorLoading))

func deriveHeartbeat(x *Exchange, q *kmsg.HeartbeatRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denyHeartbeat(x *Exchange, q *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
	r := kmsg.NewPtrHeartbeatResponse()
	r.ErrorCode = x.groupError(access.OpRead, q.Group)
	return r, nil
}
