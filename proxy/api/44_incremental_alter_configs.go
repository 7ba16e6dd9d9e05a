package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// IncrementalAlterConfigs (key 44), versions 0 and 1 (KIP-339).
//
//   - v1: flexible
//
// Actions: ALTER_CONFIGS for each resource: on the topic, on the group (KIP-848), or on the cluster for brokers, broker
// loggers (KIP-412) and client metrics (KIP-714). A type that is not known is asked as the cluster's, so that a newer
// broker's kind of resource is not altered unasked; one that does not know it either answers UNSUPPORTED_VERSION.
//
// Values may be secrets (a key store's password): no action holds one.
var incrementalAlterConfigsRow = row[kmsg.IncrementalAlterConfigsRequest, kmsg.IncrementalAlterConfigsResponse](
	kmsg.IncrementalAlterConfigs, deriveIncrementalAlterConfigs, nil, each)

func deriveIncrementalAlterConfigs(x *Exchange, q *kmsg.IncrementalAlterConfigsRequest) error {
	for i := range q.Resources {
		x.askConfig(access.OpAlterConfigs, q.Resources[i].ResourceType, q.Resources[i].ResourceName)
	}
	return nil
}
