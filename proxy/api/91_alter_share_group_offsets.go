package api

import (
	"slices"

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
	own := make(map[string]*kmsg.AlterShareGroupOffsetsResponseTopic)
	var order names
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.AlterShareGroupOffsetsRequestTopic) bool {
		order.add(t.Topic)
		if !x.Stopped(access.OpRead, access.ResTopic, t.Topic) {
			return false
		}
		r := own[t.Topic]
		if r == nil {
			r = &kmsg.AlterShareGroupOffsetsResponseTopic{Topic: t.Topic, TopicID: x.entry(t.Topic, [16]byte{}).ID}
			own[t.Topic] = r
		}
		for i := range t.Partitions {
			p := kmsg.NewAlterShareGroupOffsetsResponseTopicPartition()
			p.Partition = t.Partitions[i].Partition
			p.ErrorCode, p.ErrorMessage = errTopicAuthorization, message(errTopicAuthorization)
			r.Partitions = append(r.Partitions, p)
		}
		return true
	})
	merges(x, func(r *kmsg.AlterShareGroupOffsetsResponse) {
		if r.ErrorCode == 0 {
			r.Topics = early(order.list, own, r.Topics,
				func(t *kmsg.AlterShareGroupOffsetsResponseTopic) string { return t.Topic },
				func(t *kmsg.AlterShareGroupOffsetsResponseTopic) bool { return t.TopicID == [16]byte{} })
		}
	})
	return nil, nil
}
