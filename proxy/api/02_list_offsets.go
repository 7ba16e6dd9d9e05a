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
// Actions: DESCRIBE on each topic; CLUSTER_ACTION for a replica id of 0 and above, which Kafka does not ask here.
//
// Denied: 29 for each partition, offset and timestamp -1, behind the broker's own entries. Without CLUSTER_ACTION that is
// all of them, as a Fetch is answered. Refused: 6.
var listOffsetsRow = row[kmsg.ListOffsetsRequest, kmsg.ListOffsetsResponse](
	kmsg.ListOffsets, deriveListOffsets, nil, denies(denyListOffsets), retries(errNotLeader))

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

func denyListOffsets(x *Exchange, q *kmsg.ListOffsetsRequest) (*kmsg.ListOffsetsResponse, error) {
	follower := x.followerError()
	kept, denied := take(q.Topics, func(t *kmsg.ListOffsetsRequestTopic) (kmsg.ListOffsetsResponseTopic, bool) {
		code := follower
		if code == 0 {
			code = x.topicError(access.OpDescribe, t.Topic)
		}
		return listOffsetsError(t, code), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrListOffsetsResponse()
		r.Topics = entries(denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.ListOffsetsResponse) { r.Topics = append(r.Topics, entries(denied)...) })
	return nil, nil
}

func listOffsetsError(t *kmsg.ListOffsetsRequestTopic, code int16) kmsg.ListOffsetsResponseTopic {
	r := kmsg.NewListOffsetsResponseTopic()
	r.Topic = t.Topic
	for i := range t.Partitions {
		p := kmsg.NewListOffsetsResponseTopicPartition() // timestamp, offset and leader epoch -1
		p.Partition, p.ErrorCode = t.Partitions[i].Partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
