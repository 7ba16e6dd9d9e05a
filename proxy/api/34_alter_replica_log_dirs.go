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
var alterReplicaLogDirsRow = row[kmsg.AlterReplicaLogDirsRequest, kmsg.AlterReplicaLogDirsResponse](
	kmsg.AlterReplicaLogDirs, deriveAlterReplicaLogDirs, nil, each)

func deriveAlterReplicaLogDirs(x *Exchange, q *kmsg.AlterReplicaLogDirsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Dirs {
		for j := range q.Dirs[i].Topics {
			x.askTopicName(access.OpNone, q.Dirs[i].Topics[j].Topic)
		}
	}
	return nil
}
