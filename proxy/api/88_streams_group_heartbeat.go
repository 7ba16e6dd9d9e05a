package api

import (
	"slices"
	"strings"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupHeartbeat (key 88), versions 0 and 1 (KIP-1071).
//
//   - v1: the answer may ask for a description of the topology (KIP-1331)
//
// Actions: READ on the group. Where the request brings a topology: DESCRIBE on each of its topics, and CREATE on each
// internal one (repartition and changelog topics), for the broker creates those that are missing. For a source that is a
// regular expression DESCRIBE on all topics; Kafka 4.3 refuses such a topology.
//
// The topology comes with a member's first heartbeat. If its internal topics are deleted later, the broker makes them
// again after any heartbeat, asking about the member that sent it: from the request alone nobody can tell.
//
// Denied: 30 or 29 for the whole, and nothing else. Between the two the broker looks at the topology's topics: for
// internal ones of Kafka's own and for names that are none it answers STREAMS_INVALID_TOPOLOGY. Where it is CREATE that is
// denied, a broker that asks its authorizer answers the heartbeat with a status that names the topics; one that does not
// would create them, so that the answer here is 29. But before that the broker is asked, on the client's connection,
// whether they exist: then they need no creating.
//
// User endpoints, in both directions, are the applications' own (interactive queries), not Kafka's: they pass.
var streamsGroupHeartbeatRow = row[kmsg.StreamsGroupHeartbeatRequest, kmsg.StreamsGroupHeartbeatResponse](
	kmsg.StreamsGroupHeartbeat, deriveStreamsGroupHeartbeat, nil,
	denies(denyStreamsGroupHeartbeat), inquires(askStreamsTopics), retries(errCoordinatorLoading))

func deriveStreamsGroupHeartbeat(x *Exchange, q *kmsg.StreamsGroupHeartbeatRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	if q.Topology == nil {
		return nil
	}
	topics, internal, regex := topologyTopics(q.Topology)
	for _, t := range topics.list {
		x.askTopicName(access.OpDescribe, t)
	}
	if regex {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
	}
	x.askCreate(internal.list)
	return nil
}

// askStreamsTopics asks whether the topics exist that may not be created.
func askStreamsTopics(x *Exchange, q *kmsg.StreamsGroupHeartbeatRequest) []kmsg.Request {
	if x.groupError(access.OpRead, q.Group) != 0 {
		return nil
	}
	var topics []string
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Operation == access.OpCreate && a.Decision.Stops() {
			topics = append(topics, a.Name)
		}
	}
	return existence(topics)
}

// topologyTopics are the topics of a topology, those that the broker creates, and whether it has sources that are regular
// expressions.
func topologyTopics(t *kmsg.StreamsGroupHeartbeatRequestTopology) (all, internal names, regex bool) {
	for i := range t.Subtopologies {
		s := &t.Subtopologies[i]
		all.add(s.SourceTopics...)
		all.add(s.RepartitionSinkTopics...)
		for _, own := range [][]kmsg.TopicInfo{s.RepartitionSourceTopics, s.StateChangelogTopics} {
			for j := range own {
				all.add(own[j].Topic)
				internal.add(own[j].Topic)
			}
		}
		regex = regex || len(s.SourceTopicRegex) > 0
	}
	return all, internal, regex
}

func denyStreamsGroupHeartbeat(x *Exchange, q *kmsg.StreamsGroupHeartbeatRequest) (*kmsg.StreamsGroupHeartbeatResponse, error) {
	found := x.found()
	x.Actions = slices.DeleteFunc(x.Actions, func(a Ask) bool { return a.Operation == access.OpCreate && found.exists(a.Name) })
	if x.Allowed() {
		return nil, nil
	}
	r := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	r.Status = []kmsg.StreamsGroupHeartbeatResponseStatus{} // empty, not null
	if x.Stopped(access.OpRead, access.ResGroup, q.Group) || q.Topology == nil {
		r.ErrorCode = x.heartbeatError(q.Group)
		return r, nil
	}
	topics, _, _ := topologyTopics(q.Topology)
	var own, invalid []string
	for _, t := range topics.list {
		if internalTopic(t) {
			own = append(own, t)
		}
		if invalidTopic(t) != "" {
			invalid = append(invalid, t)
		}
	}
	switch {
	case len(own) > 0:
		says := "Use of Kafka internal topics " + strings.Join(own, ",") + " in a Kafka Streams topology is prohibited."
		r.ErrorCode, r.ErrorMessage = errStreamsInvalidTopology, &says
	case len(invalid) > 0:
		says := "Topic names " + strings.Join(invalid, ",") + " are not valid topic names."
		r.ErrorCode, r.ErrorMessage = errStreamsInvalidTopology, &says
	default:
		r.ErrorCode = x.heartbeatError(q.Group)
	}
	return r, nil
}

// names are names in the order they came, each once.
type names struct {
	list []string
	seen map[string]struct{}
}

func (n *names) has(s string) bool {
	_, ok := n.seen[s]
	return ok
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
