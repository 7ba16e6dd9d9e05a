package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupDescribe (key 89), versions 0 and 1 (KIP-1071).
//
//   - v1: a description of the topology (KIP-1331), the assignor's name (KIP-1357)
//
// Actions: DESCRIBE on each group; for the topics of its topology see ConsumerGroupDescribe, denials too. A
// description of the topology is shown if the topology is. User endpoints are the applications' own and pass.
var streamsGroupDescribeRow = row(kmsg.StreamsGroupDescribe, deriveStreamsGroupDescribe, showStreamsGroups,
	denies(denyStreamsGroupDescribe), retries(errCoordinatorLoading))

func deriveStreamsGroupDescribe(x *Exchange, q *kmsg.StreamsGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	return nil
}

func denyStreamsGroupDescribe(x *Exchange, q *kmsg.StreamsGroupDescribeRequest) (*kmsg.StreamsGroupDescribeResponse, error) {
	kept, denied := take(q.Groups, func(group *string) (kmsg.StreamsGroupDescribeResponseGroup, bool) {
		code := x.groupError(access.OpDescribe, *group)
		return streamsGroupError(*group, code, nil), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrStreamsGroupDescribeResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	merges(x, func(r *kmsg.StreamsGroupDescribeResponse) { r.Groups = append(entries(denied), r.Groups...) })
	return nil, nil
}

func streamsGroupError(group string, code int16, says *string) kmsg.StreamsGroupDescribeResponseGroup {
	g := kmsg.NewStreamsGroupDescribeResponseGroup()
	g.Group, g.ErrorCode, g.ErrorMessage = group, code, says
	return g
}

// hiddenStreams is what a broker says of a streams group that uses a topic too many.
var hiddenStreams = kmsg.StringPtr("The described group uses topics that the client is not authorized to describe.")

// showStreamsGroups hides the groups that show a topic too many.
func showStreamsGroups(x *Exchange, r *kmsg.StreamsGroupDescribeResponse) (changed bool, err error) {
	f := x.filter()
	for i := range r.Groups {
		g := &r.Groups[i]
		changed = f.trim(&g.AuthorizedOperations, access.ResGroup, g.Group) || changed
		shown := f.showsTopology(g.Topology)
		switch {
		case f.undecided():
			*g, changed = streamsGroupError(g.Group, x.API.retry, nil), true
		case !shown:
			*g, changed = streamsGroupError(g.Group, errTopicAuthorization, hiddenStreams), true
		}
	}
	return x.hid(r, changed), f.err()
}

func (f *filter) showsTopology(t *kmsg.StreamsGroupDescribeResponseGroupTopology) bool {
	if t == nil {
		return true
	}
	var topics names
	for i := range t.Subtopologies {
		s := &t.Subtopologies[i]
		topics.add(s.SourceTopics...)
		topics.add(s.RepartitionSinkTopics...)
		for _, internal := range [][]kmsg.TopicInfo{s.RepartitionSourceTopics, s.StateChangelogTopics} {
			for j := range internal {
				topics.add(internal[j].Topic)
			}
		}
	}
	shown := true
	for _, topic := range topics.list {
		shown = f.shows(access.OpDescribe, access.ResTopic, topic) && shown
	}
	return shown
}
