package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreatePartitions (key 37), versions 0 to 3 (KIP-195).
//
//   - v1: a violated quota is answered before the throttling; v2: flexible
//   - v3: may answer THROTTLING_QUOTA_EXCEEDED (KIP-599)
//
// Actions: ALTER on each topic. The broker forwards the request; the controller asks.
//
// Denied: 29 for the topic, without a message. A topic named twice is INVALID_REQUEST whoever asks. The controller lists
// those first, then the denied ones, then its results, each in the order of a HashSet.
var createPartitionsRow = row[kmsg.CreatePartitionsRequest, kmsg.CreatePartitionsResponse](
	kmsg.CreatePartitions, deriveCreatePartitions, nil, each, denies(denyCreatePartitions))

func deriveCreatePartitions(x *Exchange, q *kmsg.CreatePartitionsRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpAlter, q.Topics[i].Topic)
	}
	return nil
}

func denyCreatePartitions(x *Exchange, q *kmsg.CreatePartitionsRequest) (*kmsg.CreatePartitionsResponse, error) {
	stopped := func(topic string) bool { return x.Stopped(access.OpAlter, access.ResTopic, topic) }
	var once, twice names
	for i := range q.Topics {
		if t := q.Topics[i].Topic; once.has(t) {
			twice.add(t)
		} else {
			once.add(t)
		}
	}
	rank := make(map[string]int, len(once.list))
	var own []kmsg.CreatePartitionsResponseTopic
	for i, t := range hashOrder(twice.list) {
		rank[t] = i
		if stopped(t) {
			r := kmsg.NewCreatePartitionsResponseTopic()
			r.Topic, r.ErrorCode, r.ErrorMessage = t, errInvalidRequest, kmsg.StringPtr("Duplicate topic name.")
			own = append(own, r)
		}
	}
	for i, t := range hashOrder(once.list) {
		switch {
		case twice.has(t):
		case stopped(t):
			rank[t] = len(once.list) + i
			r := kmsg.NewCreatePartitionsResponseTopic()
			r.Topic, r.ErrorCode = t, errTopicAuthorization
			own = append(own, r)
		default:
			rank[t] = 2*len(once.list) + i
		}
	}
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.CreatePartitionsRequestTopic) bool { return stopped(t.Topic) })
	complete := func(r *kmsg.CreatePartitionsResponse) {
		r.Topics = append(r.Topics, own...)
		slices.SortStableFunc(r.Topics, func(a, b kmsg.CreatePartitionsResponseTopic) int { return rank[a.Topic] - rank[b.Topic] })
	}
	if len(q.Topics) == 0 {
		r := kmsg.NewPtrCreatePartitionsResponse()
		complete(r)
		return r, nil
	}
	merges(x, complete)
	return nil, nil
}
