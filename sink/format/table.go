package format

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// A row says where a field of the record goes in each form. What stands there is the whole value: a form may derive
// more from it (see the lists beside the forms), but this is where it can be read back.
//
// An empty place is the form's own name for it: kafka.<name> in OCSF and ECS, dk<Name> in CEF, doorkeeper.<name> in
// OpenTelemetry. Where OCSF's dictionary has the name for something else, its place is another one: an extension must not
// change what a name means. An OCSF path with @classes is an attribute of those classes only; in others it is the empty place.
type row struct {
	field
	ocsf, ecs, cef, otlp string
}

func (f field) to(ocsf, ecs, cef, otlp string) row { return row{f, ocsf, ecs, cef, otlp} }

// own has a name of its own nowhere.
func (f field) own() row { return row{field: f} }

type (
	record = *access.Record
	stamp  = *timestamppb.Timestamp
)

// table has a row for each field of the record, in the schema's order.
var table = []row{
	number("schema", func(r record) int64 { return int64(r.Schema) }).own(),
	text("journal", func(r record) string { return r.Journal }).own(),
	number("seq", func(r record) int64 { return r.Seq }).to("metadata.sequence", "event.sequence", "", ""),
	text("id", func(r record) string { return r.Id }).to("metadata.uid", "event.id", "externalId", ""),
	text("kind", func(r record) string { return r.Kind }).to("", "", "cat", ""),
	text("operation", func(r record) string { return r.Operation }).own(),
	number("severity", func(r record) int64 { return int64(r.Severity) }).to("kafka.record_severity", "event.severity", "", ""),
	clock("time", func(r record) stamp { return r.Time }).to("time_dt", "event.start", "", ""),
	clock("end_time", func(r record) stamp { return r.EndTime }).to("end_time_dt", "event.end", "", ""),
	clock("logged_time", func(r record) stamp { return r.LoggedTime }).to("metadata.logged_time_dt", "event.created", "", ""),
	text("proxy", func(r record) string { return r.Proxy }).to("metadata.reporter.name", "observer.name", "dvchost", ""),
	text("cluster", func(r record) string { return r.Cluster }).own(),
	text("cluster_id", func(r record) string { return r.ClusterId }).to("", "", "", "messaging.kafka.cluster.id"),
	text("listener", func(r record) string { return r.Listener }).own(),
	text("trace_id", func(r record) string { return r.TraceId }).to("", "trace.id", "", ""),
	truth("recovered", func(r record) bool { return r.Recovered }).own(),
	positive("count", func(r record) int64 { return r.Count }).to("count", "", "cnt", ""),

	text("session", func(r record) string { return r.Session }).to("actor.session.uid", "", "cs6", ""),
	text("principal", func(r record) string { return r.Principal }).to("actor.user.uid", "user.id", "suid", "user.id"),
	text("principal_source", func(r record) string { return r.PrincipalSource }).own(),
	text("auth", func(r record) string { return r.Auth }).own(),
	text("credential.type", func(r record) string { return r.GetCredential().GetType() }).own(),
	text("credential.id", func(r record) string { return r.GetCredential().GetId() }).own(),
	text("source", func(r record) string { return r.Source }).to("", "source.address", "", ""),
	text("source_from", func(r record) string { return r.SourceFrom }).own(),
	text("peer", func(r record) string { return r.Peer }).own(),
	text("upstream", func(r record) string { return r.Upstream }).own(),
	text("client_id", func(r record) string { return r.ClientId }).to("actor.app_name", "", "cs3", "messaging.client.id"),
	text("software", func(r record) string { return r.Software }).to("", "", "requestClientApplication", ""),
	text("ja4", func(r record) string { return r.Ja4 }).own(),
	text("tls_subject", func(r record) string { return r.TlsSubject }).to("", "tls.client.subject", "", "tls.client.subject"),
	text("group", func(r record) string { return r.Group }).to("kafka.consumer_group", "", "cs2", "messaging.consumer.group.name"),
	text("group_inferred", func(r record) string { return r.GroupInferred }).own(),
	text("group_basis", func(r record) string { return r.GroupBasis }).own(),
	text("transactional_id", func(r record) string { return r.TransactionalId }).own(),
	optional32("replica_id", func(r record) *int32 { return r.ReplicaId }).own(),

	text("api", func(r record) string { return r.Api }).to("kafka.api_name", "", "act", "messaging.operation.name"),
	optional32("api_version", func(r record) *int32 { return r.ApiVersion }).own(),
	text("resource_type", func(r record) string { return r.ResourceType }).own(),
	text("resource", func(r record) string { return r.Resource }).to("kafka.resource_name", "", "cs1", ""),
	positive("resource_count", func(r record) int64 { return r.ResourceCount }).own(),
	texts("resources", func(r record) []string { return r.Resources }).to("kafka.resource_names", "", "", ""),
	optional32("broker", func(r record) *int32 { return r.Broker }).own(),
	text("topic_id", func(r record) string { return r.TopicId }).own(),
	optional32("partition", func(r record) *int32 { return r.Partition }).to("", "", "cn1", ""),
	optional32("leader_epoch", func(r record) *int32 { return r.LeaderEpoch }).own(),
	text("isolation", func(r record) string { return r.Isolation }).own(),

	optional("requests", func(r record) *int64 { return r.Requests }).own(),
	optional("requested_offset", func(r record) *int64 { return r.RequestedOffset }).own(),
	optional("first_offset", func(r record) *int64 { return r.FirstOffset }).to("", "", "cn2", ""),
	optional("last_offset", func(r record) *int64 { return r.LastOffset }).to("", "", "cn3", ""),
	optional("messages", func(r record) *int64 { return r.Messages }).to("", "", "", "messaging.batch.message_count"),
	optional("batches", func(r record) *int64 { return r.Batches }).own(),
	positive("control_batches", func(r record) int64 { return r.ControlBatches }).own(),
	optional("bytes", func(r record) *int64 { return r.Bytes }).own(),
	positive("cut_batches", func(r record) int64 { return r.CutBatches }).own(),
	positive("cut_bytes", func(r record) int64 { return r.CutBytes }).own(),
	optional("cut_last_offset", func(r record) *int64 { return r.CutLastOffset }).own(),
	truth("estimated", func(r record) bool { return r.Estimated }).own(),
	field{name: "acquired", kind: kindRanges, ranges: rangesOf{"first", "last",
		func(r record) int { return len(r.Acquired) },
		func(r record, i int) (*int64, *int64) { return r.Acquired[i].First, r.Acquired[i].Last }}}.own(),
	text("batch_digest", func(r record) string { return r.BatchDigest }).own(),
	text("content_digest", func(r record) string { return r.ContentDigest }).own(),
	optional("request_bytes", func(r record) *int64 { return r.RequestBytes }).own(),
	optional("response_bytes", func(r record) *int64 { return r.ResponseBytes }).own(),

	text("decision", func(r record) string { return r.Decision }).own(),
	optionalTruth("enforced", func(r record) *bool { return r.Enforced }).own(),
	text("rule", func(r record) string { return r.Rule }).to("firewall_rule.name", "rule.name", "cs4", ""),
	text("reason", func(r record) string { return r.Reason }).to("status_detail", "event.reason", "reason", ""),
	text("policy", func(r record) string { return r.Policy }).to("policy.uid", "rule.ruleset", "", ""),
	truth("cached", func(r record) bool { return r.Cached }).own(),
	field{name: "labels", kind: kindLabels, labels: func(r record) map[string]string { return r.Labels }}.to("kafka.decision_labels", "", "", ""),
	text("would.decision", func(r record) string { return r.GetWould().GetDecision() }).own(),
	text("would.limit", func(r record) string { return r.GetWould().GetLimit() }).own(),
	text("would.rule", func(r record) string { return r.GetWould().GetRule() }).to("kafka.would.rule_name", "", "", ""),
	text("candidate.decision", func(r record) string { return r.GetCandidate().GetDecision() }).own(),
	text("candidate.rule", func(r record) string { return r.GetCandidate().GetRule() }).to("kafka.candidate.rule_name", "", "", ""),
	text("candidate.reason", func(r record) string { return r.GetCandidate().GetReason() }).own(),
	text("candidate.policy", func(r record) string { return r.GetCandidate().GetPolicy() }).to("kafka.candidate.policy_uid", "", "", ""),
	positive("throttle_ms", func(r record) int64 { return r.ThrottleMs }).own(),
	text("error", func(r record) string { return r.Error }).to("status_code", "error.code", "", "error.type"),
	text("outcome", func(r record) string { return r.Outcome }).to("", "", "outcome", ""),

	text("cause", func(r record) string { return r.Cause }).own(),
	optional("duration_ms", func(r record) *int64 { return r.DurationMs }).to("duration", "", "", ""),
	optional("client_in", func(r record) *int64 { return r.ClientIn }).own(),
	optional("client_out", func(r record) *int64 { return r.ClientOut }).own(),
	optional("broker_in", func(r record) *int64 { return r.BrokerIn }).own(),
	optional("broker_out", func(r record) *int64 { return r.BrokerOut }).own(),
	optional("client_acked", func(r record) *int64 { return r.ClientAcked }).own(),
	text("community_id", func(r record) string { return r.CommunityId }).to("connection_info.community_uid@4001", "network.community_id", "", ""),
	text("upstream_community_id", func(r record) string { return r.UpstreamCommunityId }).to("proxy_connection_info.community_uid@4001", "", "", ""),

	text("mechanism", func(r record) string { return r.Mechanism }).own(),

	text("actor.name", func(r record) string { return r.GetActor().GetName() }).to("kafka.administrator.name", "", "", ""),
	text("actor.role", func(r record) string { return r.GetActor().GetRole() }).to("kafka.administrator.role", "", "", ""),
	text("actor.source", func(r record) string { return r.GetActor().GetSource() }).to("kafka.administrator.source", "", "", ""),
	text("actor.method", func(r record) string { return r.GetActor().GetMethod() }).to("kafka.administrator.method", "", "", ""),
	text("target", func(r record) string { return r.Target }).own(),
	text("before", func(r record) string { return r.Before }).own(),
	text("after", func(r record) string { return r.After }).own(),
	clock("expires", func(r record) stamp { return r.Expires }).own(),
	text("checkpoint", func(r record) string { return r.Checkpoint }).own(),
	field{name: "counts", kind: kindCounts, counts: func(r record) map[string]int64 { return r.Counts }}.own(),
	text("digests.config", func(r record) string { return r.GetDigests().GetConfig() }).own(),
	text("digests.policy", func(r record) string { return r.GetDigests().GetPolicy() }).to("kafka.digests.policy_digest", "", "", ""),
	text("digests.binary", func(r record) string { return r.GetDigests().GetBinary() }).own(),
	optionalTruth("clock.synchronised", func(r record) *bool {
		if r.Clock == nil {
			return nil
		}
		return r.Clock.Synchronised
	}).own(),
	optional("clock.estimated_error_us", func(r record) *int64 {
		if r.Clock == nil {
			return nil
		}
		return r.Clock.EstimatedErrorUs
	}).own(),
	text("clock.boot_id", func(r record) string { return r.GetClock().GetBootId() }).own(),
	optional("clock.monotonic_ns", func(r record) *int64 {
		if r.Clock == nil {
			return nil
		}
		return r.Clock.MonotonicNs
	}).own(),
	text("coverage.result", func(r record) string { return r.GetCoverage().GetResult() }).own(),
	clock("coverage.time", func(r record) stamp { return r.GetCoverage().GetTime() }).to("kafka.coverage.checked", "", "", ""),
	text("delivery.sink", func(r record) string { return r.GetDelivery().GetSink() }).own(),
	optional("delivery.sent", func(r record) *int64 {
		if r.Delivery == nil {
			return nil
		}
		return r.Delivery.Sent
	}).own(),
	optional("delivery.filtered", func(r record) *int64 {
		if r.Delivery == nil {
			return nil
		}
		return r.Delivery.Filtered
	}).own(),
	optional("delivery.dead", func(r record) *int64 {
		if r.Delivery == nil {
			return nil
		}
		return r.Delivery.Dead
	}).own(),

	text("detection", func(r record) string { return r.Detection }).own(),
	texts("attack", func(r record) []string { return r.Attack }).to("kafka.attack_ids", "threat.technique.id", "", ""),
	text("confidence", func(r record) string { return r.Confidence }).own(),
	field{name: "evidence", kind: kindRanges, ranges: rangesOf{"from_seq", "to_seq",
		func(r record) int { return len(r.Evidence) },
		func(r record, i int) (*int64, *int64) { return r.Evidence[i].FromSeq, r.Evidence[i].ToSeq }}}.to("kafka.evidence_ranges", "", "", ""),

	optional("from_seq", func(r record) *int64 { return r.FromSeq }).own(),
	optional("to_seq", func(r record) *int64 { return r.ToSeq }).own(),
	clock("from_time", func(r record) stamp { return r.FromTime }).own(),
	clock("to_time", func(r record) stamp { return r.ToTime }).own(),
}
