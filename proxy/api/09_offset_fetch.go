package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetFetch (key 9), versions 0 to 10.
//
//   - v2: null means all topics; v5: leader epochs (KIP-320); v6: flexible; v7: only stable offsets (KIP-447)
//   - v8: several groups (KIP-709); v9: member and its epoch (KIP-848); v10: topics by id
//
// Actions: DESCRIBE on each group, DESCRIBE on each of its topics, once with the name "*" for all topics.
var offsetFetchRow = row[kmsg.OffsetFetchRequest, kmsg.OffsetFetchResponse](
	kmsg.OffsetFetch, deriveOffsetFetch, nil)

func deriveOffsetFetch(x *Exchange, q *kmsg.OffsetFetchRequest) error {
	if q.Version < 8 {
		x.Group = q.Group
		x.Ask(access.OpDescribe, access.ResGroup, q.Group)
		if q.Topics == nil {
			x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
		}
		for i := range q.Topics {
			x.askTopicName(access.OpDescribe, q.Topics[i].Topic)
		}
		return nil
	}
	if len(q.Groups) == 1 {
		x.Group = q.Groups[0].Group
	}
	for i := range q.Groups {
		x.askOffsets(&q.Groups[i])
	}
	return nil
}

func (x *Exchange) askOffsets(g *kmsg.OffsetFetchRequestGroup) {
	x.Ask(access.OpDescribe, access.ResGroup, g.Group)
	if g.Topics == nil {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
	}
	for i := range g.Topics {
		x.AskTopic(access.OpDescribe, x.entry(g.Topics[i].Topic, g.Topics[i].TopicID))
	}
}
