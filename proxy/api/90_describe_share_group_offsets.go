package api

import (
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
// Names and ids of topics are learned.
var describeShareGroupOffsetsRow = row(
	kmsg.DescribeShareGroupOffsets, deriveDescribeShareGroupOffsets, learnShareGroupOffsets)

func deriveDescribeShareGroupOffsets(x *Exchange, q *kmsg.DescribeShareGroupOffsetsRequest) error {
	if len(q.Groups) == 1 {
		x.Group = q.Groups[0].GroupID
	}
	for i := range q.Groups {
		g := &q.Groups[i]
		x.Ask(access.OpDescribe, access.ResGroup, g.GroupID)
		if g.Topics == nil {
			x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
		}
		for j := range g.Topics {
			x.askTopicName(access.OpDescribe, g.Topics[j].Topic)
		}
	}
	return nil
}

func learnShareGroupOffsets(x *Exchange, r *kmsg.DescribeShareGroupOffsetsResponse) (bool, error) {
	var p pairs
	for i := range r.Groups {
		for _, t := range r.Groups[i].Topics {
			p.add(t.Topic, t.TopicID)
		}
	}
	x.learnPairs(p)
	return false, nil
}
