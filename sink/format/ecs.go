package format

import (
	"doorkeeper/access"
)

const ecsVersion = "9.4.0"

// ecs writes documents of the Elastic Common Schema. Kafka's own fields stand under kafka., which the schema leaves to
// others.
type ecs struct{ body *tree }

func newECS(version string) *ecs { return &ecs{newTree(ecsEntries(version))} }

func (*ecs) Name() string { return "ecs" }
func (*ecs) JSON() bool   { return true }

func (e *ecs) Append(dst []byte, r *access.Record) []byte {
	return e.body.append(append(dst, '{'), r, every)
}

func ecsEntries(version string) []entry {
	return append(ecsDerived(version), tableEntries("kafka.", func(r row) string { return r.ecs })...)
}

func ecsDerived(version string) []entry {
	return []entry{
		{"@timestamp", "time", every, field{kind: kindTime, when: happened}},
		{"ecs.version", "", every, constant(ecsVersion)},
		{"message", "kind, operation, api, outcome", every, derivedText(Message)},
		{"event.kind", "kind", every, derivedText(ecsKind)},
		{"event.category", "kind, operation, api", every, eventWords(func(r record) string { c, _ := ecsCategory(r); return c })},
		{"event.type", "kind, operation, api, decision, enforced", every, eventWords(ecsType)},
		{"event.action", "api, operation", every, derivedText(apiName)},
		{"event.outcome", "outcome", every, derivedText(ecsOutcome)},
		{"event.module", "", every, constant("doorkeeper")},
		{"event.dataset", "kind", every, derivedText(ecsDataset)},
		{"event.duration", "duration_ms", every, derivedInt(nanoseconds)},
		{"observer.type", "", every, constant("proxy")},
		{"observer.vendor", "", every, constant("doorkeeper")},
		{"observer.product", "", every, constant("doorkeeper")},
		{"observer.version", "", every, constant(version)},
		{"user.name", "principal, actor.name", every, derivedText(userName)},
		{"source.ip", "source", every, ipOf(sourceOf)},
		{"source.port", "source", every, portOf(sourceOf)},
		{"source.bytes", "bytes, client_in, request_bytes", every, derivedInt(toBroker)},
		{"source.nat.ip", "upstream", every, ipOf(upstreamOf)},
		{"source.nat.port", "upstream", every, portOf(upstreamOf)},
		{"destination.bytes", "bytes, client_out, response_bytes", every, derivedInt(toClient)},
		{"network.protocol", "kind", every, derivedText(onWire("kafka"))},
		{"network.transport", "kind", every, derivedText(onWire("tcp"))},
		{"related.user", "principal, actor.name", every, listOf(userName)},
		{"related.ip", "source", every, listOf(func(r record) string { ip, _, _ := split(r.Source); return ip })},
		{"threat.framework", "attack", every, derivedText(func(r record) string {
			if len(r.Attack) == 0 {
				return ""
			}
			return "MITRE ATT&CK"
		})},
	}
}

// eventWords is a list of words of the schema's, which the field has as JSON.
func eventWords(get func(*access.Record) string) field {
	return field{kind: kindRaw, has: func(*access.Record) bool { return true },
		raw: func(dst []byte, r *access.Record) []byte { return append(dst, get(r)...) }}
}

// listOf is a list of one.
func listOf(get func(*access.Record) string) field {
	return field{kind: kindRaw,
		has: func(r *access.Record) bool { return get(r) != "" },
		raw: func(dst []byte, r *access.Record) []byte {
			return append(access.AppendString(append(dst, '['), get(r)), ']')
		}}
}

func ecsKind(r *access.Record) string {
	switch r.Kind {
	case kindFinding:
		return "alert"
	case kindGap:
		return "pipeline_error"
	}
	return "event"
}

// ecsCategory is the list of categories, and the type that goes with them.
func ecsCategory(r *access.Record) (categories, typ string) {
	switch r.Kind {
	case kindSession:
		return `["network","session"]`, pickType(r.Operation, "OPEN", "start", "CLOSE", "end")
	case kindAuthn:
		return `["authentication"]`, "start"
	case kindFinding:
		return `["intrusion_detection"]`, "info"
	case kindGap:
		return `["database"]`, "error"
	case kindControl:
		return `["configuration"]`, pickType(r.Operation, "QUERY", "access", "RELOAD", "change", "POLICY", "change",
			"QUARANTINE", "change", "GRANT", "change")
	}
	switch c, activity := classify(r); c {
	case userAccess, accountChange:
		return `["api","iam"]`, "change"
	case datastoreActivity:
		if activity == 5 || activity == 7 {
			return `["api","database"]`, "change"
		}
		return `["api","database"]`, "access"
	default:
		return `["api"]`, apiType(activity)
	}
}

// pickType takes words in pairs; "info" goes with every other.
func pickType(word string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == word {
			return pairs[i+1]
		}
	}
	return "info"
}

func apiType(activity int64) string {
	switch activity {
	case 1:
		return "creation"
	case 2:
		return "access"
	case 3:
		return "change"
	case 4:
		return "deletion"
	}
	return "info"
}

// ecsType is what happened, and for what was decided on whether it might.
func ecsType(r *access.Record) string {
	_, typ := ecsCategory(r)
	if r.Kind != kindAccess {
		return `["` + typ + `"]`
	}
	switch verdictOf(r) {
	case denied, refused:
		return `["` + typ + `","denied"]`
	case allowed:
		return `["` + typ + `","allowed"]`
	}
	return `["` + typ + `"]`
}

func ecsOutcome(r *access.Record) string {
	switch successOf(r) {
	case succeeded:
		return "success"
	case failed:
		return "failure"
	case partly, unknown:
		return "unknown"
	}
	return ""
}

func ecsDataset(r *access.Record) string {
	switch r.Kind {
	case kindSession:
		return "doorkeeper.session"
	case kindAuthn:
		return "doorkeeper.authn"
	case kindFinding:
		return "doorkeeper.finding"
	case kindGap:
		return "doorkeeper.gap"
	case kindControl:
		return "doorkeeper.control"
	}
	return "doorkeeper.access"
}

func nanoseconds(r *access.Record) (int64, bool) {
	const most = (1<<63 - 1) / 1_000_000
	if r.DurationMs == nil || *r.DurationMs < 0 || *r.DurationMs > most {
		return 0, false
	}
	return *r.DurationMs * 1_000_000, true
}

// onWire is of records of something that a client did.
func onWire(word string) func(*access.Record) string {
	return func(r *access.Record) string {
		switch r.Kind {
		case kindSession, kindAuthn, kindAccess:
			return word
		}
		return ""
	}
}
