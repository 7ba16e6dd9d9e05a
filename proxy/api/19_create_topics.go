package api

import "github.com/twmb/franz-go/pkg/kmsg"

// CreateTopics (key 19), versions 0 to 7.
//
//   - v1: validate only, error messages; v4: the broker's own defaults (KIP-464); v5: flexible, settings in the answer
//     (KIP-525); v6: quota errors (KIP-599); v7: topic ids in the answer (KIP-516)
//
// Actions: CREATE on each topic, or on the cluster. Names and ids of the topics created are learned.
var createTopicsRow = row(kmsg.CreateTopics, deriveCreateTopics, learnCreatedTopics, each)

func deriveCreateTopics(x *Exchange, q *kmsg.CreateTopicsRequest) error {
	names := make([]string, 0, len(q.Topics))
	for i := range q.Topics {
		names = append(names, q.Topics[i].Topic)
	}
	x.askCreate(names)
	return nil
}

func learnCreatedTopics(x *Exchange, r *kmsg.CreateTopicsResponse) (bool, error) {
	if x.Body.(*kmsg.CreateTopicsRequest).ValidateOnly {
		return false, nil // the ids are those of topics that will not be
	}
	var p pairs
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ErrorCode == 0 {
			p.add(t.Topic, t.TopicID)
		}
	}
	x.learnPairs(p)
	return false, nil
}
