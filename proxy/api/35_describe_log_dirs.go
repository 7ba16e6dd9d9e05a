package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeLogDirs (key 35), versions 0 to 5 (KIP-113).
//
//   - v1: throttled after the answer (KIP-219); v2: flexible; v3: an error for the whole answer (KIP-784)
//   - v4: sizes of volumes (KIP-827); v5: cordoned directories (KIP-1066)
//
// Actions: DESCRIBE on the cluster. The topics asked for are noted beside it, as "*" where it is all of them.
//
// Denied: 31 and no directories, for one topic as for all; to v2 there is no place for the error. Refused: the connection
// ends.
var describeLogDirsRow = row[kmsg.DescribeLogDirsRequest, kmsg.DescribeLogDirsResponse](
	kmsg.DescribeLogDirs, deriveDescribeLogDirs, nil, each, denies(denyDescribeLogDirs))

func deriveDescribeLogDirs(x *Exchange, q *kmsg.DescribeLogDirsRequest) error {
	x.AskCluster(access.OpDescribe)
	if q.Topics == nil {
		x.Ask(access.OpNone, access.ResTopic, access.AllResources)
	}
	for i := range q.Topics {
		x.askTopicName(access.OpNone, q.Topics[i].Topic)
	}
	return nil
}

func denyDescribeLogDirs(*Exchange, *kmsg.DescribeLogDirsRequest) (*kmsg.DescribeLogDirsResponse, error) {
	r := kmsg.NewPtrDescribeLogDirsResponse()
	r.ErrorCode = errClusterAuthorization
	return r, nil
}
