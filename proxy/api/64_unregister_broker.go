package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// UnregisterBroker (key 64), version 0 (KIP-631). An admin client's call, not one of the brokers' own.
//
// Actions: ALTER on the cluster. Denied: 31 with a message (see needs).
var unregisterBrokerRow = row[kmsg.UnregisterBrokerRequest, kmsg.UnregisterBrokerResponse](
	kmsg.UnregisterBroker, deriveUnregisterBroker, nil, each, denies(denyUnregisterBroker))

func deriveUnregisterBroker(x *Exchange, _ *kmsg.UnregisterBrokerRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}

func denyUnregisterBroker(x *Exchange, _ *kmsg.UnregisterBrokerRequest) (*kmsg.UnregisterBrokerResponse, error) {
	r := kmsg.NewPtrUnregisterBrokerResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
	return r, nil
}
