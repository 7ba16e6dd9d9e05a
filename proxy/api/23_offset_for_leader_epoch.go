package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetForLeaderEpoch (key 23), versions 0 to 4.
//
//   - v1: leader epochs in the answer (KIP-279); v2: the leader epoch that the client knows (KIP-320)
//   - v3: replica id, so that consumers may ask; v4: flexible
//
// Actions: DESCRIBE on each topic; CLUSTER_ACTION for a replica id of 0 and above. To v2 there is no replica id: only
// followers spoke it, but Kafka answers whoever may DESCRIBE.
//
// Denied: 29 for each partition, epoch and offset -1, behind the broker's own entries. Refused: 6.
var offsetForLeaderEpochRow = row[kmsg.OffsetForLeaderEpochRequest, kmsg.OffsetForLeaderEpochResponse](
	kmsg.OffsetForLeaderEpoch, deriveOffsetForLeaderEpoch, nil, denies(denyOffsetForLeaderEpoch), retries(errNotLeader))

// unsetReplica is the schema's default replica id, which clients send that do not set it. No records come of it.
const unsetReplica = -2

func deriveOffsetForLeaderEpoch(x *Exchange, q *kmsg.OffsetForLeaderEpochRequest) error {
	x.ReplicaID = consumer
	if q.Version >= 3 && q.ReplicaID != unsetReplica {
		if err := x.askReplica(q.ReplicaID); err != nil {
			return err
		}
	}
	for i := range q.Topics {
		t := x.entry(q.Topics[i].Topic, [16]byte{})
		x.askEither(onTopic(access.OpDescribe, t), onCluster(access.OpClusterAction))
	}
	return nil
}

func denyOffsetForLeaderEpoch(x *Exchange, q *kmsg.OffsetForLeaderEpochRequest) (*kmsg.OffsetForLeaderEpochResponse, error) {
	follower := x.followerError()
	kept, denied := take(q.Topics, func(t *kmsg.OffsetForLeaderEpochRequestTopic) (kmsg.OffsetForLeaderEpochResponseTopic, bool) {
		code := follower
		if code == 0 {
			code = x.topicError(access.OpDescribe, t.Topic)
		}
		return leaderEpochError(t, code), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrOffsetForLeaderEpochResponse()
		r.Topics = entries(denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.OffsetForLeaderEpochResponse) { r.Topics = append(r.Topics, entries(denied)...) })
	return nil, nil
}

func leaderEpochError(t *kmsg.OffsetForLeaderEpochRequestTopic, code int16) kmsg.OffsetForLeaderEpochResponseTopic {
	r := kmsg.NewOffsetForLeaderEpochResponseTopic()
	r.Topic = t.Topic
	for i := range t.Partitions {
		p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition() // leader epoch and end offset -1
		p.Partition, p.ErrorCode = t.Partitions[i].Partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
