package api

import (
	"fmt"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListOffsets (key 2), versions 0 to 11.
//
//   - v1: one offset for each partition, by timestamp (KIP-79); v0 lists segments, and left with Kafka 4.0
//   - v2: isolation level (KIP-98); v4: the leader epoch that the client knows (KIP-320); v6: flexible
//   - v7: timestamp -3, the highest timestamp (KIP-734); v8: -4, the earliest local offset (KIP-405)
//   - v9: -5, the latest tiered offset (KIP-1005); v10: timeout (KIP-1075); v11: -6, the earliest offset that waits to
//     be tiered (KIP-1023)
//
// Actions: DESCRIBE on each topic; CLUSTER_ACTION for a replica id of 0 and above.
var listOffsetsRow = row[kmsg.ListOffsetsRequest, kmsg.ListOffsetsResponse](
	kmsg.ListOffsets, deriveListOffsets, nil)

type replicaError int32

func (e replicaError) Error() string {
	return fmt.Sprintf("replica id %d is neither a consumer's (-1) nor a broker's", int32(e))
}

func deriveListOffsets(x *Exchange, q *kmsg.ListOffsetsRequest) error {
	if err := x.askReplica(q.ReplicaID); err != nil {
		return err
	}
	for i := range q.Topics {
		x.askTopicName(access.OpDescribe, q.Topics[i].Topic)
	}
	return nil
}
