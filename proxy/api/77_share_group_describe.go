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
	kept, denied := x.splitGroups(access.OpDescribe, q.GroupIDs)
	var own []kmsg.ShareGroupDescribeResponseGroup
	for _, d := range denied {
		own = append(own, shareGroupError(d.group, d.code, nil))
	}
	if q.GroupIDs = kept; len(kept) == 0 {
		r := kmsg.NewPtrShareGroupDescribeResponse()
		r.Groups = own
		return r, nil
	}
	merges(x, func(r *kmsg.ShareGroupDescribeResponse) { r.Groups = append(own, r.Groups...) })
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
		bits := f.operations(g.AuthorizedOperations, access.ResGroup, g.GroupID)
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
		case bits != g.AuthorizedOperations:
			g.AuthorizedOperations, changed = bits, true
		}
	}
	x.learnPairs(p)
	return x.hid(r, changed), f.err()
}
