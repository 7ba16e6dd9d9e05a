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
