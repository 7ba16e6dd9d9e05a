package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"doorkeeper/proxy"
)

// Export says where metrics and spans are sent, beside the Prometheus page. Without an endpoint: nowhere.
type Export struct {
	Endpoint        string  // URL of an OTLP receiver that speaks gRPC; https means TLS
	TracesPerSecond float64 // of each principal, topic and API
	Version         string
	ProxyID         string
	Log             *slog.Logger
}

// resource says who sends.
func (e *Export) resource() *resource.Resource {
	return resource.NewWithAttributes(schemaURL, semconv.ServiceName("doorkeeper"), semconv.ServiceVersion(e.Version),
		semconv.ServiceInstanceID(e.ProxyID))
}

// Exporters send spans and metrics by OTLP over gRPC. Neither dials before it has something to send.
type Exporters struct {
	tracing  *Tracing
	spans    sdktrace.SpanExporter
	metrics  sdkmetric.Exporter
	resource *resource.Resource
}

// Open prepares the exporters; nil without an endpoint. What the standard OTEL_EXPORTER_OTLP_… variables say beside the
// endpoint (headers, certificates, compression, timeouts) holds. They end with the Telemetry that they are given to.
func (e *Export) Open(ctx context.Context) (*Exporters, error) {
	if e.Endpoint == "" {
		return nil, nil
	}
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(e.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("exporting spans to %s: %w", e.Endpoint, err)
	}
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(e.Endpoint))
	if err != nil {
		_ = spans.Shutdown(ctx)
		return nil, fmt.Errorf("exporting metrics to %s: %w", e.Endpoint, err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		e.Log.Warn("telemetry could not be sent; records are not affected", "endpoint", e.Endpoint, "error", err)
	}))
	return &Exporters{newTracing(e, sdktrace.NewBatchSpanProcessor(spans)), spans, metrics, e.resource()}, nil
}

// Tracer is what shows requests one by one; nil without exporters.
func (x *Exporters) Tracer() proxy.Tracer {
	if x == nil {
		return nil
	}
	return x.tracing
}

// Close ends exporters that no Telemetry was made of.
func (x *Exporters) Close() error {
	if x == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(x.closeTraces(ctx), x.metrics.Shutdown(ctx))
}

// closeTraces sends the spans that are left until ctx ends. What is then still being sent again and again is given up.
func (x *Exporters) closeTraces(ctx context.Context) error {
	if x == nil {
		return nil
	}
	return errors.Join(x.tracing.close(ctx), x.spans.Shutdown(context.WithoutCancel(ctx)))
}

func (x *Exporters) stats() TraceStats {
	if x == nil {
		return TraceStats{}
	}
	return x.tracing.stats.snapshot()
}
