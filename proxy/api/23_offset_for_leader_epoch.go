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
var offsetForLeaderEpochRow = row[kmsg.OffsetForLeaderEpochRequest, kmsg.OffsetForLeaderEpochResponse](
	kmsg.OffsetForLeaderEpoch, deriveOffsetForLeaderEpoch, nil)

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
