package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteTopics (key 20), versions 0 to 6.
//
//   - v1: throttle time; v3: TOPIC_DELETION_DISABLED; v4: flexible; v5: error messages, quota errors (KIP-599)
//   - v6: topics by id (KIP-516)
//
// Actions: DESCRIBE and DELETE on each topic, for either of which DELETE on the cluster stands. An entry with neither name
// nor id is the broker's to answer; one with both ends the connection.
//
// Denied: 29 with Kafka's message. A topic named by id is told by its name as well to who may DESCRIBE it; one named by
// name that may be described and does not exist is 3 (the broker is asked). A name or id that stands there twice is 42, an
// id that nobody knows 100. A broker shuffles its answer; ours come last. Refused: the connection ends.
var deleteTopicsRow = row[kmsg.DeleteTopicsRequest, kmsg.DeleteTopicsResponse](
	kmsg.DeleteTopics, deriveDeleteTopics, nil, each, inquires(askDeletedTopics), denies(denyDeleteTopics))

func deriveDeleteTopics(x *Exchange, q *kmsg.DeleteTopicsRequest) error {
	if q.Version < 6 {
		for _, name := range q.TopicNames {
			x.askDelete(x.entry(name, [16]byte{}))
		}
		return nil
	}
	for i := range q.Topics {
		t := &q.Topics[i]
		switch {
		case t.Topic != nil && t.TopicID != [16]byte{}:
			return errNameAndID
		case !nameless(t):
			x.askDelete(x.entry(deref(t.Topic), t.TopicID))
		}
	}
	return nil
}

func (x *Exchange) askDelete(t *access.Topic) {
	x.askEither(onTopic(access.OpDescribe, t), onCluster(access.OpDelete))
	x.askEither(onTopic(access.OpDelete, t), onCluster(access.OpDelete))
}

// A deletion is what was decided about one topic of a DeleteTopics.
type deletion struct {
	key               topicKey
	named             int // how often
	hidden, indelible bool
}

// deletions are the topics that may not be deleted, each once, in the request's order.
func (x *Exchange) deletions(q *kmsg.DeleteTopicsRequest) (list []deletion, of map[topicKey]int) {
	of = make(map[topicKey]int)
	for _, k := range deletedTopics(q) {
		if i, twice := of[k]; twice {
			list[i].named++
			continue
		}
		hidden := x.stopped(x.DecidedTopic(access.OpDescribe, k.name, k.id), errTopicAuthorization) != 0
		indelible := x.stopped(x.DecidedTopic(access.OpDelete, k.name, k.id), errTopicAuthorization) != 0
		if hidden || indelible {
			of[k] = len(list)
			list = append(list, deletion{k, 1, hidden, indelible})
		}
	}
	return list, of
}

// deletedTopics are the topics that a request names.
func deletedTopics(q *kmsg.DeleteTopicsRequest) (keys []topicKey) {
	for _, name := range q.TopicNames {
		keys = append(keys, topicKey{name: name})
	}
	for i := range q.Topics {
		if t := &q.Topics[i]; !nameless(t) {
			keys = append(keys, topicKey{deref(t.Topic), t.TopicID})
		}
	}
	return keys
}

// nameless says whether an entry has neither name nor id.
func nameless(t *kmsg.DeleteTopicsRequestTopic) bool {
	return t.Topic == nil && t.TopicID == [16]byte{}
}

func askDeletedTopics(x *Exchange, q *kmsg.DeleteTopicsRequest) []kmsg.Request {
	var names []string
	list, _ := x.deletions(q)
	for i := range list {
		if d := &list[i]; d.key.id == [16]byte{} && !d.hidden && d.named == 1 {
			names = append(names, d.key.name)
		}
	}
	return existence(names)
}

func denyDeleteTopics(x *Exchange, q *kmsg.DeleteTopicsRequest) (*kmsg.DeleteTopicsResponse, error) {
	list, of := x.deletions(q)
	found := x.found()
	ours := make([]kmsg.DeleteTopicsResponseTopic, 0, len(list))
	for i := range list {
		ours = append(ours, x.deletionError(&list[i], found))
	}
	q.TopicNames = slices.DeleteFunc(q.TopicNames, func(name string) bool {
		_, denied := of[topicKey{name: name}]
		return denied
	})
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.DeleteTopicsRequestTopic) bool {
		_, denied := of[topicKey{deref(t.Topic), t.TopicID}]
		return denied && !nameless(&t)
	})
	if len(q.TopicNames)+len(q.Topics) == 0 {
		r := kmsg.NewPtrDeleteTopicsResponse()
		r.Topics = ours
		return r, nil
	}
	merges(x, func(r *kmsg.DeleteTopicsResponse) { r.Topics = append(r.Topics, ours...) })
	return nil, nil
}

// deletionError is what a topic that may not be deleted is answered with.
func (x *Exchange) deletionError(d *deletion, f found) kmsg.DeleteTopicsResponseTopic {
	r := kmsg.NewDeleteTopicsResponseTopic()
	r.TopicID, r.ErrorCode = d.key.id, errTopicAuthorization
	twice := "Duplicate topic name."
	if d.key.id == [16]byte{} {
		r.Topic = &d.key.name
		if !d.hidden && f.missing(d.key.name) {
			r.ErrorCode = errUnknownTopic
		}
	} else {
		twice = "Duplicate topic id."
		known := x.Env.Cluster.TopicByID(d.key.id)
		switch {
		case known == nil:
			r.ErrorCode = errUnknownTopicID
		case !d.hidden && d.named == 1:
			r.Topic = &known.Name
		}
	}
	r.ErrorMessage = message(r.ErrorCode)
	if d.named > 1 {
		r.ErrorCode, r.ErrorMessage = errInvalidRequest, &twice
	}
	return r
}
