package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateTopics (key 19), versions 0 to 7.
//
//   - v1: validate only, error messages; v4: the broker's own defaults (KIP-464); v5: flexible, settings in the answer
//     (KIP-525); v6: quota errors (KIP-599); v7: topic ids in the answer (KIP-516)
//
// Actions: CREATE on each topic, or on the cluster. Names and ids of the topics created are learned.
//
// Denied: 29 "Authorization failed." behind the broker's own entries, in the order of Java's sets; but 42 for a name that
// stands there twice, and for the cluster's own log. From v5 on the settings of a topic just created are shown to who may
// DESCRIBE_CONFIGS on it: else there are none, and 29 in their place. Refused: the connection ends.
var createTopicsRow = row(kmsg.CreateTopics, deriveCreateTopics, learnCreatedTopics, each, denies(denyCreateTopics))

// clusterLog is the topic that nobody may create.
const clusterLog = "__cluster_metadata"

func deriveCreateTopics(x *Exchange, q *kmsg.CreateTopicsRequest) error {
	names := make([]string, 0, len(q.Topics))
	for i := range q.Topics {
		names = append(names, q.Topics[i].Topic)
	}
	x.askCreate(names)
	if q.Version >= 5 {
		filters(x, x.filterCreated)
	}
	return nil
}

func denyCreateTopics(x *Exchange, q *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
	named := make(map[string]int, len(q.Topics))
	var names []string // each once
	kept := q.Topics[:0]
	for _, t := range q.Topics {
		if named[t.Topic]++; named[t.Topic] == 1 {
			names = append(names, t.Topic)
		}
		if !x.Stopped(access.OpCreate, access.ResTopic, t.Topic) {
			kept = append(kept, t)
		}
	}
	var twice, denied []kmsg.CreateTopicsResponseTopic
	for _, name := range hashOrder(names) {
		switch {
		case !x.Stopped(access.OpCreate, access.ResTopic, name):
		case named[name] > 1:
			twice = append(twice, createTopicError(name, errInvalidRequest, "Duplicate topic name."))
		case name == clusterLog:
			denied = append(denied, createTopicError(name, errInvalidRequest, "Creation of internal topic "+clusterLog+" is prohibited."))
		default:
			denied = append(denied, createTopicError(name, errTopicAuthorization, "Authorization failed."))
		}
	}
	ours := slices.Concat(twice, denied)
	if len(kept) == 0 {
		r := kmsg.NewPtrCreateTopicsResponse()
		r.Topics = ours
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.CreateTopicsResponse) { r.Topics = append(r.Topics, ours...) })
	return nil, nil
}

func createTopicError(name string, code int16, text string) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic() // partitions and replication factor -1
	t.Topic, t.ErrorCode, t.ErrorMessage = name, code, &text
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // a broker says none, not null
	return t
}

// filterCreated leaves out the settings of topics on which they may not be seen. What could not be decided is told as an
// error of the server's: the topic is there, and to ask again would not create it.
func (x *Exchange) filterCreated(r *kmsg.CreateTopicsResponse) (changed bool, err error) {
	f := x.filter()
	for i := range r.Topics {
		t := &r.Topics[i]
		if t.ErrorCode != 0 || t.ConfigErrorCode != 0 {
			continue
		}
		f.note(access.OpDescribeConfigs, access.ResTopic, t.Topic)
		d := f.decide(access.OpDescribeConfigs, access.ResTopic, t.Topic)
		if !d.Stops() {
			continue
		}
		t.Configs, t.NumPartitions, t.ReplicationFactor = []kmsg.CreateTopicsResponseTopicConfig{}, -1, -1
		t.ConfigErrorCode, changed = errTopicAuthorization, true
		if d.Verdict == access.Refuse {
			t.ConfigErrorCode = errUnknownServer
		}
	}
	return changed, nil
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
