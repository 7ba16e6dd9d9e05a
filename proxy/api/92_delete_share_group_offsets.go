package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteShareGroupOffsets (key 92), version 0 (KIP-932).
//
// Actions: DELETE on the group, READ on each topic. Names and ids of topics are learned.
var deleteShareGroupOffsetsRow = row(
	kmsg.DeleteShareGroupOffsets, deriveDeleteShareGroupOffsets, learnDeletedShareOffsets, each)

func deriveDeleteShareGroupOffsets(x *Exchange, q *kmsg.DeleteShareGroupOffsetsRequest) error {
	x.Group = q.GroupID
	x.Ask(access.OpDelete, access.ResGroup, q.GroupID)
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}

func learnDeletedShareOffsets(x *Exchange, r *kmsg.DeleteShareGroupOffsetsResponse) (bool, error) {
	var p pairs
	for i := range r.Topics {
		p.add(r.Topics[i].Topic, r.Topics[i].TopicID)
	}
	x.learnPairs(p)
	return false, nil
}
