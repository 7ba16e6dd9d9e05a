package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// PushTelemetry (key 72), version 0 (KIP-714).
//
// Actions: none in Kafka, where anybody may push. It is a way for data past every topic's rules: the cluster is
// asked about with the operation NONE, which a policy can tell by the API. The metrics themselves are not looked into.
//
// Denied: as GetTelemetrySubscriptions.
var pushTelemetryRow = row[kmsg.PushTelemetryRequest, kmsg.PushTelemetryResponse](
	kmsg.PushTelemetry, derivePushTelemetry, nil, denies(denyPushTelemetry))

func derivePushTelemetry(x *Exchange, _ *kmsg.PushTelemetryRequest) error {
	x.AskCluster(access.OpNone)
	return nil
}

func denyPushTelemetry(*Exchange, *kmsg.PushTelemetryRequest) (*kmsg.PushTelemetryResponse, error) {
	r := kmsg.NewPtrPushTelemetryResponse()
	r.ErrorCode = errClusterAuthorization
	return r, nil
}
