package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeClientQuotas (key 48), versions 0 and 1 (KIP-546).
//
//   - v1: flexible
//
// Actions: DESCRIBE_CONFIGS on the cluster. Denied: 31, no message, and entries that are null.
var describeClientQuotasRow = row[kmsg.DescribeClientQuotasRequest, kmsg.DescribeClientQuotasResponse](
	kmsg.DescribeClientQuotas, deriveDescribeClientQuotas, nil, denies(denyDescribeClientQuotas))

func deriveDescribeClientQuotas(x *Exchange, _ *kmsg.DescribeClientQuotasRequest) error {
	x.AskCluster(access.OpDescribeConfigs)
	return nil
}

func denyDescribeClientQuotas(*Exchange, *kmsg.DescribeClientQuotasRequest) (*kmsg.DescribeClientQuotasResponse, error) {
	r := kmsg.NewPtrDescribeClientQuotasResponse()
	r.ErrorCode = errClusterAuthorization
	return r, nil
}
