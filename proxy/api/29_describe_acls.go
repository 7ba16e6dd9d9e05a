package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeAcls (key 29), versions 0 to 3 (KIP-140).
//
//   - v1: pattern types (KIP-290); v2: flexible; v3: resources of type user (KIP-373)
//
// Actions: DESCRIBE on the cluster. The resource and principal asked for are noted beside it. Hosts in the answer are
// clients', as the ACLs name them.
//
// Denied: 31 and a message. Refused: the connection ends.
var describeACLsRow = row[kmsg.DescribeACLsRequest, kmsg.DescribeACLsResponse](
	kmsg.DescribeACLs, deriveDescribeACLs, nil, each, denies(denyDescribeACLs))

func deriveDescribeACLs(x *Exchange, q *kmsg.DescribeACLsRequest) error {
	x.AskCluster(access.OpDescribe)
	for _, a := range aclActions(q.ResourceType, q.ResourceName, q.Principal) {
		x.ask(a)
	}
	return nil
}

func denyDescribeACLs(x *Exchange, _ *kmsg.DescribeACLsRequest) (*kmsg.DescribeACLsResponse, error) {
	r := kmsg.NewPtrDescribeACLsResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpDescribe)
	return r, nil
}
