package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GetTelemetrySubscriptions (key 71), version 0 (KIP-714). A broker advertises it only with a metrics reporter that
// takes clients' telemetry.
//
// Actions: none in Kafka; the cluster is noted, so that a policy can answer before a client pushes anything.
//
// Denied, which only a policy of ours can do: 31, upon which Java's client disables its telemetry for good.
var getTelemetrySubscriptionsRow = row[kmsg.GetTelemetrySubscriptionsRequest, kmsg.GetTelemetrySubscriptionsResponse](
	kmsg.GetTelemetrySubscriptions, deriveGetTelemetrySubscriptions, nil, denies(denyGetTelemetrySubscriptions))

func deriveGetTelemetrySubscriptions(x *Exchange, _ *kmsg.GetTelemetrySubscriptionsRequest) error {
	x.AskCluster(access.OpNone)
	return nil
}

func denyGetTelemetrySubscriptions(*Exchange, *kmsg.GetTelemetrySubscriptionsRequest) (*kmsg.GetTelemetrySubscriptionsResponse, error) {
	r := kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	r.ErrorCode = errClusterAuthorization
	return r, nil
}
