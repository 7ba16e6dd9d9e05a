package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups (key 16), versions 0 to 5.
//
//   - v1: throttle time; v3: flexible; v4: filter by state (KIP-518); v5: filter by type (KIP-848)
//
// Actions: DESCRIBE on all groups (name "*"), or on the cluster. The broker leaves out what its own authorizer denies.
var listGroupsRow = row[kmsg.ListGroupsRequest, kmsg.ListGroupsResponse](
	kmsg.ListGroups, deriveListGroups, nil)

func deriveListGroups(x *Exchange, _ *kmsg.ListGroupsRequest) error {
	x.askEither(onGroup(access.OpDescribe, access.AllResources), onCluster(access.OpDescribe))
	return nil
}
