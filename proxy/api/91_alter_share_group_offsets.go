package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterShareGroupOffsets (key 91), version 0 (KIP-932). It lets a share group read again, or skip, what it names.
//
// Actions: READ on the group, READ on each topic. Names and ids of topics are learned.
var alterShareGroupOffsetsRow = row(
	kmsg.AlterShareGroupOffsets, deriveAlterShareGroupOffsets, learnAlteredShareOffsets, each)

func deriveAlterShareGroupOffsets(x *Exchange, q *kmsg.AlterShareGroupOffsetsRequest) error {
	x.Group = q.GroupID
	x.Ask(access.OpRead, access.ResGroup, q.GroupID)
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}

func learnAlteredShareOffsets(x *Exchange, r *kmsg.AlterShareGroupOffsetsResponse) (bool, error) {
	var p pairs
	for i := range r.Topics {
		p.add(r.Topics[i].Topic, r.Topics[i].TopicID)
	}
	x.learnPairs(p)
	return false, nil
}
