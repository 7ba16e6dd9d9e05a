package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteTopics (key 20), versions 0 to 6.
//
//   - v1: throttle time; v3: TOPIC_DELETION_DISABLED; v4: flexible; v5: error messages, quota errors (KIP-599)
//   - v6: topics by id (KIP-516)
//
// Actions: DESCRIBE and DELETE on each topic, for either of which DELETE on the cluster stands.
var deleteTopicsRow = row[kmsg.DeleteTopicsRequest, kmsg.DeleteTopicsResponse](
	kmsg.DeleteTopics, deriveDeleteTopics, nil, each)

func deriveDeleteTopics(x *Exchange, q *kmsg.DeleteTopicsRequest) error {
	if q.Version < 6 {
		for _, name := range q.TopicNames {
			x.askDelete(x.entry(name, [16]byte{}))
		}
		return nil
	}
	for i := range q.Topics {
		t := &q.Topics[i]
		if t.Topic != nil && t.TopicID != [16]byte{} {
			return errNameAndID
		}
		x.askDelete(x.entry(deref(t.Topic), t.TopicID))
	}
	return nil
}

func (x *Exchange) askDelete(t *access.Topic) {
	x.askEither(onTopic(access.OpDescribe, t), onCluster(access.OpDelete))
	x.askEither(onTopic(access.OpDelete, t), onCluster(access.OpDelete))
}
