package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// StreamsGroupTopologyDescriptionUpdate (key 93), version 0 (KIP-1331, Kafka 4.4).
//
// Actions: READ on the group. The topics in the description only describe: Kafka asks nothing for them.
var streamsGroupTopologyRow = row[kmsg.StreamsGroupTopologyDescriptionUpdateRequest, kmsg.StreamsGroupTopologyDescriptionUpdateResponse](
	kmsg.StreamsGroupTopologyDescriptionUpdate, deriveStreamsGroupTopology, nil)

func deriveStreamsGroupTopology(x *Exchange, q *kmsg.StreamsGroupTopologyDescriptionUpdateRequest) error {
	x.Group = q.Group
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}
