package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupDescribe (key 69), versions 0 and 1 (KIP-848).
//
//   - v1: classic or consumer member (KIP-1099)
//
// Actions: DESCRIBE on each group. Which topics its members have only the answer says: of a group with one that the
// client may not DESCRIBE the broker answers TOPIC_AUTHORIZATION_FAILED.
//
// Names and ids of assigned topics are learned. ClientHost of a member that came through a proxy is the proxy's.
var consumerGroupDescribeRow = row(kmsg.ConsumerGroupDescribe, deriveConsumerGroupDescribe, learnConsumerGroups)

func deriveConsumerGroupDescribe(x *Exchange, q *kmsg.ConsumerGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	return nil
}

func learnConsumerGroups(x *Exchange, r *kmsg.ConsumerGroupDescribeResponse) (bool, error) {
	var p pairs
	for i := range r.Groups {
		for j := range r.Groups[i].Members {
			m := &r.Groups[i].Members[j]
			for _, a := range m.Assignment.TopicPartitions {
				p.add(a.Topic, a.TopicID)
			}
			for _, a := range m.TargetAssignment.TopicPartitions {
				p.add(a.Topic, a.TopicID)
			}
		}
	}
	x.learnPairs(p)
	return false, nil
}
