package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeProducers (key 61), version 0 (KIP-664).
//
// Actions: READ on each topic.
//
// Denied: 29 with Kafka's message for each partition, in the order of the request; 17 for a name that is none, which the
// broker looks at first.
var describeProducersRow = row[kmsg.DescribeProducersRequest, kmsg.DescribeProducersResponse](
	kmsg.DescribeProducers, deriveDescribeProducers, nil, denies(denyDescribeProducers))

func deriveDescribeProducers(x *Exchange, q *kmsg.DescribeProducersRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpRead, q.Topics[i].Topic)
	}
	return nil
}

func denyDescribeProducers(x *Exchange, q *kmsg.DescribeProducersRequest) (*kmsg.DescribeProducersResponse, error) {
	own := make([]*kmsg.DescribeProducersResponseTopic, len(q.Topics))
	var kept []kmsg.DescribeProducersRequestTopic
	for i := range q.Topics {
		t := &q.Topics[i]
		if !x.Stopped(access.OpRead, access.ResTopic, t.Topic) {
			kept = append(kept, *t)
			continue
		}
		code, says := int16(errTopicAuthorization), message(errTopicAuthorization)
		if wrong := invalidTopic(t.Topic); wrong != "" {
			code, says = errInvalidTopic, &wrong
		}
		r := kmsg.NewDescribeProducersResponseTopic()
		r.Topic = t.Topic
		for _, n := range t.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = n, code, says
			r.Partitions = append(r.Partitions, p)
		}
		own[i] = &r
	}
	if q.Topics = kept; len(kept) == 0 {
		r := kmsg.NewPtrDescribeProducersResponse()
		r.Topics = inOrder(own, nil)
		return r, nil
	}
	merges(x, func(r *kmsg.DescribeProducersResponse) { r.Topics = inOrder(own, r.Topics) })
	return nil, nil
}
