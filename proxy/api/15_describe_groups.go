package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeGroups (key 15), versions 0 to 6.
//
//   - v1: throttle time; v3: authorized operations (KIP-430); v4: static members (KIP-345); v5: flexible
//   - v6: error messages, GROUP_ID_NOT_FOUND (KIP-1043)
//
// Actions: DESCRIBE on each group. The answer's client hosts are addresses of clients, as the broker sees them: ours.
//
// Denied: 30 for the group, all else empty, before the broker's own entries. Refused: 14. Authorized operations, where they
// are asked for, are cut down to what may be done.
var describeGroupsRow = row[kmsg.DescribeGroupsRequest, kmsg.DescribeGroupsResponse](
	kmsg.DescribeGroups, deriveDescribeGroups, nil, denies(denyDescribeGroups), retries(errCoordinatorLoading))

func deriveDescribeGroups(x *Exchange, q *kmsg.DescribeGroupsRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	if q.Version >= 3 && q.IncludeAuthorizedOperations {
		filters(x, x.filterGroupOperations)
	}
	return nil
}

func denyDescribeGroups(x *Exchange, q *kmsg.DescribeGroupsRequest) (*kmsg.DescribeGroupsResponse, error) {
	kept, denied := take(q.Groups, func(group *string) (kmsg.DescribeGroupsResponseGroup, bool) {
		g := kmsg.NewDescribeGroupsResponseGroup() // authorized operations omitted
		g.Group, g.ErrorCode = *group, x.groupError(access.OpDescribe, *group)
		return g, g.ErrorCode != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrDescribeGroupsResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	merges(x, func(r *kmsg.DescribeGroupsResponse) { r.Groups = append(entries(denied), r.Groups...) })
	return nil, nil
}

func (x *Exchange) filterGroupOperations(r *kmsg.DescribeGroupsResponse) (changed bool, err error) {
	f := x.filter()
	for i := range r.Groups {
		g := &r.Groups[i]
		changed = f.trim(&g.AuthorizedOperations, access.ResGroup, g.Group) || changed
	}
	return changed, f.err()
}
