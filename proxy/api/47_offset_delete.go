package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetDelete (key 47), version 0 (KIP-496). It is the one API of its age that is not flexible.
//
// Actions: DELETE on the group, READ on each topic.
//
// Denied: 30 for the whole; 29 for each partition of a topic. The broker lists those topics together with the ones that
// it does not know (3), in the order of the request, and then what the group's coordinator says. The coordinator is asked
// even for no topic at all, so that a group that it does not know is answered as such.
var offsetDeleteRow = row[kmsg.OffsetDeleteRequest, kmsg.OffsetDeleteResponse](
	kmsg.OffsetDelete, deriveOffsetDelete, nil, each, denies(denyOffsetDelete), retries(errCoordinatorLoading))

func deriveOffsetDelete(x *Exchange, q *kmsg.OffsetDeleteRequest) error {
	x.Group = q.Group
	x.Ask(access.OpDelete, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}

func denyOffsetDelete(x *Exchange, q *kmsg.OffsetDeleteRequest) (*kmsg.OffsetDeleteResponse, error) {
	if code := x.wholeGroup(access.OpDelete, q.Group, access.OpRead); code != 0 {
		r := kmsg.NewPtrOffsetDeleteResponse()
		r.ErrorCode = code
		return r, nil
	}
	order := newOrder(q.Topics, func(t *kmsg.OffsetDeleteRequestTopic) topicKey { return topicKey{name: t.Topic} })
	kept, denied := take(q.Topics, func(t *kmsg.OffsetDeleteRequestTopic) (kmsg.OffsetDeleteResponseTopic, bool) {
		code := x.topicError(access.OpRead, t.Topic)
		return offsetDeleteError(t, code), code != 0
	})
	denied = folded(denied, offsetDeleteKey, func(to, from *kmsg.OffsetDeleteResponseTopic) {
		to.Partitions = append(to.Partitions, from.Partitions...)
	})
	q.Topics = kept
	merges(x, func(r *kmsg.OffsetDeleteResponse) {
		if r.ErrorCode != 0 {
			return
		}
		r.Topics = insert(r.Topics, denied, func(at int, t *kmsg.OffsetDeleteResponseTopic) bool {
			return len(t.Partitions) == 0 || !unknownTopic(t.Partitions[0].ErrorCode) || at < order[offsetDeleteKey(t)]
		})
	})
	return nil, nil
}

func offsetDeleteKey(t *kmsg.OffsetDeleteResponseTopic) topicKey { return topicKey{name: t.Topic} }

func offsetDeleteError(t *kmsg.OffsetDeleteRequestTopic, code int16) kmsg.OffsetDeleteResponseTopic {
	r := kmsg.NewOffsetDeleteResponseTopic()
	r.Topic = t.Topic
	for i := range t.Partitions {
		p := kmsg.NewOffsetDeleteResponseTopicPartition()
		p.Partition, p.ErrorCode = t.Partitions[i].Partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
