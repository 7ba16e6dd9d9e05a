package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// SyncGroup (key 14), versions 0 to 5.
//
//   - v1: throttle time; v3: static members (KIP-345); v4: flexible; v5: protocol type and name (KIP-559)
//
// Actions: READ on the group.
//
// Denied: 30 with an empty assignment; but 23 where v5 and above come without protocol type or name, which a broker looks
// at before it asks its authorizer. Refused: 27, upon which clients join anew: that is what a broker says here while it
// loads the group, and Java's consumer dies of 14.
var syncGroupRow = row[kmsg.SyncGroupRequest, kmsg.SyncGroupResponse](
	kmsg.SyncGroup, deriveSyncGroup, nil, denies(denySyncGroup), retries(errRebalancing))

func deriveSyncGroup(x *Exchange, q *kmsg.SyncGroupRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denySyncGroup(x *Exchange, q *kmsg.SyncGroupRequest) (*kmsg.SyncGroupResponse, error) {
	r := kmsg.NewPtrSyncGroupResponse()
	r.ErrorCode = x.groupError(access.OpRead, q.Group)
	if q.Version >= 5 && (q.ProtocolType == nil || q.Protocol == nil) {
		r.ErrorCode = errGroupProtocol
	}
	return r, nil
}
