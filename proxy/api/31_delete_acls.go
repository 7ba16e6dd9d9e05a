package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteAcls (key 31), versions 0 to 3 (KIP-140).
//
//   - v1: pattern types (KIP-290); v2: flexible; v3: resources of type user (KIP-373)
//
// Actions: ALTER on the cluster. Each filter's resource and principal are noted beside it.
var deleteACLsRow = row[kmsg.DeleteACLsRequest, kmsg.DeleteACLsResponse](
	kmsg.DeleteACLs, deriveDeleteACLs, nil, each)

func deriveDeleteACLs(x *Exchange, q *kmsg.DeleteACLsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Filters {
		f := &q.Filters[i]
		x.noteACL(f.ResourceType, f.ResourceName, f.Principal)
	}
	return nil
}
