package access

import (
	"maps"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// AppendJSON appends the record's JSON form to dst: one object on one line, without a newline at its end.
//
// Keys and their order are the schema's (record.proto); which are left out is said there. Integers are JSON numbers,
// times RFC 3339 in UTC with six decimals (cut, not rounded), map keys are sorted.
//
// Strings may come from the wire, so that they may hold anything. Control, format and line-separating characters
// (Unicode Cc, Cf, Zl, Zp: newline, ESC, the C1 controls, U+2028, right-to-left overrides, …) are written as \u
// escapes, bytes that are not UTF-8 as \ufffd each: what is printed breaks no line and no terminal.
func AppendJSON(dst []byte, r *Record) []byte {
	o := object{append(dst, '{')}

	o.number("schema", int64(r.Schema))
	o.text("journal", r.Journal)
	o.number("seq", r.Seq)
	o.text("id", r.Id)
	o.text("kind", r.Kind)
	o.text("operation", r.Operation)
	o.number("severity", int64(r.Severity))
	o.time("time", r.Time)
	o.time("end_time", r.EndTime)
	o.time("logged_time", r.LoggedTime)
	o.text("proxy", r.Proxy)
	o.text("cluster", r.Cluster)
	o.text("cluster_id", r.ClusterId)
	o.text("listener", r.Listener)
	o.text("trace_id", r.TraceId)
	o.truth("recovered", r.Recovered)
	o.positive("count", r.Count)

	o.who(r)
	o.what(r)
	o.amount(r)
	o.verdict(r)
	o.sessionEnd(r)
	o.text("mechanism", r.Mechanism)
	o.control(r)

	o.text("detection", r.Detection)
	o.texts("attack", r.Attack)
	o.text("confidence", r.Confidence)
	for i, e := range r.Evidence {
		o.element("evidence", i)
		o.optional("from_seq", e.FromSeq)
		o.optional("to_seq", e.ToSeq)
		o.shutElement(i, len(r.Evidence))
	}

	o.optional("from_seq", r.FromSeq)
	o.optional("to_seq", r.ToSeq)
	o.time("from_time", r.FromTime)
	o.time("to_time", r.ToTime)
	return o.end()
}

func (o *object) who(r *Record) {
	o.text("session", r.Session)
	o.text("principal", r.Principal)
	o.text("principal_source", r.PrincipalSource)
	o.text("auth", r.Auth)
	if c := r.Credential; c != nil {
		o.open("credential")
		o.text("type", c.Type)
		o.text("id", c.Id)
		o.shut()
	}
	o.text("source", r.Source)
	o.text("source_from", r.SourceFrom)
	o.text("peer", r.Peer)
	o.text("upstream", r.Upstream)
	o.text("client_id", r.ClientId)
	o.text("software", r.Software)
	o.text("ja4", r.Ja4)
	o.text("tls_subject", r.TlsSubject)
	o.text("group", r.Group)
	o.text("group_inferred", r.GroupInferred)
	o.text("group_basis", r.GroupBasis)
	o.text("transactional_id", r.TransactionalId)
	o.optional32("replica_id", r.ReplicaId)
}

func (o *object) what(r *Record) {
	o.text("api", r.Api)
	o.optional32("api_version", r.ApiVersion)
	o.text("resource_type", r.ResourceType)
	o.text("resource", r.Resource)
	o.positive("resource_count", r.ResourceCount)
	o.texts("resources", r.Resources)
	o.optional32("broker", r.Broker)
	o.text("topic_id", r.TopicId)
	o.optional32("partition", r.Partition)
	o.optional32("leader_epoch", r.LeaderEpoch)
	o.text("isolation", r.Isolation)
}

func (o *object) amount(r *Record) {
	o.optional("requests", r.Requests)
	o.optional("requested_offset", r.RequestedOffset)
	o.optional("first_offset", r.FirstOffset)
	o.optional("last_offset", r.LastOffset)
	o.optional("messages", r.Messages)
	o.optional("batches", r.Batches)
	o.positive("control_batches", r.ControlBatches)
	o.optional("bytes", r.Bytes)
	o.positive("cut_batches", r.CutBatches)
	o.positive("cut_bytes", r.CutBytes)
	o.optional("cut_last_offset", r.CutLastOffset)
	o.truth("estimated", r.Estimated)
	for i, a := range r.Acquired {
		o.element("acquired", i)
		o.optional("first", a.First)
		o.optional("last", a.Last)
		o.shutElement(i, len(r.Acquired))
	}
	o.text("batch_digest", r.BatchDigest)
	o.text("content_digest", r.ContentDigest)
	o.optional("request_bytes", r.RequestBytes)
	o.optional("response_bytes", r.ResponseBytes)
}

func (o *object) verdict(r *Record) {
	o.text("decision", r.Decision)
	o.optionalTruth("enforced", r.Enforced)
	o.text("rule", r.Rule)
	o.text("reason", r.Reason)
	o.text("policy", r.Policy)
	o.truth("cached", r.Cached)
	if len(r.Labels) > 0 {
		o.open("labels")
		for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
			o.keyFromWire(key)
			o.putText(r.Labels[key])
		}
		o.shut()
	}
	if w := r.Would; w != nil {
		o.open("would")
		o.text("decision", w.Decision)
		o.text("limit", w.Limit)
		o.text("rule", w.Rule)
		o.shut()
	}
	if c := r.Candidate; c != nil {
		o.open("candidate")
		o.text("decision", c.Decision)
		o.text("rule", c.Rule)
		o.text("reason", c.Reason)
		o.text("policy", c.Policy)
		o.shut()
	}
	o.positive("throttle_ms", r.ThrottleMs)
	o.text("error", r.Error)
	o.text("outcome", r.Outcome)
}

func (o *object) sessionEnd(r *Record) {
	o.text("cause", r.Cause)
	o.optional("duration_ms", r.DurationMs)
	o.optional("client_in", r.ClientIn)
	o.optional("client_out", r.ClientOut)
	o.optional("broker_in", r.BrokerIn)
	o.optional("broker_out", r.BrokerOut)
	o.optional("client_acked", r.ClientAcked)
	o.text("community_id", r.CommunityId)
	o.text("upstream_community_id", r.UpstreamCommunityId)
}

func (o *object) control(r *Record) {
	if a := r.Actor; a != nil {
		o.open("actor")
		o.text("name", a.Name)
		o.text("role", a.Role)
		o.text("source", a.Source)
		o.text("method", a.Method)
		o.shut()
	}
	o.text("target", r.Target)
	o.text("before", r.Before)
	o.text("after", r.After)
	o.time("expires", r.Expires)
	o.text("checkpoint", r.Checkpoint)
	if len(r.Counts) > 0 {
		o.open("counts")
		for _, key := range slices.Sorted(maps.Keys(r.Counts)) {
			o.keyFromWire(key)
			o.putNumber(r.Counts[key])
		}
		o.shut()
	}
	if d := r.Digests; d != nil {
		o.open("digests")
		o.text("config", d.Config)
		o.text("policy", d.Policy)
		o.text("binary", d.Binary)
		o.shut()
	}
	if c := r.Clock; c != nil {
		o.open("clock")
		o.optionalTruth("synchronised", c.Synchronised)
		o.optional("estimated_error_us", c.EstimatedErrorUs)
		o.text("boot_id", c.BootId)
		o.optional("monotonic_ns", c.MonotonicNs)
		o.shut()
	}
	if c := r.Coverage; c != nil {
		o.open("coverage")
		o.text("result", c.Result)
		o.time("time", c.Time)
		o.shut()
	}
	if d := r.Delivery; d != nil {
		o.open("delivery")
		o.text("sink", d.Sink)
		o.optional("sent", d.Sent)
		o.optional("filtered", d.Filtered)
		o.optional("dead", d.Dead)
		o.shut()
	}
}

// DecodeJSON reads what AppendJSON writes, and what a later version writes: keys that it does not know are passed
// over. Errors name line and column.
func DecodeJSON(line []byte, r *Record) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(line, r)
}

// An object is a JSON object being appended: a comma goes in front of every key that follows no brace.
type object struct{ dst []byte }

func (o *object) key(name string) {
	if o.dst[len(o.dst)-1] != '{' {
		o.dst = append(o.dst, ',')
	}
	o.dst = append(o.dst, '"')
	o.dst = append(o.dst, name...)
	o.dst = append(o.dst, '"', ':')
}

// keyFromWire writes the key of a map: data, unlike a field's name.
func (o *object) keyFromWire(name string) {
	if o.dst[len(o.dst)-1] != '{' {
		o.dst = append(o.dst, ',')
	}
	o.putText(name)
	o.dst = append(o.dst, ':')
}

// element opens the i-th object of a list, and the list with the first; shutElement the reverse.
func (o *object) element(name string, i int) {
	if i == 0 {
		o.key(name)
		o.dst = append(o.dst, '[', '{')
		return
	}
	o.dst = append(o.dst, ',', '{')
}

func (o *object) shutElement(i, n int) {
	o.shut()
	if i == n-1 {
		o.dst = append(o.dst, ']')
	}
}

func (o *object) open(name string) { o.key(name); o.dst = append(o.dst, '{') }
func (o *object) shut()            { o.dst = append(o.dst, '}') }
func (o *object) end() []byte      { o.shut(); return o.dst }

func (o *object) putText(s string)  { o.dst = AppendString(o.dst, s) }
func (o *object) putNumber(n int64) { o.dst = strconv.AppendInt(o.dst, n, 10) }

func (o *object) text(name, s string) {
	if s != "" {
		o.key(name)
		o.putText(s)
	}
}

func (o *object) texts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	o.key(name)
	open := byte('[')
	for _, s := range list {
		o.dst = append(o.dst, open)
		o.putText(s)
		open = ','
	}
	o.dst = append(o.dst, ']')
}

// number is written whatever it is.
func (o *object) number(name string, n int64) { o.key(name); o.putNumber(n) }

// positive is left out when 0: of a count that says no more by being 0 than by not being there.
func (o *object) positive(name string, n int64) {
	if n != 0 {
		o.number(name, n)
	}
}

func (o *object) optional(name string, n *int64) {
	if n != nil {
		o.number(name, *n)
	}
}

func (o *object) optional32(name string, n *int32) {
	if n != nil {
		o.number(name, int64(*n))
	}
}

// truth is left out when false.
func (o *object) truth(name string, b bool) {
	if b {
		o.optionalTruth(name, &b)
	}
}

func (o *object) optionalTruth(name string, b *bool) {
	if b != nil {
		o.key(name)
		o.dst = strconv.AppendBool(o.dst, *b)
	}
}

func (o *object) time(name string, t *timestamppb.Timestamp) {
	if t == nil {
		return
	}
	o.key(name)
	o.dst = append(o.dst, '"')
	o.dst = AppendTime(o.dst, t)
	o.dst = append(o.dst, '"')
}

const hex = "0123456789abcdef"

// asItIs are the ASCII characters that a string holds without an escape.
var asItIs = func() (set [utf8.RuneSelf]bool) {
	for c := range set {
		set[c] = c >= ' ' && c != '"' && c != '\\' && c != 0x7f
	}
	return set
}()

// AppendString appends s as a JSON string, escaped as AppendJSON says. What can stand as it is goes over in runs.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if asItIs[c] {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			if c == '"' || c == '\\' {
				dst = append(dst, '\\', c)
			} else {
				dst = appendEscape(dst, uint16(c))
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError && !Invisible(r) {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = AppendEscaped(dst, r)
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// Invisible says whether a character does something in place of being seen: control and format characters, and what ends
// lines and paragraphs. No form of a record holds one as it is.
func Invisible(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// AppendEscaped writes a character as JSON escapes it: in UTF-16.
func AppendEscaped(dst []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return appendEscape(appendEscape(dst, uint16(high)), uint16(low))
	}
	return appendEscape(dst, uint16(r))
}

func appendEscape(dst []byte, unit uint16) []byte {
	return append(dst, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
