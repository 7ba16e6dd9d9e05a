package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateAcls (key 30), versions 0 to 3 (KIP-140).
//
//   - v1: pattern types (KIP-290); v2: flexible; v3: resources of type user (KIP-373)
//
// Actions: ALTER on the cluster. Each ACL's resource and principal are noted beside it.
var createACLsRow = row[kmsg.CreateACLsRequest, kmsg.CreateACLsResponse](
	kmsg.CreateACLs, deriveCreateACLs, nil, each)

func deriveCreateACLs(x *Exchange, q *kmsg.CreateACLsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Creations {
		c := &q.Creations[i]
		x.noteACL(c.ResourceType, &c.ResourceName, &c.Principal)
	}
	return nil
}
