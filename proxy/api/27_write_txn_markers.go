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
//
// Denied: 31 on each partition of each producer id; of two markers with one producer id the last counts. Refused: the
// connection ends.
var writeTxnMarkersRow = row[kmsg.WriteTxnMarkersRequest, kmsg.WriteTxnMarkersResponse](
	kmsg.WriteTxnMarkers, deriveWriteTxnMarkers, nil, each, denies(denyWriteTxnMarkers))

func deriveWriteTxnMarkers(x *Exchange, q *kmsg.WriteTxnMarkersRequest) error {
	x.askEither(onCluster(access.OpAlter), onCluster(access.OpClusterAction))
	for i := range q.Markers {
		for j := range q.Markers[i].Topics {
			x.askTopicName(access.OpNone, q.Markers[i].Topics[j].Topic)
		}
	}
	return nil
}

func denyWriteTxnMarkers(_ *Exchange, q *kmsg.WriteTxnMarkersRequest) (*kmsg.WriteTxnMarkersResponse, error) {
	r := kmsg.NewPtrWriteTxnMarkersResponse()
	at := make(map[int64]int, len(q.Markers))
	for i := range q.Markers {
		m := writeTxnMarkersError(&q.Markers[i])
		if j, twice := at[m.ProducerID]; twice {
			r.Markers[j] = m
			continue
		}
		at[m.ProducerID] = len(r.Markers)
		r.Markers = append(r.Markers, m)
	}
	return r, nil
}

func writeTxnMarkersError(q *kmsg.WriteTxnMarkersRequestMarker) kmsg.WriteTxnMarkersResponseMarker {
	var errs grouped[kmsg.WriteTxnMarkersResponseMarkerTopicPartition]
	for i := range q.Topics {
		for _, partition := range q.Topics[i].Partitions {
			p := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
			p.Partition, p.ErrorCode = partition, errClusterAuthorization
			errs.add(q.Topics[i].Topic, partition, p)
		}
	}
	m := kmsg.NewWriteTxnMarkersResponseMarker()
	m.ProducerID = q.ProducerID
	for _, name := range hashOrder(errs.names) {
		t := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
		t.Topic, t.Partitions = name, errs.of[name]
		m.Topics = append(m.Topics, t)
	}
	return m
}
