package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// UnregisterController (key 94), version 0 (Kafka 4.4). An admin client's call, which brokers forward.
//
// Actions: ALTER on the cluster. Denied: 31 with a message (see needs).
var unregisterControllerRow = row[kmsg.UnregisterControllerRequest, kmsg.UnregisterControllerResponse](
	kmsg.UnregisterController, deriveUnregisterController, nil, each, denies(denyUnregisterController))

func deriveUnregisterController(x *Exchange, _ *kmsg.UnregisterControllerRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}

func denyUnregisterController(x *Exchange, _ *kmsg.UnregisterControllerRequest) (*kmsg.UnregisterControllerResponse, error) {
	r := kmsg.NewPtrUnregisterControllerResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
	return r, nil
}
