package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeShareGroupOffsets (key 90), versions 0 and 1 (KIP-932).
//
//   - v1: the lag (KIP-1226)
//
// Actions: for each group DESCRIBE on it, and DESCRIBE on each of its topics; no list (null) is all topics, of which
// those that may not be described are left out. An empty list is answered without a topic.
//
// Denied: 30 for the group, in the order of the request and without a message; 29 with Kafka's message for each partition
// of a topic, behind the topics that are shown, and only if the group has no error.
//
// Names and ids of topics are learned.
var describeShareGroupOffsetsRow = row(
	kmsg.DescribeShareGroupOffsets, deriveDescribeShareGroupOffsets, showShareGroupOffsets,
	denies(denyDescribeShareGroupOffsets), retries(errCoordinatorLoading))

func deriveDescribeShareGroupOffsets(x *Exchange, q *kmsg.DescribeShareGroupOffsetsRequest) error {
	if len(q.Groups) == 1 {
		x.Group = q.Groups[0].GroupID
	}
	for i := range q.Groups {
		g := &q.Groups[i]
		x.Ask(access.OpDescribe, access.ResGroup, g.GroupID)
		if g.Topics == nil {
			x.noteAll(access.ResTopic)
		}
		for j := range g.Topics {
			x.askTopicName(access.OpDescribe, g.Topics[j].Topic)
		}
	}
	return nil
}

func denyDescribeShareGroupOffsets(x *Exchange, q *kmsg.DescribeShareGroupOffsetsRequest) (*kmsg.DescribeShareGroupOffsetsResponse, error) {
	n := len(q.Groups)
	var topics [][]kmsg.DescribeShareGroupOffsetsResponseGroupTopic // denied, of each group that is kept
	kept, denied := take(q.Groups, func(g *kmsg.DescribeShareGroupOffsetsRequestGroup) (kmsg.DescribeShareGroupOffsetsResponseGroup, bool) {
		t, code := x.denyShareGroupTopics(g)
		if code == 0 {
			topics = append(topics, t)
		}
		return shareOffsetsError(g.GroupID, code), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrDescribeShareGroupOffsetsResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	merges(x, func(r *kmsg.DescribeShareGroupOffsetsResponse) {
		for i := range r.Groups {
			g := &r.Groups[i]
			if i < len(kept) && g.GroupID == kept[i].GroupID && g.ErrorCode == 0 {
				g.Topics = append(g.Topics, topics[i]...)
			}
		}
		r.Groups = weave(r.Groups, denied, n)
	})
	return nil, nil
}

// denyShareGroupTopics takes the topics out of a group of the request that may not be described, and returns what is said
// of them; or the error of the whole group. A list from which all topics are taken stays a list: null would be all topics.
func (x *Exchange) denyShareGroupTopics(g *kmsg.DescribeShareGroupOffsetsRequestGroup) (denied []kmsg.DescribeShareGroupOffsetsResponseGroupTopic, code int16) {
	if code := x.groupError(access.OpDescribe, g.GroupID); code != 0 || g.Topics == nil {
		return nil, code
	}
	kept := make([]kmsg.DescribeShareGroupOffsetsRequestGroupTopic, 0, len(g.Topics))
	for i := range g.Topics {
		asked := &g.Topics[i]
		switch x.topicError(access.OpDescribe, asked.Topic) {
		case 0:
			kept = append(kept, *asked)
			continue
		case x.API.retry:
			return nil, x.API.retry
		}
		t := kmsg.NewDescribeShareGroupOffsetsResponseGroupTopic()
		t.Topic = asked.Topic
		for _, n := range asked.Partitions {
			p := kmsg.NewDescribeShareGroupOffsetsResponseGroupTopicPartition()
			p.Partition, p.StartOffset, p.Lag = n, -1, -1
			p.ErrorCode, p.ErrorMessage = errTopicAuthorization, message(errTopicAuthorization)
			t.Partitions = append(t.Partitions, p)
		}
		denied = append(denied, t)
	}
	g.Topics = kept
	return denied, 0
}

func shareOffsetsError(group string, code int16) kmsg.DescribeShareGroupOffsetsResponseGroup {
	g := kmsg.NewDescribeShareGroupOffsetsResponseGroup()
	g.GroupID, g.ErrorCode = group, code
	return g
}

// showShareGroupOffsets learns topics, and leaves out, of groups that were asked about with all their topics, what may
// not be shown.
func showShareGroupOffsets(x *Exchange, r *kmsg.DescribeShareGroupOffsetsResponse) (changed bool, err error) {
	q, _ := x.Body.(*kmsg.DescribeShareGroupOffsetsRequest)
	var p pairs
	f := x.filter()
	for i := range r.Groups {
		g := &r.Groups[i]
		for j := range g.Topics {
			p.add(g.Topics[j].Topic, g.Topics[j].TopicID)
		}
		if q != nil && i < len(q.Groups) && q.Groups[i].GroupID == g.GroupID && q.Groups[i].Topics != nil {
			continue // its topics were decided one by one
		}
		all := len(g.Topics)
		g.Topics = slices.DeleteFunc(g.Topics, func(t kmsg.DescribeShareGroupOffsetsResponseGroupTopic) bool {
			return !f.shows(access.OpDescribe, access.ResTopic, t.Topic)
		})
		if f.undecided() {
			*g, changed = shareOffsetsError(g.GroupID, x.API.retry), true
			continue
		}
		changed = changed || len(g.Topics) < all
	}
	x.learnPairs(p)
	return x.hid(r, changed), f.err()
}
