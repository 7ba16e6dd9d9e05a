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
// that opened it, as ShareFetch does. A group that is denied is answered 30 as a whole. A topic that is denied is taken
// out and each of its partitions answered 29; what is left goes to the broker, be it nothing, for the epoch counts.
var shareAcknowledgeRow = row(kmsg.ShareAcknowledge, shareAcknowledgeActions, shareAcknowledgeAnswer, denies(shareAcknowledgeDenied))

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
		x.Env.Fetch.shareAcknowledged(x.Group, deref(q.MemberID), q.ShareSessionEpoch)
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

func shareAcknowledgeDenied(x *Exchange, q *kmsg.ShareAcknowledgeRequest) (*kmsg.ShareAcknowledgeResponse, error) {
	x.failStopped()
	if x.Stopped(access.OpRead, access.ResGroup, x.Group) {
		x.Fail(errGroupAuthorization)
		r := kmsg.NewPtrShareAcknowledgeResponse()
		r.ErrorCode = errGroupAuthorization
		return r, nil
	}
	stopped := x.stoppedTopics()
	var denied []kmsg.ShareAcknowledgeResponseTopic
	kept := q.Topics[:0]
	for _, t := range q.Topics {
		code := stopped[topicKey{id: t.TopicID}]
		if code == 0 {
			kept = append(kept, t)
			continue
		}
		rt := kmsg.NewShareAcknowledgeResponseTopic()
		rt.TopicID = t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewShareAcknowledgeResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		denied = append(denied, rt)
	}
	q.Topics = kept
	merges(x, func(r *kmsg.ShareAcknowledgeResponse) {
		if r.ErrorCode == 0 {
			r.Topics = append(r.Topics, denied...)
		}
	})
	return nil, nil
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
	x.enforced.local = r
	return r
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
