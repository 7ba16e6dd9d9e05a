package api

import (
	"slices"

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
	own := make(map[string]*kmsg.OffsetDeleteResponseTopic)
	var order names
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.OffsetDeleteRequestTopic) bool {
		order.add(t.Topic)
		if !x.Stopped(access.OpRead, access.ResTopic, t.Topic) {
			return false
		}
		r := own[t.Topic]
		if r == nil {
			r = &kmsg.OffsetDeleteResponseTopic{Topic: t.Topic}
			own[t.Topic] = r
		}
		for i := range t.Partitions {
			p := kmsg.NewOffsetDeleteResponseTopicPartition()
			p.Partition, p.ErrorCode = t.Partitions[i].Partition, errTopicAuthorization
			r.Partitions = append(r.Partitions, p)
		}
		return true
	})
	merges(x, func(r *kmsg.OffsetDeleteResponse) {
		if r.ErrorCode == 0 {
			r.Topics = early(order.list, own, r.Topics,
				func(t *kmsg.OffsetDeleteResponseTopic) string { return t.Topic },
				func(t *kmsg.OffsetDeleteResponseTopic) bool {
					return len(t.Partitions) > 0 && t.Partitions[0].ErrorCode == errUnknownTopic
				})
		}
	})
	return nil, nil
}
