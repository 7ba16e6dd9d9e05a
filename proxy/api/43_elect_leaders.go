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
//
// Denied: 31 with a message (see needs) for each partition, and from v1 for the whole.
var electLeadersRow = row[kmsg.ElectLeadersRequest, kmsg.ElectLeadersResponse](
	kmsg.ElectLeaders, deriveElectLeaders, nil, each, denies(denyElectLeaders))

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

func denyElectLeaders(x *Exchange, q *kmsg.ElectLeadersRequest) (*kmsg.ElectLeadersResponse, error) {
	r := kmsg.NewPtrElectLeadersResponse()
	r.ErrorCode = errClusterAuthorization
	for i := range q.Topics {
		t := kmsg.NewElectLeadersResponseTopic()
		t.Topic = q.Topics[i].Topic
		for _, n := range q.Topics[i].Partitions {
			p := kmsg.NewElectLeadersResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage = n, errClusterAuthorization, x.needs(access.OpAlter)
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r, nil
}
