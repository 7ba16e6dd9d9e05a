package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupTopologyDescriptionUpdate (key 93), version 0 (KIP-1331, Kafka 4.4).
//
// Actions: READ on the group. The topics in the description only describe: Kafka asks nothing for them.
//
// Denied: 30, without a message (Kafka 4.4).
var streamsGroupTopologyRow = row[kmsg.StreamsGroupTopologyDescriptionUpdateRequest, kmsg.StreamsGroupTopologyDescriptionUpdateResponse](
	kmsg.StreamsGroupTopologyDescriptionUpdate, deriveStreamsGroupTopology, nil, denies(denyStreamsGroupTopology), retries(errCoordinatorLoading))

func deriveStreamsGroupTopology(x *Exchange, q *kmsg.StreamsGroupTopologyDescriptionUpdateRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denyStreamsGroupTopology(x *Exchange, q *kmsg.StreamsGroupTopologyDescriptionUpdateRequest) (*kmsg.StreamsGroupTopologyDescriptionUpdateResponse, error) {
	r := kmsg.NewPtrStreamsGroupTopologyDescriptionUpdateResponse()
	r.ErrorCode = x.wholeGroup(access.OpRead, q.Group, access.OpNone)
	return r, nil
}
