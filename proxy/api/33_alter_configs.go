package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterConfigs (key 33), versions 0 to 2 (KIP-133). IncrementalAlterConfigs (KIP-339) takes its place.
//
//   - v1: throttled after the answer (KIP-219); v2: flexible
//
// Actions: ALTER_CONFIGS on each topic or group, on the cluster for brokers, their loggers and client metrics.
var alterConfigsRow = row[kmsg.AlterConfigsRequest, kmsg.AlterConfigsResponse](
	kmsg.AlterConfigs, deriveAlterConfigs, nil, each)

func deriveAlterConfigs(x *Exchange, q *kmsg.AlterConfigsRequest) error {
	for i := range q.Resources {
		x.askConfig(access.OpAlterConfigs, q.Resources[i].ResourceType, q.Resources[i].ResourceName)
	}
	return nil
}
