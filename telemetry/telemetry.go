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

	"doorkeeper/journal"
)

// Telemetry is the instruments, their page, and what is exported.
type Telemetry struct {
	provider *sdk.MeterProvider
	page     http.Handler
	exports  *Exporters // nil: none
	named    *talkers
	readers  readers
}

// Options say what is counted, and where it is sent.
type Options struct {
	Sources Sources
	Exports *Exporters       // beside the page; nil: none. Close ends them
	Journal *journal.Journal // whose records tell the busiest principals and topics; nil: nobody is named
	Top     int              // so many of each
}

// scrapes bounds how many scrapes run at a time, and for how long: the page is open to everyone.
const (
	scrapes       = 4
	scrapeTimeout = 10 * time.Second
)

// closeTimeout is how long the exporters may take to send what is left.
const closeTimeout = 5 * time.Second

// New registers every instrument over its source.
func New(opt Options) (*Telemetry, error) {
	sources := opt.Sources
	named := newTalkers(opt.Top)
	sources.top = named.stats
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	buckets := &producer{sources.Proxy, sources.Policy, time.Now()}
	page, err := exporter.New(
		exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo(),
		exporter.WithProducer(buckets),
	)
	if err != nil {
		return nil, fmt.Errorf("setting up the metrics page: %w", err)
	}
	t := &Telemetry{exports: opt.Exports, named: named}
	options := []sdk.Option{sdk.WithReader(page)}
	if x := opt.Exports; x != nil {
		options = append(options, sdk.WithResource(x.resource), sdk.WithReader(sdk.NewPeriodicReader(x.metrics, sdk.WithProducer(buckets))))
	}
	sources.traces = opt.Exports.stats
	t.provider = sdk.NewMeterProvider(options...)
	if err := register(t.provider.Meter(scope), sources); err != nil {
		return nil, errors.Join(fmt.Errorf("registering the metrics: %w", err), t.Close())
	}
	if opt.Journal != nil {
		t.readers.start(opt.Journal, named, opt.Exports)
	}
	t.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout})
	return t, nil
}

// Handler is the Prometheus page.
func (t *Telemetry) Handler() http.Handler { return t.page }

// Close sends what is left and ends every goroutine. The sources are not asked any more, and no request may be shown.
func (t *Telemetry) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	t.readers.stop()
	return errors.Join(t.exports.closeTraces(ctx), t.provider.Shutdown(ctx))
}

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
