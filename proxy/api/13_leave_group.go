package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// LeaveGroup (key 13), versions 0 to 5.
//
//   - v1: throttle time; v3: several members, static ones (KIP-345); v4: flexible; v5: reason (KIP-800)
//
// Actions: READ on the group. Denied: 30 for the whole, without members. Refused: 14.
var leaveGroupRow = row[kmsg.LeaveGroupRequest, kmsg.LeaveGroupResponse](
	kmsg.LeaveGroup, deriveLeaveGroup, nil, denies(denyLeaveGroup), retries(errCoordinatorLoading))

func deriveLeaveGroup(x *Exchange, q *kmsg.LeaveGroupRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denyLeaveGroup(x *Exchange, q *kmsg.LeaveGroupRequest) (*kmsg.LeaveGroupResponse, error) {
	r := kmsg.NewPtrLeaveGroupResponse()
	r.ErrorCode = x.groupError(access.OpRead, q.Group)
	return r, nil
}
