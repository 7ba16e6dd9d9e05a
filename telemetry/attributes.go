package telemetry

import (
	"net/netip"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"doorkeeper/access"
	"doorkeeper/proxy"
)

// schemaURL pins the semantic conventions that the names below are of. Those for messaging and Kafka are in development.
const schemaURL = semconv.SchemaURL

// operations are the Kafka APIs that messaging's conventions have a type for.
var operations = map[int16]struct {
	name string
	typ  attribute.KeyValue
}{
	0:  {"produce", semconv.MessagingOperationTypeSend},
	1:  {"fetch", semconv.MessagingOperationTypeReceive},
	8:  {"commit", semconv.MessagingOperationTypeSettle},
	28: {"commit", semconv.MessagingOperationTypeSettle},
	78: {"fetch", semconv.MessagingOperationTypeReceive},
	79: {"acknowledge", semconv.MessagingOperationTypeSettle},
}

// operationName is the conventions' messaging.operation.name; Kafka's own name where they say nothing.
func operationName(s *proxy.Trace) string {
	if o, ok := operations[s.API]; ok {
		return o.name
	}
	return s.Name
}

// spanName is "{operation} {destination}", the destination only where there is one.
func spanName(s *proxy.Trace) string {
	if s.Topic == "" {
		return operationName(s)
	}
	return operationName(s) + " " + clean(s.Topic)
}

// ofServer are the attributes of the SERVER span.
func ofServer(s *proxy.Trace) []attribute.KeyValue {
	all := append(ofBoth(s),
		attribute.String("doorkeeper.cluster", clean(s.Session.Cluster)),
		attribute.String("doorkeeper.listener", clean(s.Session.Listener)),
		attribute.String("doorkeeper.session", s.Session.ID.String()),
		attribute.Int("doorkeeper.api.version", int(s.Version)),
		attribute.Int64("doorkeeper.request.bytes", s.BytesIn),
		attribute.Int64("doorkeeper.response.bytes", s.BytesOut),
	)
	all = endpoint(all, s.Session.Source, semconv.ClientAddressKey, semconv.ClientPortKey)
	all = endpoint(all, s.Session.Peer, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey)
	all = endpoint(all, s.Session.Local, semconv.ServerAddressKey, semconv.ServerPortKey)
	if s.Identity != nil {
		all = text(all, semconv.UserNameKey, s.Identity.Principal)
	}
	if s.Client != nil {
		all = text(all, semconv.MessagingClientIDKey, s.Client.ID)
		all = text(all, "doorkeeper.client.software", strings.Trim(s.Client.SoftwareName+"/"+s.Client.SoftwareVersion, "/"))
	}
	all = text(all, semconv.MessagingConsumerGroupNameKey, s.Group)
	all = text(all, "doorkeeper.transactional_id", s.TransactionalID)
	verdict := access.Allow
	if d := s.Stopped; d != nil {
		verdict = d.Verdict
		all = text(all, "doorkeeper.rule", d.Rule)
		all = text(all, "doorkeeper.reason", d.Reason)
		all = text(all, "doorkeeper.policy", d.Policy)
	}
	return append(all, attribute.String("doorkeeper.decision", verdict.String()))
}

// ofClient are the attributes of the CLIENT span.
func ofClient(s *proxy.Trace) []attribute.KeyValue {
	all := endpoint(ofBoth(s), s.Session.Remote, semconv.ServerAddressKey, semconv.ServerPortKey)
	return endpoint(all, s.Session.Remote, semconv.NetworkPeerAddressKey, semconv.NetworkPeerPortKey)
}

func ofBoth(s *proxy.Trace) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 32),
		semconv.MessagingSystemKafka, semconv.MessagingOperationName(operationName(s)))
	o, data := operations[s.API]
	if data {
		all = append(all, o.typ)
	}
	all = text(all, semconv.MessagingDestinationNameKey, s.Topic)
	if s.Partition >= 0 {
		all = append(all, semconv.MessagingDestinationPartitionID(strconv.Itoa(int(s.Partition))))
	}
	if s.API == 0 || s.API == 1 || s.API == 78 {
		all = append(all, semconv.MessagingBatchMessageCount(int(s.Messages)))
	}
	return all
}

// ofFinding are the attributes of a finding's span.
func ofFinding(r *access.Record) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 8),
		attribute.String("doorkeeper.detection", clean(r.Detection)), attribute.String("doorkeeper.record", r.Id))
	all = text(all, semconv.UserNameKey, r.Principal)
	all = text(all, "doorkeeper.reason", r.Reason)
	return text(all, "doorkeeper.cluster", r.Cluster)
}

// fail marks the span of a request that did not get what it asked for.
func fail(span trace.Span, s *proxy.Trace) {
	var what string
	switch {
	case s.Error != "":
		what = s.Error
	case s.Stopped != nil:
		what = s.Stopped.Verdict.String()
	default:
		return
	}
	span.SetAttributes(semconv.ErrorTypeKey.String(what))
	span.SetStatus(codes.Error, what)
}

func text(all []attribute.KeyValue, key attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return all
	}
	return append(all, key.String(clean(value)))
}

func endpoint(all []attribute.KeyValue, a netip.AddrPort, host, port attribute.Key) []attribute.KeyValue {
	if !a.IsValid() {
		return all
	}
	return append(all, host.String(a.Addr().Unmap().String()), port.Int(int(a.Port())))
}

// clean makes a name from the wire valid UTF-8: an exporter cannot send anything else, and would drop the whole batch.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
