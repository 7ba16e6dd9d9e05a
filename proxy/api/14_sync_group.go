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
var syncGroupRow = row[kmsg.SyncGroupRequest, kmsg.SyncGroupResponse](
	kmsg.SyncGroup, deriveSyncGroup, nil)

func deriveSyncGroup(x *Exchange, q *kmsg.SyncGroupRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}
