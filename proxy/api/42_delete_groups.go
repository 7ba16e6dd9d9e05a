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
var deleteGroupsRow = row[kmsg.DeleteGroupsRequest, kmsg.DeleteGroupsResponse](
	kmsg.DeleteGroups, deriveDeleteGroups, nil, each)

func deriveDeleteGroups(x *Exchange, q *kmsg.DeleteGroupsRequest) error {
	x.askGroups(access.OpDelete, q.Groups)
	return nil
}
