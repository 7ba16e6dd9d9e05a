package format

import (
	"iter"
	"maps"
	"slices"
	"strconv"

	"doorkeeper/access"
)

// A Value is an attribute's value: the one of its fields that the Kind names.
type Value struct {
	Kind ValueKind
	Text string
	Int  int64 // of Bool 0 or 1
	List []string
	Maps []Pairs
}

// ValueKind says what an attribute's value is.
type ValueKind uint8

// The kinds of values of attributes.
const (
	Text ValueKind = iota
	Int
	Bool
	List // of strings
	Maps // a list of maps
)

// Pairs are a map in the order in which it is written. Its values are Text or Int.
type Pairs []Pair

// A Pair is a key and its value.
type Pair struct {
	Key   string
	Value Value
}

// Attributes yields the attributes of the LogRecord that stands for an access record, by OpenTelemetry's semantic
// conventions where they have one. Keys come once each.
//
// A LogRecord has places of its own for time, logged_time, severity and trace_id; the attributes hold what these cannot:
// the exact words. Its body is Message, its event name EventName.
func Attributes(r *access.Record) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range otlpFields {
			f := &otlpFields[i]
			if v, ok := f.attribute(r); ok && !yield(f.path, v) {
				return
			}
		}
	}
}

// EventName names the type of event that a record is, for a LogRecord.
func EventName(r *access.Record) string { return "doorkeeper." + r.Kind }

// SeverityNumber is OpenTelemetry's number and text for a record's severity.
func SeverityNumber(r *access.Record) (number int32, text string) {
	switch r.Severity {
	case 1:
		return 9, "INFO"
	case 2:
		return 10, "INFO2"
	case 3:
		return 13, "WARN"
	case 4:
		return 17, "ERROR"
	case 5:
		return 18, "ERROR2"
	case 6:
		return 21, "FATAL"
	}
	return 0, ""
}

var otlpFields = otlpEntries()

func otlpEntries() []entry {
	list := []entry{
		{"messaging.system", "kind", every, derivedText(onWire("kafka"))},
		{"messaging.operation.type", "api", every, derivedText(operationType)},
		{"messaging.destination.name", "resource", every, derivedText(destination)},
		{"messaging.destination.partition.id", "partition", every, derivedText(partitionText)},
		{"user.name", "principal, actor.name", every, derivedText(userName)},
		{"client.address", "source", every, ipOf(sourceOf)},
		{"client.port", "source", every, portOf(sourceOf)},
		{"network.peer.address", "peer", every, ipOf(func(r record) string { return r.Peer })},
		{"network.peer.port", "peer", every, portOf(func(r record) string { return r.Peer })},
	}
	return append(list, tableEntries("doorkeeper.", func(r row) string { return r.otlp })...)
}

func operationType(r *access.Record) string {
	switch r.Api {
	case "Fetch", "ShareFetch":
		return "receive"
	case "Produce":
		return "send"
	case "OffsetCommit", "TxnOffsetCommit", "ShareAcknowledge":
		return "settle"
	}
	return ""
}

// destination is the one topic that a record is about.
func destination(r *access.Record) string {
	if r.ResourceType == "TOPIC" && r.Resource != access.AllResources {
		return r.Resource
	}
	return ""
}

// partitionText: the conventions want a string.
func partitionText(r *access.Record) string {
	if r.Partition == nil {
		return ""
	}
	return strconv.Itoa(int(*r.Partition))
}

func (f *field) attribute(r *access.Record) (v Value, ok bool) {
	switch f.kind {
	case kindText:
		v.Text = f.text(r)
		return v, v.Text != ""
	case kindInt:
		v.Kind = Int
		v.Int, ok = f.number(r)
		return v, ok
	case kindBool:
		v.Kind = Bool
		v.Int, ok = f.number(r)
		return v, ok
	case kindTime:
		t := f.when(r)
		if t == nil {
			return v, false
		}
		v.Text = string(access.AppendTime(nil, t))
		return v, true
	}
	if !f.present(r) {
		return v, false
	}
	if f.kind == kindTexts {
		v.Kind, v.List = List, f.texts(r)
		return v, true
	}
	v.Kind, v.Maps = Maps, f.pairs(r)
	return v, true
}

// pairs are what appendList writes, as maps.
func (f *field) pairs(r *access.Record) (list []Pairs) {
	switch f.kind {
	case kindLabels:
		labels := f.labels(r)
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			list = append(list, Pairs{{"name", Value{Text: key}}, {"value", Value{Text: labels[key]}}})
		}
	case kindCounts:
		counts := f.counts(r)
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			list = append(list, Pairs{{"name", Value{Text: key}}, {"count", Value{Kind: Int, Int: counts[key]}}})
		}
	case kindRanges:
		for i := range f.ranges.n(r) {
			var p Pairs
			first, last := f.ranges.at(r, i)
			if first != nil {
				p = append(p, Pair{f.ranges.first, Value{Kind: Int, Int: *first}})
			}
			if last != nil {
				p = append(p, Pair{f.ranges.last, Value{Kind: Int, Int: *last}})
			}
			list = append(list, p)
		}
	}
	return list
}
