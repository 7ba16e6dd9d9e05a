package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareAcknowledge (key 79), versions 1 to 2 (KIP-932; v0 was early access of Kafka 4.0).
//
//   - v2: renewing acknowledgements (KIP-1222)
//
// Actions: READ on the group, READ on each topic. It moves the share session's epoch, and belongs to the connection
// that opened it, as ShareFetch does.
var shareAcknowledgeRow = row(kmsg.ShareAcknowledge, shareAcknowledgeActions, shareAcknowledgeAnswer)

func shareAcknowledgeActions(x *Exchange, q *kmsg.ShareAcknowledgeRequest) error {
	x.Group = deref(q.GroupID)
	x.Ask(access.OpRead, access.ResGroup, x.Group)
	for i := range q.Topics {
		x.AskTopic(access.OpRead, x.Topic(nil, q.Topics[i].TopicID))
	}
	return nil
}

func shareAcknowledgeAnswer(x *Exchange, r *kmsg.ShareAcknowledgeResponse) (bool, error) {
	if q := x.Body.(*kmsg.ShareAcknowledgeRequest); r.ErrorCode == 0 {
		x.Env.Fetch.shareAccept(x.Group, deref(q.MemberID), q.ShareSessionEpoch)
	}
	for i := range r.NodeEndpoints {
		n := &r.NodeEndpoints[i]
		host, port, err := x.Env.Route.Advertise(n.NodeID, n.Host, n.Port)
		if err != nil {
			return false, err
		}
		n.Host, n.Port = host, port
	}
	return len(r.NodeEndpoints) > 0, nil
}

func (x *Exchange) localShareAcknowledge() kmsg.Response {
	q := x.Body.(*kmsg.ShareAcknowledgeRequest)
	if q.ShareSessionEpoch <= 0 || x.Env.Fetch.shareOpen(deref(q.GroupID), deref(q.MemberID)) {
		return nil
	}
	r := kmsg.NewPtrShareAcknowledgeResponse()
	r.SetVersion(x.Version)
	r.ErrorCode = shareSessionNotFound
	x.Fail(r.ErrorCode)
	return r
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
