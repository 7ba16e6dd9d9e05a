package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// WriteTxnMarkers (key 27), versions 0 to 2 (KIP-98).
//
//   - v1: flexible; v2: transaction version (KIP-1228)
//
// Coordinators speak it among themselves, and administrators to abort a transaction that hangs (KIP-664).
//
// Actions: ALTER on the cluster, or CLUSTER_ACTION. The topics are noted beside it.
var writeTxnMarkersRow = row[kmsg.WriteTxnMarkersRequest, kmsg.WriteTxnMarkersResponse](
	kmsg.WriteTxnMarkers, deriveWriteTxnMarkers, nil, each)

func deriveWriteTxnMarkers(x *Exchange, q *kmsg.WriteTxnMarkersRequest) error {
	x.askEither(onCluster(access.OpAlter), onCluster(access.OpClusterAction))
	for i := range q.Markers {
		for j := range q.Markers[i].Topics {
			x.askTopicName(access.OpNone, q.Markers[i].Topics[j].Topic)
		}
	}
	return nil
}
