package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteShareGroupOffsets (key 92), version 0 (KIP-932).
//
// Actions: DELETE on the group, READ on each topic. Names and ids of topics are learned.
//
// Denied: 30 with Kafka's message for the whole; 29 with it for a topic, without its id, before the others. The
// coordinator is asked even for no topic at all, and its error is the whole answer.
var deleteShareGroupOffsetsRow = row(
	kmsg.DeleteShareGroupOffsets, deriveDeleteShareGroupOffsets, learnDeletedShareOffsets, each,
	denies(denyDeleteShareGroupOffsets), retries(errCoordinatorLoading))

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

func denyDeleteShareGroupOffsets(x *Exchange, q *kmsg.DeleteShareGroupOffsetsRequest) (*kmsg.DeleteShareGroupOffsetsResponse, error) {
	if code := x.wholeGroup(access.OpDelete, q.GroupID, access.OpRead); code != 0 {
		r := kmsg.NewPtrDeleteShareGroupOffsetsResponse()
		r.ErrorCode, r.ErrorMessage = code, message(code)
		return r, nil
	}
	kept, denied := take(q.Topics, func(t *kmsg.DeleteShareGroupOffsetsRequestTopic) (kmsg.DeleteShareGroupOffsetsResponseTopic, bool) {
		r := kmsg.NewDeleteShareGroupOffsetsResponseTopic()
		r.Topic, r.ErrorCode = t.Topic, x.topicError(access.OpRead, t.Topic)
		r.ErrorMessage = message(r.ErrorCode)
		return r, r.ErrorCode != 0
	})
	q.Topics = kept
	merges(x, func(r *kmsg.DeleteShareGroupOffsetsResponse) {
		if r.ErrorCode == 0 {
			r.Topics = append(entries(denied), r.Topics...)
		}
	})
	return nil, nil
}
