package telemetry

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/proxy"
)

// A receiver is an OTLP receiver: OpenTelemetry's own services, which keep what they are sent.
type receiver struct {
	collecttraces.UnimplementedTraceServiceServer
	url string

	mu      sync.Mutex
	spans   []*traces.Span
	schemas map[string]bool
	metrics receivedMetrics
}

type receivedMetrics struct {
	collectmetrics.UnimplementedMetricsServiceServer
	mu    sync.Mutex
	names map[string]bool
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{url: "http://" + l.Addr().String(), schemas: map[string]bool{}}
	r.metrics.names = map[string]bool{}
	server := grpc.NewServer()
	collecttraces.RegisterTraceServiceServer(server, r)
	collectmetrics.RegisterMetricsServiceServer(server, &r.metrics)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return r
}

func (r *receiver) Export(_ context.Context, q *collecttraces.ExportTraceServiceRequest) (*collecttraces.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			r.schemas[scope.SchemaUrl] = true
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	return &collecttraces.ExportTraceServiceResponse{}, nil
}

func (m *receivedMetrics) Export(_ context.Context, q *collectmetrics.ExportMetricsServiceRequest) (*collectmetrics.ExportMetricsServiceResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range q.ResourceMetrics {
		for _, scope := range of.ScopeMetrics {
			for _, metric := range scope.Metrics {
				m.names[metric.Name] = true
			}
		}
	}
	return &collectmetrics.ExportMetricsServiceResponse{}, nil
}

// exporting is a Telemetry that sends to r.
func exporting(t *testing.T, r *receiver, j *journal.Journal) *Telemetry {
	t.Helper()
	export := Export{Endpoint: r.url, TracesPerSecond: 1, Version: "v0", ProxyID: "dk-1", Log: slog.New(slog.DiscardHandler)}
	exports, err := export.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tel, err := New(Options{Exports: exports, Top: 2, Journal: j, Sources: Sources{
		Proxy:        func() proxy.Stats { return proxy.Stats{Sessions: 3, Requests: map[string]int64{"Fetch": 1}} },
		Journal:      func() journal.Stats { return journal.Stats{} },
		Sinks:        func() []Sink { return nil },
		Policy:       func() Policy { return Policy{Status: policy.Status{}} },
		Reloads:      func() Reloads { return Reloads{} },
		Certificates: func() []Certificate { return nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

var received = time.Date(2026, 11, 25, 3, 0, 12, 123456789, time.UTC)

func fetchTrace() *proxy.Trace {
	at := netip.MustParseAddrPort
	return &proxy.Trace{
		Request: access.Request{
			Session: &access.Session{
				Cluster: "erp", Listener: "plain", Source: at("10.1.2.3:51544"), Peer: at("10.1.2.3:51544"),
				Local: at("10.9.0.4:9092"), Remote: at("10.9.0.7:9092"),
			},
			Identity: &access.Identity{Principal: "User:erp"}, Client: &access.Client{ID: "erp\xff-app", SoftwareName: "apache-kafka-java", SoftwareVersion: "4.3.1"},
			API: 1, Version: 17, ReplicaID: -1, Trace: [16]byte{1, 2, 3},
		},
		Name: "Fetch", Topic: "purchasing", Partition: 3,
		Received: received, Forwarded: received.Add(time.Millisecond), Answered: received.Add(5 * time.Millisecond), Ended: received.Add(6 * time.Millisecond),
		BytesIn: 80, BytesOut: 9000, Messages: 12,
	}
}

// What a real receiver gets of a fetch, a denial and a finding.
func TestSpans(t *testing.T) {
	r := newReceiver(t)
	j := journal.New(journal.Options{})
	tel := exporting(t, r, j)
	tracer := tel.exports.Tracer()
	tracer.Show(fetchTrace())
	denied := fetchTrace()
	denied.Trace, denied.Forwarded, denied.Answered = [16]byte{9}, time.Time{}, time.Time{}
	denied.Topic, denied.Partition = "payroll", -1
	denied.Stopped = &access.Decision{Verdict: access.Deny, Rule: "erp.rego:12", Reason: "not yours"}
	tracer.Show(denied)
	j.Append(&access.Record{Kind: journal.KindFinding, Detection: "record budget", Principal: "User:noisy"})
	j.Close() // the reader comes to its end
	<-tel.readers.done
	if err := tel.Close(); err != nil {
		t.Fatal(err)
	}

	want, err := os.ReadFile("testdata/spans.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	got := r.written()
	if *update {
		if err := os.WriteFile("testdata/spans.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("spans differ (-want +got), rewrite with -update:\n%s", diff)
	}
	if !r.metrics.names["doorkeeper.sessions"] || !r.metrics.names["doorkeeper.request.latency"] {
		t.Errorf("metrics that came: %v", r.metrics.names)
	}
}

// A receiver that is not there holds nobody up, and what finds no room is counted.
func TestNoReceiver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{url: "http://" + l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tel := exporting(t, r, nil)
	tracer := tel.exports.Tracer()
	const shown = 20_000
	for range shown {
		tracer.Show(fetchTrace())
	}
	if err := tel.Close(); err == nil {
		t.Error("nothing was sent, and nobody says so")
	}
	if s := tel.exports.stats(); s.Shown+s.Dropped != shown {
		t.Errorf("%d shown and %d dropped of %d", s.Shown, s.Dropped, shown)
	}
}

// written are the spans in the order of their traces, parents first, with what differs from run to run left out.
func (r *receiver) written() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	parents := map[string]bool{}
	for _, s := range r.spans {
		parents[string(s.SpanId)] = true
	}
	slices.SortStableFunc(r.spans, func(a, b *traces.Span) int { return int(a.Kind) - int(b.Kind) })
	var b strings.Builder
	for _, s := range r.spans {
		id := hex.EncodeToString(s.TraceId)
		if s.Kind == traces.Span_SPAN_KIND_INTERNAL {
			id = "random"
		}
		fmt.Fprintf(&b, "%s %q trace %s", s.Kind, s.Name, id)
		if s.Kind == traces.Span_SPAN_KIND_SERVER || s.Kind == traces.Span_SPAN_KIND_CLIENT {
			fmt.Fprintf(&b, " from %s for %s", time.Unix(0, int64(s.StartTimeUnixNano)).UTC().Format(time.RFC3339Nano),
				time.Duration(s.EndTimeUnixNano-s.StartTimeUnixNano))
		}
		if parents[string(s.ParentSpanId)] {
			b.WriteString(" inside another")
		}
		fmt.Fprintf(&b, "\n  status %s %q\n", s.Status.GetCode(), s.Status.GetMessage())
		for _, line := range attributesOf(s) {
			b.WriteString("  " + line + "\n")
		}
	}
	for url := range r.schemas {
		b.WriteString("schema " + url + "\n")
	}
	return b.String()
}

func attributesOf(s *traces.Span) (lines []string) {
	for _, a := range s.Attributes {
		value := fmt.Sprint(a.Value.GetIntValue())
		if v, ok := a.Value.Value.(*common.AnyValue_StringValue); ok {
			value = strconv.Quote(v.StringValue)
		}
		if a.Key == "doorkeeper.record" || a.Key == "doorkeeper.session" {
			value = "an id"
		}
		lines = append(lines, a.Key+": "+value)
	}
	return lines
}
