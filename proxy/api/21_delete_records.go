package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteRecords (key 21), versions 0 to 2 (KIP-107).
//
//   - v1: throttled after the answer (KIP-219); v2: flexible
//
// Actions: DELETE on each topic.
var deleteRecordsRow = row[kmsg.DeleteRecordsRequest, kmsg.DeleteRecordsResponse](
	kmsg.DeleteRecords, deriveDeleteRecords, nil, each)

func deriveDeleteRecords(x *Exchange, q *kmsg.DeleteRecordsRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpDelete, q.Topics[i].Topic)
	}
	return nil
}
