package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupDescribe (key 89), versions 0 and 1 (KIP-1071).
//
//   - v1: a description of the topology (KIP-1331), the assignor's name (KIP-1357)
//
// Actions: DESCRIBE on each group; for the topics of its topology see ConsumerGroupDescribe. User endpoints are the
// applications' own and pass.
var streamsGroupDescribeRow = row[kmsg.StreamsGroupDescribeRequest, kmsg.StreamsGroupDescribeResponse](
	kmsg.StreamsGroupDescribe, deriveStreamsGroupDescribe, nil)

func deriveStreamsGroupDescribe(x *Exchange, q *kmsg.StreamsGroupDescribeRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	return nil
}
