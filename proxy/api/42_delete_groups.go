package api

import (
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
	kept, denied := take(q.Groups, func(group *string) (kmsg.DeleteGroupsResponseGroup, bool) {
		r := kmsg.NewDeleteGroupsResponseGroup()
		r.Group, r.ErrorCode = *group, x.groupError(access.OpDelete, *group)
		return r, r.ErrorCode != 0
	})
	denied = folded(denied, func(r *kmsg.DeleteGroupsResponseGroup) topicKey { return topicKey{name: r.Group} },
		func(_, _ *kmsg.DeleteGroupsResponseGroup) {})
	if len(kept) == 0 {
		r := kmsg.NewPtrDeleteGroupsResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	merges(x, func(r *kmsg.DeleteGroupsResponse) { r.Groups = append(r.Groups, entries(denied)...) })
	return nil, nil
}
