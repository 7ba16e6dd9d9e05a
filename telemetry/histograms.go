package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"doorkeeper/policy"
	"doorkeeper/proxy"
)

// scope is the name under which all instruments stand.
const scope = "doorkeeper"

// A distribution is a histogram as its owner keeps it: bucket i counts what took under 2^i microseconds, the last one
// all others.
type distribution struct {
	buckets []uint64
	sum     time.Duration
	count   uint64
}

func ofProxy(h *proxy.Histogram) distribution { return distribution{h.Buckets[:], h.Sum, h.Count} }

func ofPolicy(h *policy.Histogram) distribution { return distribution{h.Buckets[:], h.Sum, h.Count} }

// latencies are the histograms: rows of docs/metrics.md like the others, with their own way out.
var latencies = []struct {
	instrument
	read func(*proxy.Stats, *Policy) distribution
}{
	{instrument{name: "doorkeeper.request.latency", prom: "doorkeeper_request_latency_seconds", kind: histogram, unit: "s",
		help: "What the proxy adds to a request: from its last byte read until it is written to the broker. Waiting for the client is not in it."},
		func(s *proxy.Stats, _ *Policy) distribution { return ofProxy(&s.RequestLatency) }},
	{instrument{name: "doorkeeper.response.latency", prom: "doorkeeper_response_latency_seconds", kind: histogram, unit: "s",
		help: "What the proxy adds to a response: from its first byte read until that is written to the client. Waiting for the broker is not in it."},
		func(s *proxy.Stats, _ *Policy) distribution { return ofProxy(&s.ResponseLatency) }},
	{instrument{name: "doorkeeper.policy.evaluation", prom: "doorkeeper_policy_evaluation_seconds", kind: histogram, unit: "s",
		help: "How long the policy took to decide, where no cache had the decision."},
		func(_ *proxy.Stats, p *Policy) distribution { return ofPolicy(&p.Time) }},
}

// producer hands others' own buckets to the SDK as they are.
type producer struct {
	stats   func() proxy.Stats
	policy  func() Policy
	started time.Time
}

// Produce is called by the reader at each scrape.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	stats, law, now := p.stats(), p.policy(), time.Now()
	metrics := make([]metricdata.Metrics, len(latencies))
	for i, l := range latencies {
		metrics[i] = metricdata.Metrics{
			Name: l.name, Description: l.help, Unit: l.unit,
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.HistogramDataPoint[float64]{point(l.read(&stats, &law), p.started, now)},
			},
		}
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: metrics}}, nil
}

// point turns buckets "under 2^i microseconds" into bounds in seconds. The last bucket, of all others, has none.
func point(h distribution, started, now time.Time) metricdata.HistogramDataPoint[float64] {
	bounds := make([]float64, len(h.buckets)-1)
	for i := range bounds {
		bounds[i] = float64(uint64(1)<<i) / 1e6
	}
	return metricdata.HistogramDataPoint[float64]{
		Attributes: *attribute.EmptySet(), StartTime: started, Time: now,
		Count: h.count, Sum: h.sum.Seconds(), Bounds: bounds, BucketCounts: h.buckets,
	}
}
