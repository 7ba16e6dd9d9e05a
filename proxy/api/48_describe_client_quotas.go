package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeClientQuotas (key 48), versions 0 and 1 (KIP-546).
//
//   - v1: flexible
//
// Actions: DESCRIBE_CONFIGS on the cluster.
var describeClientQuotasRow = row[kmsg.DescribeClientQuotasRequest, kmsg.DescribeClientQuotasResponse](
	kmsg.DescribeClientQuotas, deriveDescribeClientQuotas, nil)

func deriveDescribeClientQuotas(x *Exchange, _ *kmsg.DescribeClientQuotasRequest) error {
	x.AskCluster(access.OpDescribeConfigs)
	return nil
}
