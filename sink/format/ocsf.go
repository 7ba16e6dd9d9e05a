package format

import (
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// What an OCSF event says of its schema. The extension's numbers are those of deploy/siem/ocsf.
const (
	ocsfVersion      = "1.8.0"
	extensionName    = "kafka"
	extensionUID     = "999"
	extensionVersion = "1.0.0"
)

// The classes that have an attribute which others lack.
const (
	withSource      = inDatastore | inAPI | inAuthentication | inNetwork | inAccount | inUserAccess
	withDestination = inDatastore | inAPI | inAuthentication | inNetwork
	withResources   = inAPI | inUserAccess
)

// ocsf writes events of OCSF 1.8: classes.go says which class a record belongs to.
type ocsf struct{ body *tree }

func newOCSF(version string) *ocsf { return &ocsf{newTree(ocsfEntries(version))} }

func (*ocsf) Name() string { return "ocsf" }
func (*ocsf) JSON() bool   { return true }

func (o *ocsf) Append(dst []byte, r *access.Record) []byte {
	c, activity := classify(r)
	dst = strconv.AppendInt(append(dst, `{"class_uid":`...), c.uid, 10)
	dst = strconv.AppendInt(append(dst, `,"category_uid":`...), c.uid/1000, 10)
	dst = strconv.AppendInt(append(dst, `,"activity_id":`...), activity, 10)
	dst = strconv.AppendInt(append(dst, `,"type_uid":`...), c.uid*100+activity, 10)
	if activity == otherActivity {
		dst = access.AppendString(append(dst, `,"activity_name":`...), orUnknown(r.Operation))
	}
	return o.body.append(dst, r, c.bit)
}

// ocsfEntries are what is derived, then the table.
func ocsfEntries(version string) []entry {
	list := append(ocsfDerived(version), ocsfIdentity()...)
	list = append(list, ocsfPerClass(version)...)
	return append(list, tableEntries("kafka.", func(r row) string { return r.ocsf })...)
}

func ocsfDerived(version string) []entry {
	return []entry{
		{"severity_id", "severity", every, derivedInt(severityID)},
		{"severity", "severity", every, derivedText(otherSeverity)},
		{"time", "time", every, millis(happened)},
		{"start_time", "time, from_time", every, millis(started)},
		{"end_time", "end_time, to_time", every, millis(ended)},
		{"message", "kind, operation, api, outcome", every, derivedText(Message)},
		{"metadata.version", "", every, constant(ocsfVersion)},
		{"metadata.product.name", "", every, constant("doorkeeper")},
		{"metadata.product.vendor_name", "", every, constant("doorkeeper")},
		{"metadata.product.version", "", every, constant(version)},
		{"metadata.profiles", "", every &^ inNetwork, constantRaw(`["datetime","host","security_control","kafka/kafka"]`)},
		{"metadata.profiles", "", inNetwork, constantRaw(`["datetime","host","network_proxy","security_control","kafka/kafka"]`)},
		{"metadata.extensions", "", every, constantRaw(`[{"name":"` + extensionName + `","uid":"` + extensionUID + `","version":"` + extensionVersion + `"}]`)},
		{"metadata.logged_time", "logged_time", every, millis(func(r record) stamp { return r.LoggedTime })},
		{"status_id", "outcome", every &^ inFinding, derivedInt(statusID)},
		{"status_id", "", inFinding, constantInt(1)},
		{"status", "outcome", every &^ inFinding, derivedText(otherStatus)},
		{"action_id", "decision, enforced, would.decision", every, derivedInt(func(r record) (int64, bool) { return control(r, 1, 2, 2, 3) })},
		{"disposition_id", "decision, enforced, would.decision", every, derivedInt(func(r record) (int64, bool) { return control(r, 1, 26, 25, 17) })},
		{"attacks", "attack", every, attacks},
	}
}

// ocsfIdentity are who, from where and to where.
func ocsfIdentity() []entry {
	return []entry{
		{"actor.user.name", "principal, actor.name", every &^ (inDatastore | inAPI), derivedText(userName)},
		{"actor.user.name", "principal, actor.name; unknown where nothing names an actor", inDatastore | inAPI, derivedText(userNameOrUnknown)},
		{"src_endpoint.ip", "source", withSource, ipOf(sourceOf)},
		{"src_endpoint.port", "source", withSource, portOf(sourceOf)},
		{"src_endpoint.name", "source, actor.source", withSource &^ (inDatastore | inAPI), derivedText(sourceName)},
		{"src_endpoint.name", "source, actor.source", inDatastore | inAPI, derivedText(sourceNameOrUnknown)},
		{"dst_endpoint.svc_name", "kind", withDestination, derivedText(serviceName)},
		{"dst_endpoint.name", "cluster", withDestination, derivedText(func(r record) string { return r.Cluster })},
		{"dst_endpoint.instance_uid", "broker", withDestination, derivedText(brokerText)},
		{"user.uid", "principal", inAuthentication, derivedText(func(r record) string { return r.Principal })},
		{"user.name", "principal", inAuthentication, derivedText(func(r record) string { return orUnknown(userName(r)) })},
		{"user.uid", "resource", inAccount | inUserAccess, derivedText(concernedUser)},
		{"user.name", "resource", inAccount | inUserAccess, derivedText(func(r record) string {
			return orUnknown(userName(&access.Record{Principal: concernedUser(r)}))
		})},
	}
}

// ocsfPerClass is what a class wants of its own.
func ocsfPerClass(version string) []entry {
	return []entry{
		{"type_id", "", inDatastore, constantInt(2)},
		{"databucket.name", "resource", inDatastore, derivedText(func(r record) string { return r.Resource })},
		{"databucket.uid", "topic_id", inDatastore, derivedText(func(r record) string { return r.TopicId })},
		{"databucket.type_id", "", inDatastore, constantInt(99)},
		{"databucket.type", "", inDatastore, constant("Kafka topic")},

		{"api.operation", "api, operation", inAPI, derivedText(apiName)},
		{"api.version", "api_version", inAPI, derivedText(apiVersion)},
		{"api.service.name", "kind", inAPI, derivedText(serviceName)},
		{"resources", "resource, resources, resource_type, target", withResources, resourceDetails},
		{"privileges", "", inUserAccess, constantRaw(`["unknown"]`)},

		{"auth_protocol", "mechanism, auth", inAuthentication, derivedText(mechanism)},
		{"auth_protocol_id", "mechanism, auth", inAuthentication, derivedInt(protocolID)},
		{"is_remote", "", inAuthentication, constantRaw("true")},
		{"session.uid", "session", inAuthentication, derivedText(func(r record) string { return r.Session })},

		{"connection_info.direction_id", "", inNetwork, constantInt(1)},
		{"connection_info.protocol_num", "", inNetwork, constantInt(6)},
		{"proxy_connection_info.direction_id", "upstream_community_id", inNetwork, derivedInt(func(r record) (int64, bool) { return 2, r.UpstreamCommunityId != "" })},
		{"traffic.bytes_in", "client_out", inNetwork, derivedInt(func(r record) (int64, bool) { return value(r.ClientOut) })},
		{"traffic.bytes_out", "client_in", inNetwork, derivedInt(func(r record) (int64, bool) { return value(r.ClientIn) })},

		{"finding_info.uid", "id", inFinding, derivedText(func(r record) string { return orUnknown(r.Id) })},
		{"finding_info.title", "detection, operation", inFinding, derivedText(title)},
		{"finding_info.analytic.name", "detection, operation", inFinding, derivedText(title)},
		{"finding_info.analytic.type_id", "", inFinding, constantInt(1)},
		{"finding_info.attacks", "attack", inFinding, attacks},
		{"confidence_id", "confidence", inFinding, derivedInt(confidenceID)},
		{"confidence", "confidence", inFinding, derivedText(otherConfidence)},
		{"is_alert", "", inFinding, constantRaw("true")},

		{"command_uid", "id", inRemediation, derivedText(func(r record) string { return orUnknown(r.Id) })},

		{"app.name", "", inLifecycle, constant("doorkeeper")},
		{"app.vendor_name", "", inLifecycle, constant("doorkeeper")},
		{"app.version", "", inLifecycle, constant(version)},
	}
}

func constantRaw(json string) field {
	return field{kind: kindRaw, fixed: true, has: func(*access.Record) bool { return true },
		raw: func(dst []byte, _ *access.Record) []byte { return append(dst, json...) }}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func severityID(r *access.Record) (int64, bool) {
	if r.Severity < 0 || r.Severity > 6 {
		return 99, true
	}
	return int64(r.Severity), true
}

// otherSeverity is the name that a severity without a number must have.
func otherSeverity(r *access.Record) string {
	if id, _ := severityID(r); id == 99 {
		return strconv.Itoa(int(r.Severity))
	}
	return ""
}

func started(r *access.Record) *timestamppb.Timestamp {
	switch {
	case r.FromTime != nil:
		return r.FromTime
	case r.EndTime != nil:
		return r.Time
	}
	return nil
}

func ended(r *access.Record) *timestamppb.Timestamp {
	if r.EndTime == nil {
		return r.ToTime
	}
	return r.EndTime
}

func statusID(r *access.Record) (int64, bool) {
	switch successOf(r) {
	case succeeded:
		return 1, true
	case failed:
		return 2, true
	case partly:
		return 99, true
	case unknown:
		return 0, true
	}
	return 0, false
}

func otherStatus(r *access.Record) string {
	if successOf(r) == partly {
		return r.Outcome
	}
	return ""
}

func control(r *access.Record, allow, deny, refuse, watch int64) (int64, bool) {
	switch verdictOf(r) {
	case allowed:
		return allow, true
	case denied:
		return deny, true
	case refused:
		return refuse, true
	case watched:
		return watch, true
	}
	return 0, false
}

// userNameOrUnknown is for the classes that must name an actor.
func userNameOrUnknown(r *access.Record) string {
	name := userName(r)
	if r.Session == "" && r.ClientId == "" {
		return orUnknown(name)
	}
	return name
}

func sourceName(r *access.Record) string {
	if _, _, ok := split(r.Source); ok {
		return ""
	}
	if r.Source == "" {
		return r.GetActor().GetSource()
	}
	return r.Source
}

func sourceNameOrUnknown(r *access.Record) string {
	if _, _, ok := split(r.Source); ok {
		return ""
	}
	return orUnknown(sourceName(r))
}

func serviceName(r *access.Record) string {
	if r.Kind == kindControl {
		return "doorkeeper"
	}
	return "kafka"
}

func brokerText(r *access.Record) string {
	if r.Broker == nil {
		return ""
	}
	return strconv.Itoa(int(*r.Broker))
}

// concernedUser is whose account or rights changed. Not every record of such a call names one.
func concernedUser(r *access.Record) string {
	if r.ResourceType == "USER" {
		return r.Resource
	}
	return ""
}

func apiName(r *access.Record) string {
	if r.Api != "" {
		return r.Api
	}
	return orUnknown(r.Operation)
}

func apiVersion(r *access.Record) string {
	if r.ApiVersion == nil {
		return ""
	}
	return strconv.Itoa(int(*r.ApiVersion))
}

func mechanism(r *access.Record) string {
	if r.Mechanism != "" {
		return r.Mechanism
	}
	return r.Auth
}

func protocolID(r *access.Record) (int64, bool) {
	switch mechanism(r) {
	case "":
		return 0, true
	case "GSSAPI":
		return 2, true
	case "OAUTHBEARER":
		return 6, true
	}
	return 99, true
}

func confidenceID(r *access.Record) (int64, bool) {
	switch r.Confidence {
	case "":
		return 0, false
	case "low":
		return 1, true
	case "medium":
		return 2, true
	case "high":
		return 3, true
	}
	return 99, true
}

// otherConfidence is the name that a confidence without a number must have.
func otherConfidence(r *access.Record) string {
	if id, _ := confidenceID(r); id == 99 {
		return r.Confidence
	}
	return ""
}

func title(r *access.Record) string {
	if r.Detection != "" {
		return r.Detection
	}
	return orUnknown(r.Operation)
}
