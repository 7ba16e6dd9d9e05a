package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareGroupDescribe (key 77), version 1 (KIP-932). Version 0 was an early one, of Kafka 4.0 alone.
//
// Actions: DESCRIBE on each group; for the topics in the answer see ConsumerGroupDescribe, denials too. They are learned.
var shareGroupDescribeRow = row(kmsg.ShareGroupDescribe, deriveShareGroupDescribe, showShareGroups,
	denies(denyShareGroupDescribe), retries(errCoordinatorLoading))

func deriveShareGroupDescribe(x *Exchange, q *kmsg.ShareGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.GroupIDs)
	return nil
}

func denyShareGroupDescribe(x *Exchange, q *kmsg.ShareGroupDescribeRequest) (*kmsg.ShareGroupDescribeResponse, error) {
	kept, denied := take(q.GroupIDs, func(group *string) (kmsg.ShareGroupDescribeResponseGroup, bool) {
		code := x.groupError(access.OpDescribe, *group)
		return shareGroupError(*group, code, nil), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrShareGroupDescribeResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.GroupIDs = kept
	merges(x, func(r *kmsg.ShareGroupDescribeResponse) { r.Groups = append(entries(denied), r.Groups...) })
	return nil, nil
}

func shareGroupError(group string, code int16, says *string) kmsg.ShareGroupDescribeResponseGroup {
	g := kmsg.NewShareGroupDescribeResponseGroup()
	g.GroupID, g.ErrorCode, g.ErrorMessage = group, code, says
	return g
}

// showShareGroups learns topics, and hides the groups that show one too many.
func showShareGroups(x *Exchange, r *kmsg.ShareGroupDescribeResponse) (changed bool, err error) {
	var p pairs
	f := x.filter()
	for i := range r.Groups {
		g := &r.Groups[i]
		changed = f.trim(&g.AuthorizedOperations, access.ResGroup, g.GroupID) || changed
		shown := true
		for j := range g.Members {
			for _, a := range g.Members[j].Assignment.TopicPartitions {
				p.add(a.Topic, a.TopicID)
				shown = f.shows(access.OpDescribe, access.ResTopic, a.Topic) && shown
			}
		}
		switch {
		case f.undecided():
			*g, changed = shareGroupError(g.GroupID, x.API.retry, nil), true
		case !shown:
			*g, changed = shareGroupError(g.GroupID, errTopicAuthorization, hiddenGroup), true
		}
	}
	x.learnPairs(p)
	return x.hid(r, changed), f.err()
}
