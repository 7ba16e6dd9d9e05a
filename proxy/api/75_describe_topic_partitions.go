package api

import (
	"errors"
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTopicPartitions (key 75), version 0 (KIP-966).
//
// Actions: DESCRIBE on each topic; none named is all topics, of which those that may not be described are left out. The
// broker skips topics before the cursor; they are asked for here like the others, so that every page of a list is
// decided alike.
//
// Denied: 29 without an id, behind the topics that are shown, in the order of a HashSet, and not for topics before the
// cursor. A list that lacks the cursor's topic is INVALID_REQUEST for all its topics: where that topic is denied, we skip
// what is before it and take the cursor away.
//
// Of all topics, a page is cut by the broker before what may not be shown is left out: it may be shorter than the
// broker's own would be, and its cursor may name what must stay hidden. Then a name just behind the last topic that is
// shown stands for it. A page of 2,000 partitions none of which may be shown ends the connection: there is nothing that
// the client may be told to go on from.
//
// The operations are those that the broker allows and the policy too.
//
// Leaders and replicas are node ids, without addresses. Names and ids of topics are learned.
var describeTopicPartitionsRow = row(kmsg.DescribeTopicPartitions, deriveDescribeTopicPartitions, showTopicPartitions,
	denies(denyTopicPartitions))

func deriveDescribeTopicPartitions(x *Exchange, q *kmsg.DescribeTopicPartitionsRequest) error {
	if len(q.Topics) == 0 {
		x.noteAll(access.ResTopic)
	}
	for i := range q.Topics {
		x.askTopicName(access.OpDescribe, q.Topics[i].Topic)
	}
	return nil
}

func denyTopicPartitions(x *Exchange, q *kmsg.DescribeTopicPartitionsRequest) (*kmsg.DescribeTopicPartitionsResponse, error) {
	var from string
	if q.Cursor != nil {
		from = q.Cursor.Topic
	}
	var wanted names
	for i := range q.Topics {
		if t := q.Topics[i].Topic; javaCompare(t, from) >= 0 {
			wanted.add(t)
		}
	}
	if q.Cursor != nil && (!wanted.has(from) || q.Cursor.Partition < 0) {
		return invalidCursor(q), nil
	}
	q.Topics = nil
	var denied []string
	for _, t := range hashOrder(wanted.list) {
		if x.Stopped(access.OpDescribe, access.ResTopic, t) {
			denied = append(denied, t)
		} else {
			q.Topics = append(q.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: t})
		}
	}
	if q.Cursor != nil && x.Stopped(access.OpDescribe, access.ResTopic, from) {
		q.Cursor = nil
	}
	var own []kmsg.DescribeTopicPartitionsResponseTopic
	for _, t := range hashOrder(denied) {
		own = append(own, topicPartitionsError(t, errTopicAuthorization))
	}
	if len(q.Topics) == 0 {
		r := kmsg.NewPtrDescribeTopicPartitionsResponse()
		r.Topics = own
		return r, nil
	}
	merges(x, func(r *kmsg.DescribeTopicPartitionsResponse) { r.Topics = append(r.Topics, own...) })
	return nil, nil
}

func invalidCursor(q *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	r := kmsg.NewPtrDescribeTopicPartitionsResponse()
	for i := range q.Topics {
		r.Topics = append(r.Topics, topicPartitionsError(q.Topics[i].Topic, errInvalidRequest))
	}
	return r
}

func topicPartitionsError(topic string, code int16) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.ErrorCode = &topic, code
	return t
}

var errHiddenCursor = errors.New("a whole page of topics may not be shown, nor where the next one begins")

// showTopicPartitions learns topics, and leaves out what may not be shown.
func showTopicPartitions(x *Exchange, r *kmsg.DescribeTopicPartitionsResponse) (changed bool, err error) {
	x.learnTopicPartitions(r)
	f := x.filter()
	if q, ok := x.Body.(*kmsg.DescribeTopicPartitionsRequest); !ok || len(q.Topics) == 0 {
		if changed, err = f.hideTopicPartitions(r); err != nil {
			return false, err
		}
	}
	if f.undecided() {
		return false, errRefused
	}
	for i := range r.Topics {
		t := &r.Topics[i]
		changed = f.trim(&t.AuthorizedOperations, access.ResTopic, deref(t.Topic)) || changed
	}
	return changed, f.err()
}

// hideTopicPartitions leaves out of a page of all topics those that may not be shown.
func (f *filter) hideTopicPartitions(r *kmsg.DescribeTopicPartitionsResponse) (changed bool, err error) {
	all := len(r.Topics)
	r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.DescribeTopicPartitionsResponseTopic) bool {
		return !f.shows(access.OpDescribe, access.ResTopic, deref(t.Topic))
	})
	changed = len(r.Topics) < all
	if c := r.NextCursor; c != nil && !f.shows(access.OpDescribe, access.ResTopic, c.Topic) && !f.refused {
		if len(r.Topics) == 0 {
			return false, errHiddenCursor
		}
		c.Topic, c.Partition, changed = deref(r.Topics[len(r.Topics)-1].Topic)+"\x00", 0, true
	}
	return changed, nil
}

func (x *Exchange) learnTopicPartitions(r *kmsg.DescribeTopicPartitionsResponse) {
	var p pairs
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ErrorCode == 0 && t.Topic != nil {
			p.add(*t.Topic, t.TopicID)
		}
	}
	x.learnPairs(p)
}
