package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// Telemetry is the instruments and their page.
type Telemetry struct {
	provider *sdk.MeterProvider
	page     http.Handler
}

// scrapes bounds how many scrapes run at a time, and for how long: the page is open to everyone.
const (
	scrapes       = 4
	scrapeTimeout = 10 * time.Second
)

// New registers every instrument over its source.
func New(sources Sources) (*Telemetry, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(
		exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo(),
		exporter.WithProducer(&producer{sources.Proxy, sources.Policy, time.Now()}),
	)
	if err != nil {
		return nil, fmt.Errorf("setting up the metrics page: %w", err)
	}
	t := &Telemetry{provider: sdk.NewMeterProvider(sdk.WithReader(reader))}
	if err := register(t.provider.Meter(scope), sources); err != nil {
		return nil, errors.Join(fmt.Errorf("registering the metrics: %w", err), t.Close())
	}
	t.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout})
	return t, nil
}

// Handler is the Prometheus page.
func (t *Telemetry) Handler() http.Handler { return t.page }

// Close ends the reader. The sources are not asked any more.
func (t *Telemetry) Close() error { return t.provider.Shutdown(context.Background()) }

// register makes one callback for all instruments, so that a scrape takes one snapshot, and its numbers fit together.
func register(meter metric.Meter, sources Sources) error {
	observables := make([]metric.Int64Observable, len(instruments))
	all := make([]metric.Observable, len(instruments))
	for i, in := range instruments {
		var err error
		if in.kind == counter {
			observables[i], err = meter.Int64ObservableCounter(in.name, metric.WithDescription(in.help), metric.WithUnit(in.unit))
		} else {
			observables[i], err = meter.Int64ObservableGauge(in.name, metric.WithDescription(in.help), metric.WithUnit(in.unit))
		}
		if err != nil {
			return err
		}
		all[i] = observables[i]
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := sources.take()
		for i := range instruments {
			instruments[i].read(s, func(value int64, labels ...attribute.KeyValue) {
				o.ObserveInt64(observables[i], value, metric.WithAttributes(labels...))
			})
		}
		return nil
	}, all...)
	return err
}
