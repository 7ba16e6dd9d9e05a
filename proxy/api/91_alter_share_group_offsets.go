package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterShareGroupOffsets (key 91), version 0 (KIP-932). It lets a share group read again, or skip, what it names.
//
// Actions: READ on the group, READ on each topic. Names and ids of topics are learned.
//
// Denied: 30 with Kafka's message for the whole; 29 with it for each partition of a topic, under the topic's id, where
// it is known here. As in OffsetDelete, those topics and the ones that the broker does not know (which have no id) come
// first, in the order of the request, and the coordinator is asked even for no topic at all.
var alterShareGroupOffsetsRow = row(
	kmsg.AlterShareGroupOffsets, deriveAlterShareGroupOffsets, learnAlteredShareOffsets, each,
	denies(denyAlterShareGroupOffsets), retries(errCoordinatorLoading))

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

func denyAlterShareGroupOffsets(x *Exchange, q *kmsg.AlterShareGroupOffsetsRequest) (*kmsg.AlterShareGroupOffsetsResponse, error) {
	if code := x.wholeGroup(access.OpRead, q.GroupID, access.OpRead); code != 0 {
		r := kmsg.NewPtrAlterShareGroupOffsetsResponse()
		r.ErrorCode, r.ErrorMessage = code, message(code)
		return r, nil
	}
	order := newOrder(q.Topics, func(t *kmsg.AlterShareGroupOffsetsRequestTopic) topicKey { return topicKey{name: t.Topic} })
	kept, denied := take(q.Topics, func(t *kmsg.AlterShareGroupOffsetsRequestTopic) (kmsg.AlterShareGroupOffsetsResponseTopic, bool) {
		code := x.topicError(access.OpRead, t.Topic)
		return x.alterShareOffsetsError(t, code), code != 0
	})
	denied = folded(denied, alterShareOffsetsKey, func(to, from *kmsg.AlterShareGroupOffsetsResponseTopic) {
		to.Partitions = append(to.Partitions, from.Partitions...)
	})
	q.Topics = kept
	merges(x, func(r *kmsg.AlterShareGroupOffsetsResponse) {
		if r.ErrorCode != 0 {
			return
		}
		r.Topics = insert(r.Topics, denied, func(at int, t *kmsg.AlterShareGroupOffsetsResponseTopic) bool {
			return t.TopicID != [16]byte{} || at < order[alterShareOffsetsKey(t)]
		})
	})
	return nil, nil
}

func alterShareOffsetsKey(t *kmsg.AlterShareGroupOffsetsResponseTopic) topicKey {
	return topicKey{name: t.Topic}
}

func (x *Exchange) alterShareOffsetsError(t *kmsg.AlterShareGroupOffsetsRequestTopic, code int16) kmsg.AlterShareGroupOffsetsResponseTopic {
	r := kmsg.NewAlterShareGroupOffsetsResponseTopic()
	r.Topic, r.TopicID = t.Topic, x.entry(t.Topic, [16]byte{}).ID
	for i := range t.Partitions {
		p := kmsg.NewAlterShareGroupOffsetsResponseTopicPartition()
		p.Partition, p.ErrorCode, p.ErrorMessage = t.Partitions[i].Partition, code, message(code)
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
