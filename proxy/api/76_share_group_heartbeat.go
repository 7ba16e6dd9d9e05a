package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareGroupHeartbeat (key 76), version 1 (KIP-932). Version 0 was an early one, of Kafka 4.0 alone.
//
// Actions: READ on the group, DESCRIBE on each subscribed topic (null: as before). What is read is asked for in
// ShareFetch.
var shareGroupHeartbeatRow = row[kmsg.ShareGroupHeartbeatRequest, kmsg.ShareGroupHeartbeatResponse](
	kmsg.ShareGroupHeartbeat, deriveShareGroupHeartbeat, nil)

func deriveShareGroupHeartbeat(x *Exchange, q *kmsg.ShareGroupHeartbeatRequest) error {
	x.Group = q.GroupID
	x.Ask(access.OpRead, access.ResGroup, q.GroupID)
	for _, t := range q.SubscribedTopicNames {
		x.askTopicName(access.OpDescribe, t)
	}
	return nil
}
