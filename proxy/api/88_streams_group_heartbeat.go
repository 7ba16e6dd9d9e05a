package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupHeartbeat (key 88), versions 0 and 1 (KIP-1071).
//
//   - v1: the answer may ask for a description of the topology (KIP-1331)
//
// Actions: READ on the group. Where the request brings a topology: DESCRIBE on each of its topics, and CREATE on each
// internal one (repartition and changelog topics), for the broker creates those that are missing. For a source that is
// a regular expression DESCRIBE on all topics; Kafka 4.3 refuses such a topology.
//
// The topology comes with a member's first heartbeat. If its internal topics are deleted later, the broker makes them
// again after any heartbeat, asking about the member that sent it: from the request alone nobody can tell.
//
// User endpoints, in both directions, are the applications' own (interactive queries), not Kafka's: they pass.
var streamsGroupHeartbeatRow = row[kmsg.StreamsGroupHeartbeatRequest, kmsg.StreamsGroupHeartbeatResponse](
	kmsg.StreamsGroupHeartbeat, deriveStreamsGroupHeartbeat, nil)

func deriveStreamsGroupHeartbeat(x *Exchange, q *kmsg.StreamsGroupHeartbeatRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	if q.Topology == nil {
		return nil
	}
	var topics, internal names
	var regex bool
	for i := range q.Topology.Subtopologies {
		s := &q.Topology.Subtopologies[i]
		topics.add(s.SourceTopics...)
		topics.add(s.RepartitionSinkTopics...)
		for _, own := range [][]kmsg.TopicInfo{s.RepartitionSourceTopics, s.StateChangelogTopics} {
			for j := range own {
				topics.add(own[j].Topic)
				internal.add(own[j].Topic)
			}
		}
		regex = regex || len(s.SourceTopicRegex) > 0
	}
	for _, t := range topics.list {
		x.askTopicName(access.OpDescribe, t)
	}
	if regex {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
	}
	x.askCreate(internal.list)
	return nil
}

// names are names in the order they came, each once.
type names struct {
	list []string
	seen map[string]struct{}
}

func (n *names) add(list ...string) {
	for _, s := range list {
		if _, ok := n.seen[s]; ok {
			continue
		}
		if n.seen == nil {
			n.seen = make(map[string]struct{})
		}
		n.seen[s] = struct{}{}
		n.list = append(n.list, s)
	}
}
