package telemetry

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"doorkeeper/access"
	"doorkeeper/proxy"
)

// Tracing picks requests and makes spans of them, after the fact: a SERVER span from the request's last byte to the
// answer's, and in it a CLIENT span of the way to the broker and back. It implements proxy.Tracer.
//
// What it is shown waits in a bounded queue for one goroutine; the SDK has another queue behind it. What finds no room is
// dropped and counted: spans are for looking, records are for evidence.
type Tracing struct {
	sampler  *sampler
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	queue    chan proxy.Trace
	done     chan struct{}

	stats traceCounters
}

type traceCounters struct{ shown, dropped atomic.Int64 }

func (c *traceCounters) snapshot() TraceStats {
	return TraceStats{Shown: c.shown.Load(), Dropped: c.dropped.Load()}
}

// traceQueue is how many traces wait for their spans.
const traceQueue = 1024

// TraceStats are counters.
type TraceStats struct {
	Shown   int64 // requests of which spans were made
	Dropped int64 // that found no room
}

func newTracing(export *Export, processor sdk.SpanProcessor) *Tracing {
	provider := sdk.NewTracerProvider(
		sdk.WithSpanProcessor(processor), sdk.WithResource(export.resource()), sdk.WithIDGenerator(ids{}),
		sdk.WithSampler(sdk.AlwaysSample()), sdk.WithRawSpanLimits(spanLimits()),
	)
	t := &Tracing{
		sampler: newSampler(export.TracesPerSecond), provider: provider,
		tracer: provider.Tracer(scope, trace.WithInstrumentationVersion(export.Version), trace.WithSchemaURL(schemaURL)),
		queue:  make(chan proxy.Trace, traceQueue), done: make(chan struct{}),
	}
	go t.run()
	return t
}

// spanLimits keep what clients say of themselves short.
func spanLimits() sdk.SpanLimits {
	l := sdk.NewSpanLimits()
	l.AttributeValueLengthLimit = 1024
	return l
}

// Sample implements proxy.Tracer.
func (t *Tracing) Sample(r *access.Request, topic string, always bool) (id [16]byte) {
	if always || t.sampler.picks(r, topic) {
		return newTraceID()
	}
	return id
}

// Show implements proxy.Tracer.
func (t *Tracing) Show(s *proxy.Trace) {
	select {
	case t.queue <- *s:
	default:
		t.stats.dropped.Add(1)
	}
}

func (t *Tracing) run() {
	defer close(t.done)
	for s := range t.queue {
		t.spans(&s)
		t.stats.shown.Add(1)
	}
}

// close makes the spans that wait and lets them be sent, until ctx ends. Nobody may Show any more.
func (t *Tracing) close(ctx context.Context) error {
	close(t.queue)
	<-t.done
	return t.provider.Shutdown(ctx)
}

// newTraceID is random, as W3C Trace Context wants it.
func newTraceID() (id [16]byte) {
	for id == ([16]byte{}) {
		_, _ = rand.Read(id[:]) // never fails: see crypto/rand
	}
	return id
}

// ids gives a root span the trace id that its request was given when it came.
type ids struct{}

type traceKey struct{}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(traceKey{}).([16]byte)
	if !ok {
		id = newTraceID()
	}
	return id, newSpanID()
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		_, _ = rand.Read(id[:])
	}
	return id
}

// finding makes a span of a finding: in the trace that its record names, else in one of its own.
func (t *Tracing) finding(r *access.Record) {
	ctx := context.Background()
	if id, err := trace.TraceIDFromHex(r.TraceId); err == nil {
		ctx = context.WithValue(ctx, traceKey{}, [16]byte(id))
	}
	start, end := r.Time.AsTime(), r.Time.AsTime()
	if r.EndTime != nil {
		end = r.EndTime.AsTime()
	}
	_, span := t.tracer.Start(ctx, "finding "+clean(r.Detection), trace.WithTimestamp(start), trace.WithAttributes(ofFinding(r)...))
	span.End(trace.WithTimestamp(end))
}

// spans makes the spans of one request.
func (t *Tracing) spans(s *proxy.Trace) {
	ctx := context.WithValue(context.Background(), traceKey{}, s.Trace)
	name := spanName(s)
	ctx, server := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(s.Received),
		trace.WithAttributes(ofServer(s)...))
	if !s.Forwarded.IsZero() && !s.Answered.IsZero() {
		_, client := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(s.Forwarded),
			trace.WithAttributes(ofClient(s)...))
		fail(client, s)
		client.End(trace.WithTimestamp(latest(s.Answered, s.Forwarded)))
	}
	fail(server, s)
	server.End(trace.WithTimestamp(latest(s.Ended, s.Received)))
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
