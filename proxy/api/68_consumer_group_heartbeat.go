package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupHeartbeat (key 68), versions 0 and 1 (KIP-848).
//
//   - v1: a regular expression of topics (RE2), and member ids that clients make (KIP-1082)
//
// Actions: READ on the group; DESCRIBE on each subscribed topic; for a regular expression DESCRIBE on all topics: the
// broker resolves it, now and whenever topics come and go, and takes the topics that the client may describe; a broker
// that does not ask would take all, so that it is all or nothing here. A heartbeat that repeats nothing carries null for both.
//
// The partitions that a member owns are named by id, and Kafka asks nothing for them.
//
// Denied: 30 or 29 for the whole, and nothing else.
var consumerGroupHeartbeatRow = row[kmsg.ConsumerGroupHeartbeatRequest, kmsg.ConsumerGroupHeartbeatResponse](
	kmsg.ConsumerGroupHeartbeat, deriveConsumerGroupHeartbeat, nil,
	denies(denyConsumerGroupHeartbeat), retries(errCoordinatorLoading))

func deriveConsumerGroupHeartbeat(x *Exchange, q *kmsg.ConsumerGroupHeartbeatRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	for _, t := range q.SubscribedTopicNames {
		x.askTopicName(access.OpDescribe, t)
	}
	if q.SubscribedTopicRegex != nil && *q.SubscribedTopicRegex != "" {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
	}
	return nil
}

func denyConsumerGroupHeartbeat(x *Exchange, q *kmsg.ConsumerGroupHeartbeatRequest) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.ErrorCode = x.heartbeatError(q.Group)
	return r, nil
}

// heartbeatError is the error of a heartbeat of which something may not pass: 30 for its group, else 29 if some topic is
// denied, whatever else could not be decided.
func (x *Exchange) heartbeatError(group string) int16 {
	if d := x.Decided(access.OpRead, access.ResGroup, group); d.Stops() {
		return x.Code(d, errGroupAuthorization)
	}
	for i := range x.Actions {
		if d := x.Actions[i].Decision; d.Stops() && d.Verdict == access.Deny {
			return errTopicAuthorization
		}
	}
	return x.API.retry
}
