package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupDescribe (key 69), versions 0 and 1 (KIP-848).
//
//   - v1: classic or consumer member (KIP-1099)
//
// Actions: DESCRIBE on each group. Which topics its members have only the answer says: of a group with one that the
// client may not DESCRIBE the broker answers TOPIC_AUTHORIZATION_FAILED.
//
// Denied: 30 before the other groups; 29 with a message, in place of the group, for one that shows a topic too many.
//
// Names and ids of assigned topics are learned. ClientHost of a member that came through a proxy is the proxy's.
var consumerGroupDescribeRow = row(kmsg.ConsumerGroupDescribe, deriveConsumerGroupDescribe, showConsumerGroups,
	denies(denyConsumerGroupDescribe), retries(errCoordinatorLoading))

func deriveConsumerGroupDescribe(x *Exchange, q *kmsg.ConsumerGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	return nil
}

func denyConsumerGroupDescribe(x *Exchange, q *kmsg.ConsumerGroupDescribeRequest) (*kmsg.ConsumerGroupDescribeResponse, error) {
	kept, denied := take(q.Groups, func(group *string) (kmsg.ConsumerGroupDescribeResponseGroup, bool) {
		code := x.groupError(access.OpDescribe, *group)
		return consumerGroupError(*group, code, nil), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrConsumerGroupDescribeResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	merges(x, func(r *kmsg.ConsumerGroupDescribeResponse) { r.Groups = append(entries(denied), r.Groups...) })
	return nil, nil
}

func consumerGroupError(group string, code int16, says *string) kmsg.ConsumerGroupDescribeResponseGroup {
	g := kmsg.NewConsumerGroupDescribeResponseGroup()
	g.Group, g.ErrorCode, g.ErrorMessage = group, code, says
	return g
}

// showConsumerGroups learns topics, and hides the groups that show one too many.
func showConsumerGroups(x *Exchange, r *kmsg.ConsumerGroupDescribeResponse) (changed bool, err error) {
	var p pairs
	f := x.filter()
	for i := range r.Groups {
		g := &r.Groups[i]
		changed = f.trim(&g.AuthorizedOperations, access.ResGroup, g.Group) || changed
		shown := true
		for j := range g.Members {
			m := &g.Members[j]
			for _, list := range [][]kmsg.AssignmentTopicPartition{m.Assignment.TopicPartitions, m.TargetAssignment.TopicPartitions} {
				for k := range list {
					p.add(list[k].Topic, list[k].TopicID)
					shown = f.shows(access.OpDescribe, access.ResTopic, list[k].Topic) && shown
				}
			}
		}
		switch {
		case f.undecided():
			*g, changed = consumerGroupError(g.Group, x.API.retry, nil), true
		case !shown:
			*g, changed = consumerGroupError(g.Group, errTopicAuthorization, hiddenGroup), true
		}
	}
	x.learnPairs(p)
	return x.hid(r, changed), f.err()
}

// hiddenGroup is what a broker says of a consumer or share group that shows a topic too many.
var hiddenGroup = kmsg.StringPtr("The group has described topic(s) that the client is not authorized to describe.")
