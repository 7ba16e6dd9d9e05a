package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetDelete (key 47), version 0 (KIP-496). It is the one API of its age that is not flexible.
//
// Actions: DELETE on the group, READ on each topic.
var offsetDeleteRow = row[kmsg.OffsetDeleteRequest, kmsg.OffsetDeleteResponse](
	kmsg.OffsetDelete, deriveOffsetDelete, nil, each)

func deriveOffsetDelete(x *Exchange, q *kmsg.OffsetDeleteRequest) error {
	x.Group = q.Group
	x.Ask(access.OpDelete, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}
