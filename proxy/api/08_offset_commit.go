package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetCommit (key 8), versions 0 to 10.
//
//   - v1: generation and member; v2: retention, until v4 (KIP-211); v6: leader epoch (KIP-320)
//   - v7: static members (KIP-345); v8: flexible; v9: errors of the new group protocol (KIP-848); v10: topics by id
//
// Actions: READ on the group, READ on each topic.
var offsetCommitRow = row[kmsg.OffsetCommitRequest, kmsg.OffsetCommitResponse](
	kmsg.OffsetCommit, deriveOffsetCommit, nil)

func deriveOffsetCommit(x *Exchange, q *kmsg.OffsetCommitRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.AskTopic(access.OpRead, x.entry(q.Topics[i].Topic, q.Topics[i].TopicID))
	}
	return nil
}
