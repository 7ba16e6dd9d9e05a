package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeGroups (key 15), versions 0 to 6.
//
//   - v1: throttle time; v3: authorized operations (KIP-430); v4: static members (KIP-345); v5: flexible
//   - v6: error messages, GROUP_ID_NOT_FOUND (KIP-1043)
//
// Actions: DESCRIBE on each group. The answer's client hosts are addresses of clients, as the broker sees them: ours.
var describeGroupsRow = row[kmsg.DescribeGroupsRequest, kmsg.DescribeGroupsResponse](
	kmsg.DescribeGroups, deriveDescribeGroups, nil)

func deriveDescribeGroups(x *Exchange, q *kmsg.DescribeGroupsRequest) error {
	x.askGroups(access.OpDescribe, q.Groups)
	return nil
}
