package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreatePartitions (key 37), versions 0 to 3 (KIP-195).
//
//   - v1: a violated quota is answered before the throttling; v2: flexible
//   - v3: may answer THROTTLING_QUOTA_EXCEEDED (KIP-599)
//
// Actions: ALTER on each topic. The broker forwards the request; the controller asks.
var createPartitionsRow = row[kmsg.CreatePartitionsRequest, kmsg.CreatePartitionsResponse](
	kmsg.CreatePartitions, deriveCreatePartitions, nil, each)

func deriveCreatePartitions(x *Exchange, q *kmsg.CreatePartitionsRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpAlter, q.Topics[i].Topic)
	}
	return nil
}
