package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteGroups (key 42), versions 0 to 3 (KIP-229).
//
//   - v1: throttled after the answer; v2: flexible
//   - v3: an error message for each group (Kafka 4.4)
//
// Actions: DELETE on each group.
//
// Denied: 30 behind the results of the others, each group once, and without a message even in v3.
var deleteGroupsRow = row[kmsg.DeleteGroupsRequest, kmsg.DeleteGroupsResponse](
	kmsg.DeleteGroups, deriveDeleteGroups, nil, each, denies(denyDeleteGroups), retries(errCoordinatorLoading))

func deriveDeleteGroups(x *Exchange, q *kmsg.DeleteGroupsRequest) error {
	x.askGroups(access.OpDelete, q.Groups)
	return nil
}

func denyDeleteGroups(x *Exchange, q *kmsg.DeleteGroupsRequest) (*kmsg.DeleteGroupsResponse, error) {
	var own []kmsg.DeleteGroupsResponseGroup
	var seen names
	q.Groups = slices.DeleteFunc(q.Groups, func(group string) bool {
		d := x.Decided(access.OpDelete, access.ResGroup, group)
		if d.Stops() && !seen.has(group) {
			seen.add(group)
			r := kmsg.NewDeleteGroupsResponseGroup()
			r.Group, r.ErrorCode = group, x.Code(d, errGroupAuthorization)
			own = append(own, r)
		}
		return d.Stops()
	})
	if len(q.Groups) == 0 {
		r := kmsg.NewPtrDeleteGroupsResponse()
		r.Groups = own
		return r, nil
	}
	merges(x, func(r *kmsg.DeleteGroupsResponse) { r.Groups = append(r.Groups, own...) })
	return nil, nil
}
