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
//
// Denied: 31 with Kafka's message for each entry.
var alterClientQuotasRow = row[kmsg.AlterClientQuotasRequest, kmsg.AlterClientQuotasResponse](
	kmsg.AlterClientQuotas, deriveAlterClientQuotas, nil, each, denies(denyAlterClientQuotas))

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

func denyAlterClientQuotas(_ *Exchange, q *kmsg.AlterClientQuotasRequest) (*kmsg.AlterClientQuotasResponse, error) {
	r := kmsg.NewPtrAlterClientQuotasResponse()
	for i := range q.Entries {
		e := kmsg.NewAlterClientQuotasResponseEntry()
		e.ErrorCode, e.ErrorMessage = errClusterAuthorization, message(errClusterAuthorization)
		for _, asked := range q.Entries[i].Entity {
			n := kmsg.NewAlterClientQuotasResponseEntryEntity()
			n.Type, n.Name = asked.Type, asked.Name
			e.Entity = append(e.Entity, n)
		}
		r.Entries = append(r.Entries, e)
	}
	return r, nil
}
