package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareGroupHeartbeat (key 76), version 1 (KIP-932). Version 0 was an early one, of Kafka 4.0 alone.
//
// Actions: READ on the group, DESCRIBE on each subscribed topic (null: as before). What is read is asked for in
// ShareFetch.
//
// Denied: 30 or 29 for the whole, and nothing else. Between the two the broker looks at the member id: one that is empty or
// longer than 36 characters is INVALID_REQUEST.
var shareGroupHeartbeatRow = row[kmsg.ShareGroupHeartbeatRequest, kmsg.ShareGroupHeartbeatResponse](
	kmsg.ShareGroupHeartbeat, deriveShareGroupHeartbeat, nil,
	denies(denyShareGroupHeartbeat), retries(errCoordinatorLoading))

func deriveShareGroupHeartbeat(x *Exchange, q *kmsg.ShareGroupHeartbeatRequest) error {
	x.Group = q.GroupID
	x.Ask(access.OpRead, access.ResGroup, q.GroupID)
	for _, t := range q.SubscribedTopicNames {
		x.askTopicName(access.OpDescribe, t)
	}
	return nil
}

func denyShareGroupHeartbeat(x *Exchange, q *kmsg.ShareGroupHeartbeatRequest) (*kmsg.ShareGroupHeartbeatResponse, error) {
	r := kmsg.NewPtrShareGroupHeartbeatResponse()
	r.ErrorCode = x.heartbeatError(q.GroupID)
	if n := javaLength(q.MemberID); r.ErrorCode == errTopicAuthorization && (n == 0 || n > 36) {
		r.ErrorCode = errInvalidRequest
	}
	return r, nil
}
