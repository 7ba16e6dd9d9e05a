package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"doorkeeper/proxy"
)

// scope is the name under which all instruments stand.
const scope = "doorkeeper"

// latencies are the histograms: rows of docs/metrics.md like the others, with their own way out.
var latencies = []struct {
	instrument
	read func(*proxy.Stats) *proxy.Histogram
}{
	{instrument{name: "doorkeeper.request.latency", prom: "doorkeeper_request_latency_seconds", kind: histogram, unit: "s",
		help: "What the proxy adds to a request: from its last byte read until it is written to the broker. Waiting for the client is not in it."},
		func(s *proxy.Stats) *proxy.Histogram { return &s.RequestLatency }},
	{instrument{name: "doorkeeper.response.latency", prom: "doorkeeper_response_latency_seconds", kind: histogram, unit: "s",
		help: "What the proxy adds to a response: from its first byte read until that is written to the client. Waiting for the broker is not in it."},
		func(s *proxy.Stats) *proxy.Histogram { return &s.ResponseLatency }},
}

// producer hands the proxy's own buckets to the SDK as they are.
type producer struct {
	stats   func() proxy.Stats
	started time.Time
}

// Produce is called by the reader at each scrape.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	stats, now := p.stats(), time.Now()
	metrics := make([]metricdata.Metrics, len(latencies))
	for i, l := range latencies {
		metrics[i] = metricdata.Metrics{
			Name: l.name, Description: l.help, Unit: l.unit,
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.HistogramDataPoint[float64]{point(l.read(&stats), p.started, now)},
			},
		}
	}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: scope}, Metrics: metrics}}, nil
}

// point turns buckets "under 2^i microseconds" into bounds in seconds. The last bucket, of all others, has none.
func point(h *proxy.Histogram, started, now time.Time) metricdata.HistogramDataPoint[float64] {
	bounds := make([]float64, len(h.Buckets)-1)
	for i := range bounds {
		bounds[i] = float64(uint64(1)<<i) / 1e6
	}
	return metricdata.HistogramDataPoint[float64]{
		Attributes: *attribute.EmptySet(), StartTime: started, Time: now,
		Count: h.Count, Sum: h.Sum.Seconds(), Bounds: bounds, BucketCounts: h.Buckets[:],
	}
}
