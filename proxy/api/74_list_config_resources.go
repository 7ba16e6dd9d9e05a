package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListConfigResources (key 74), versions 0 and 1 (KIP-714, as ListClientMetricsResources).
//
//   - v1: resources of every type, topics and groups too (KIP-1142)
//
// Actions: DESCRIBE_CONFIGS on the cluster, and nothing for what is listed. Denied: 31 and nothing.
var listConfigResourcesRow = row[kmsg.ListConfigResourcesRequest, kmsg.ListConfigResourcesResponse](
	kmsg.ListConfigResources, deriveListConfigResources, nil, denies(denyListConfigResources))

func deriveListConfigResources(x *Exchange, _ *kmsg.ListConfigResourcesRequest) error {
	x.AskCluster(access.OpDescribeConfigs)
	return nil
}

func denyListConfigResources(*Exchange, *kmsg.ListConfigResourcesRequest) (*kmsg.ListConfigResourcesResponse, error) {
	r := kmsg.NewPtrListConfigResourcesResponse()
	r.ErrorCode = errClusterAuthorization
	return r, nil
}
