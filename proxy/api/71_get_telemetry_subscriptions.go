package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GetTelemetrySubscriptions (key 71), version 0 (KIP-714). A broker advertises it only with a metrics reporter that
// takes clients' telemetry.
//
// Actions: none in Kafka; the cluster is noted, so that a policy can answer before a client pushes anything.
var getTelemetrySubscriptionsRow = row[kmsg.GetTelemetrySubscriptionsRequest, kmsg.GetTelemetrySubscriptionsResponse](
	kmsg.GetTelemetrySubscriptions, deriveGetTelemetrySubscriptions, nil)

func deriveGetTelemetrySubscriptions(x *Exchange, _ *kmsg.GetTelemetrySubscriptionsRequest) error {
	x.AskCluster(access.OpNone)
	return nil
}
