package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterClientQuotas (key 49), versions 0 and 1 (KIP-546).
//
//   - v1: flexible
//
// Actions: ALTER_CONFIGS on the cluster. The users are noted beside it; other entities (client ids, addresses, the
// default user, who has no name) are no resources of Kafka's.
var alterClientQuotasRow = row[kmsg.AlterClientQuotasRequest, kmsg.AlterClientQuotasResponse](
	kmsg.AlterClientQuotas, deriveAlterClientQuotas, nil, each)

func deriveAlterClientQuotas(x *Exchange, q *kmsg.AlterClientQuotasRequest) error {
	x.AskCluster(access.OpAlterConfigs)
	for i := range q.Entries {
		for _, e := range q.Entries[i].Entity {
			if e.Type == "user" && e.Name != nil {
				x.Ask(access.OpNone, access.ResUser, userPrefix+*e.Name)
			}
		}
	}
	return nil
}
