// Package telemetry shows the proxy's numbers: OpenTelemetry instruments, served as a Prometheus page and sent by OTLP;
// and single requests, as spans.
//
// The hot path knows nothing of it. It adds to counters of its own, and whoever keeps such counters offers Stats();
// once per scrape all of them are asked, and the instruments in instruments.go observe the answers. Latencies, for
// which OpenTelemetry has no observable instrument, go out through one metric.Producer (histograms.go).
//
// Requests are picked by a sampler and shown after the fact (tracing.go): what the pumps hand over is a value, and spans are
// made of it by a goroutine of this package. Who is busiest is counted from the journal's records (top.go).
//
// It is the only package that imports OpenTelemetry's SDK. docs/metrics.md is generated from its table.
package telemetry

//go:generate go run doorkeeper/cmd/doorkeeper docs metrics ../docs/metrics.md
