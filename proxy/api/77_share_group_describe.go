package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareGroupDescribe (key 77), version 1 (KIP-932). Version 0 was an early one, of Kafka 4.0 alone.
//
// Actions: DESCRIBE on each group; for the topics in the answer see ConsumerGroupDescribe. They are learned.
var shareGroupDescribeRow = row(kmsg.ShareGroupDescribe, deriveShareGroupDescribe, learnShareGroups)

func deriveShareGroupDescribe(x *Exchange, q *kmsg.ShareGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.GroupIDs)
	return nil
}

func learnShareGroups(x *Exchange, r *kmsg.ShareGroupDescribeResponse) (bool, error) {
	var p pairs
	for i := range r.Groups {
		for j := range r.Groups[i].Members {
			for _, a := range r.Groups[i].Members[j].Assignment.TopicPartitions {
				p.add(a.Topic, a.TopicID)
			}
		}
	}
	x.learnPairs(p)
	return false, nil
}
