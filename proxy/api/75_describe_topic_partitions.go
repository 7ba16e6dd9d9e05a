package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTopicPartitions (key 75), version 0 (KIP-966).
//
// Actions: DESCRIBE on each topic; none named is all topics, of which those that may not be described are left out. The
// broker skips topics before the cursor; they are asked for here like the others, so that every page of a list is
// decided alike.
//
// Leaders and replicas are node ids, without addresses. Names and ids of topics are learned.
var describeTopicPartitionsRow = row(kmsg.DescribeTopicPartitions, deriveDescribeTopicPartitions, learnDescribedTopics)

func deriveDescribeTopicPartitions(x *Exchange, q *kmsg.DescribeTopicPartitionsRequest) error {
	if len(q.Topics) == 0 {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
	}
	for i := range q.Topics {
		x.askTopicName(access.OpDescribe, q.Topics[i].Topic)
	}
	return nil
}

func learnDescribedTopics(x *Exchange, r *kmsg.DescribeTopicPartitionsResponse) (bool, error) {
	var p pairs
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ErrorCode == 0 && t.Topic != nil {
			p.add(*t.Topic, t.TopicID)
		}
	}
	x.learnPairs(p)
	return false, nil
}
