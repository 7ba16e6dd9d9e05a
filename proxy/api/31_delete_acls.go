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
//
// Denied: 31 and a message for each filter, for one of them as for all. Refused: the connection ends.
var deleteACLsRow = row(kmsg.DeleteACLs, deriveDeleteACLs, observeDeletedACLs, each, denies(denyDeleteACLs))

func deriveDeleteACLs(x *Exchange, q *kmsg.DeleteACLsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Filters {
		for _, a := range deletedACLs(&q.Filters[i]) {
			x.ask(a)
		}
	}
	return nil
}

func deletedACLs(f *kmsg.DeleteACLsRequestFilter) []access.Action {
	return aclActions(f.ResourceType, f.ResourceName, f.Principal)
}

func observeDeletedACLs(x *Exchange, r *kmsg.DeleteACLsResponse) (bool, error) {
	q := x.Body.(*kmsg.DeleteACLsRequest)
	if len(r.Results) != len(q.Filters) {
		return false, nil
	}
	at := 1 // behind the cluster's
	for i := range q.Filters {
		at = x.spread(at, deletedACLs(&q.Filters[i]), filterError(&r.Results[i]))
	}
	return false, nil
}

// filterError is the error of a filter, or the first of the ACLs that it matched.
func filterError(r *kmsg.DeleteACLsResponseResult) int16 {
	for i := 0; r.ErrorCode == 0 && i < len(r.MatchingACLs); i++ {
		if code := r.MatchingACLs[i].ErrorCode; code != 0 {
			return code
		}
	}
	return r.ErrorCode
}

func denyDeleteACLs(x *Exchange, q *kmsg.DeleteACLsRequest) (*kmsg.DeleteACLsResponse, error) {
	r := kmsg.NewPtrDeleteACLsResponse()
	for range q.Filters {
		e := kmsg.NewDeleteACLsResponseResult()
		e.ErrorCode, e.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
		r.Results = append(r.Results, e)
	}
	return r, nil
}
