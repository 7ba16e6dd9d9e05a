package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups (key 16), versions 0 to 5.
//
//   - v1: throttle time; v3: flexible; v4: filter by state (KIP-518); v5: filter by type (KIP-848)
//
// Actions: DESCRIBE on the cluster, with which all groups are seen. Without it all groups (name "*") are noted, and each
// group of the answer is decided when it comes: the denied ones are left out. Refused: 14.
var listGroupsRow = row[kmsg.ListGroupsRequest, kmsg.ListGroupsResponse](
	kmsg.ListGroups, deriveListGroups, nil, denies(denyListGroups), retries(errCoordinatorLoading))

func deriveListGroups(x *Exchange, _ *kmsg.ListGroupsRequest) error {
	a := onCluster(access.OpDescribe)
	d := x.Env.Decider.Decide(&x.Request, &a)
	if d.Verdict == access.Deny {
		x.noteAll(access.ResGroup)
		filters(x, x.filterGroups)
		return nil
	}
	if a := onGroup(access.OpDescribe, access.AllResources); x.roomFor(&a) {
		x.put(a, d, 0)
	}
	return nil
}

// denyListGroups answers what could not be decided: a denial does not stop the request.
func denyListGroups(x *Exchange, _ *kmsg.ListGroupsRequest) (*kmsg.ListGroupsResponse, error) {
	r := kmsg.NewPtrListGroupsResponse()
	r.ErrorCode = x.API.retry
	return r, nil
}

func (x *Exchange) filterGroups(r *kmsg.ListGroupsResponse) (changed bool, err error) {
	f := x.filter()
	n := len(r.Groups)
	r.Groups = slices.DeleteFunc(r.Groups, func(g kmsg.ListGroupsResponseGroup) bool {
		return !f.shows(access.OpDescribe, access.ResGroup, g.Group)
	})
	if f.refused {
		r.ErrorCode, r.Groups = errCoordinatorLoading, nil
	}
	return f.refused || len(r.Groups) < n, f.err()
}
