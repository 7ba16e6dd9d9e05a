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
	n := len(q.Topics)
	kept, denied := take(q.Topics, func(t *kmsg.DescribeProducersRequestTopic) (kmsg.DescribeProducersResponseTopic, bool) {
		code := x.topicError(access.OpRead, t.Topic)
		return describeProducersError(t, code), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrDescribeProducersResponse()
		r.Topics = entries(denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.DescribeProducersResponse) { r.Topics = weave(r.Topics, denied, n) })
	return nil, nil
}

func describeProducersError(t *kmsg.DescribeProducersRequestTopic, code int16) kmsg.DescribeProducersResponseTopic {
	says := message(code)
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
	return r
}
