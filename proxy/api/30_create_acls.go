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
//
// Denied: 31 and a message for each ACL, for one of them as for all. Refused: the connection ends.
var createACLsRow = row(kmsg.CreateACLs, deriveCreateACLs, observeCreatedACLs, each, denies(denyCreateACLs))

func deriveCreateACLs(x *Exchange, q *kmsg.CreateACLsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Creations {
		for _, a := range createdACL(&q.Creations[i]) {
			x.ask(a)
		}
	}
	return nil
}

func createdACL(c *kmsg.CreateACLsRequestCreation) []access.Action {
	return aclActions(c.ResourceType, &c.ResourceName, &c.Principal)
}

func observeCreatedACLs(x *Exchange, r *kmsg.CreateACLsResponse) (bool, error) {
	q := x.Body.(*kmsg.CreateACLsRequest)
	if len(r.Results) != len(q.Creations) {
		return false, nil
	}
	at := 1 // behind the cluster's
	for i := range q.Creations {
		at = x.spread(at, createdACL(&q.Creations[i]), r.Results[i].ErrorCode)
	}
	return false, nil
}

func denyCreateACLs(x *Exchange, q *kmsg.CreateACLsRequest) (*kmsg.CreateACLsResponse, error) {
	r := kmsg.NewPtrCreateACLsResponse()
	for range q.Creations {
		e := kmsg.NewCreateACLsResponseResult()
		e.ErrorCode, e.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
		r.Results = append(r.Results, e)
	}
	return r, nil
}
