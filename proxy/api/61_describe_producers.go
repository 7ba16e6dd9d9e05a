package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeProducers (key 61), version 0 (KIP-664).
//
// Actions: READ on each topic.
var describeProducersRow = row[kmsg.DescribeProducersRequest, kmsg.DescribeProducersResponse](
	kmsg.DescribeProducers, deriveDescribeProducers, nil)

func deriveDescribeProducers(x *Exchange, q *kmsg.DescribeProducersRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}
