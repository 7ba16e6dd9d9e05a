package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetCommit (key 8), versions 0 to 10.
//
//   - v1: generation and member; v2: retention, until v4 (KIP-211); v6: leader epoch (KIP-320)
//   - v7: static members (KIP-345); v8: flexible; v9: errors of the new group protocol (KIP-848); v10: topics by id
//
// Actions: READ on the group, READ on each topic.
//
// Denied: 30 on every partition of every topic where the group is; else 29 on each partition of a topic. The answer has
// the failures that come before the group's coordinator is asked, ours and the broker's (3, from v10 100), in the
// request's order, and then what was committed. Refused: 14.
var offsetCommitRow = row[kmsg.OffsetCommitRequest, kmsg.OffsetCommitResponse](
	kmsg.OffsetCommit, deriveOffsetCommit, nil, denies(denyOffsetCommit), retries(errCoordinatorLoading))

func deriveOffsetCommit(x *Exchange, q *kmsg.OffsetCommitRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.AskTopic(access.OpRead, x.entry(q.Topics[i].Topic, q.Topics[i].TopicID))
	}
	return nil
}

func denyOffsetCommit(x *Exchange, q *kmsg.OffsetCommitRequest) (*kmsg.OffsetCommitResponse, error) {
	r := kmsg.NewPtrOffsetCommitResponse()
	if code := x.groupError(access.OpRead, q.Group); code != 0 {
		for i := range q.Topics {
			r.Topics = append(r.Topics, offsetCommitError(&q.Topics[i], code))
		}
		return r, nil
	}
	order := newOrder(q.Topics, func(t *kmsg.OffsetCommitRequestTopic) topicKey { return topicKey{t.Topic, t.TopicID} })
	kept, denied := take(q.Topics, func(t *kmsg.OffsetCommitRequestTopic) (kmsg.OffsetCommitResponseTopic, bool) {
		code := x.entryError(access.OpRead, t.Topic, t.TopicID, q.Version >= 10)
		return offsetCommitError(t, code), code != 0
	})
	denied = folded(denied, offsetCommitKey, func(to, from *kmsg.OffsetCommitResponseTopic) {
		to.Partitions = append(to.Partitions, from.Partitions...)
	})
	if len(kept) == 0 {
		r.Topics = entries(denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.OffsetCommitResponse) {
		r.Topics = insert(r.Topics, denied, func(at int, t *kmsg.OffsetCommitResponseTopic) bool {
			return !slices.ContainsFunc(t.Partitions, offsetCommitUnknown) || at < order[offsetCommitKey(t)]
		})
	})
	return nil, nil
}

func offsetCommitKey(t *kmsg.OffsetCommitResponseTopic) topicKey { return topicKey{t.Topic, t.TopicID} }

// offsetCommitUnknown says whether a partition failed before the coordinator was asked.
func offsetCommitUnknown(p kmsg.OffsetCommitResponseTopicPartition) bool {
	return unknownTopic(p.ErrorCode)
}

func offsetCommitError(t *kmsg.OffsetCommitRequestTopic, code int16) kmsg.OffsetCommitResponseTopic {
	r := kmsg.NewOffsetCommitResponseTopic()
	r.Topic, r.TopicID = t.Topic, t.TopicID
	for i := range t.Partitions {
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = t.Partitions[i].Partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
