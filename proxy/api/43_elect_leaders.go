package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ElectLeaders (key 43), versions 0 to 2 (KIP-183).
//
//   - v1: unclean elections too, and an error of the whole (KIP-460); v2: flexible
//
// Actions: ALTER on the cluster. The topics are noted beside it; none named (null) is all.
var electLeadersRow = row[kmsg.ElectLeadersRequest, kmsg.ElectLeadersResponse](
	kmsg.ElectLeaders, deriveElectLeaders, nil, each)

func deriveElectLeaders(x *Exchange, q *kmsg.ElectLeadersRequest) error {
	x.AskCluster(access.OpAlter)
	if q.Topics == nil {
		x.Ask(access.OpNone, access.ResTopic, access.AllResources)
	}
	for i := range q.Topics {
		x.askTopicName(access.OpNone, q.Topics[i].Topic)
	}
	return nil
}
