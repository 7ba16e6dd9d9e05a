package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// JoinGroup (key 11), versions 0 to 9.
//
//   - v1: rebalance timeout (KIP-62); v4: MEMBER_ID_REQUIRED (KIP-394); v5: static members (KIP-345); v6: flexible
//   - v7: protocol type in the answer (KIP-559); v8: reason (KIP-800); v9: assignment may be skipped (KIP-814)
//
// Actions: READ on the group. Topics stand in the protocol's metadata, which is the clients' own and which the broker
// does not read.
//
// Denied: 30 with generation -1 and nothing else; from v7 on the protocol is null. Refused: 14.
var joinGroupRow = row[kmsg.JoinGroupRequest, kmsg.JoinGroupResponse](
	kmsg.JoinGroup, deriveJoinGroup, nil, denies(denyJoinGroup), retries(errCoordinatorLoading))

func deriveJoinGroup(x *Exchange, q *kmsg.JoinGroupRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denyJoinGroup(x *Exchange, q *kmsg.JoinGroupRequest) (*kmsg.JoinGroupResponse, error) {
	r := kmsg.NewPtrJoinGroupResponse() // generation -1
	r.ErrorCode = x.groupError(access.OpRead, q.Group)
	if q.Version < 7 {
		r.Protocol = new(string)
	}
	return r, nil
}
