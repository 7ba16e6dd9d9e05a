package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterReplicaLogDirs (key 34), versions 0 to 2 (KIP-113).
//
//   - v1: throttled after the answer (KIP-219); v2: flexible
//
// Actions: ALTER on the cluster. The topics that are moved are noted beside it.
//
// Denied: 31 on each partition, for one topic as for all. Refused: the connection ends.
var alterReplicaLogDirsRow = row[kmsg.AlterReplicaLogDirsRequest, kmsg.AlterReplicaLogDirsResponse](
	kmsg.AlterReplicaLogDirs, deriveAlterReplicaLogDirs, nil, each, denies(denyAlterReplicaLogDirs))

func deriveAlterReplicaLogDirs(x *Exchange, q *kmsg.AlterReplicaLogDirsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Dirs {
		for j := range q.Dirs[i].Topics {
			x.askTopicName(access.OpNone, q.Dirs[i].Topics[j].Topic)
		}
	}
	return nil
}

func denyAlterReplicaLogDirs(_ *Exchange, q *kmsg.AlterReplicaLogDirsRequest) (*kmsg.AlterReplicaLogDirsResponse, error) {
	r := kmsg.NewPtrAlterReplicaLogDirsResponse()
	for i := range q.Dirs {
		for j := range q.Dirs[i].Topics {
			t := kmsg.NewAlterReplicaLogDirsResponseTopic()
			t.Topic = q.Dirs[i].Topics[j].Topic
			for _, partition := range q.Dirs[i].Topics[j].Partitions {
				p := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				p.Partition, p.ErrorCode = partition, errClusterAuthorization
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
	}
	return r, nil
}
