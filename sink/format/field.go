package format

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// A kind says which of a field's getters is set, and how its value is written.
type kind uint8

const (
	kindText   kind = iota // left out when empty
	kindInt                // 64 bits
	kindBool               //
	kindTime               // RFC 3339 in UTC, microseconds
	kindMillis             // the same time in milliseconds since 1970
	kindTexts              // a list of strings
	kindLabels             // a list of {name, value}, by name
	kindCounts             // a list of {name, count}, by name
	kindRanges             // a list of {first, last} or {from_seq, to_seq}
	kindRaw                // JSON that the field writes itself
)

func (k kind) String() string {
	return [...]string{"text", "integer", "boolean", "time", "time", "list of text", "list of name and value",
		"list of name and count", "list of ranges", "object"}[k]
}

// A field is a value that can be had of a record: one of its own, or one that a form derives.
type field struct {
	name   string // as the native form calls it; parents are named before a dot
	kind   kind
	text   func(*access.Record) string
	number func(*access.Record) (n int64, ok bool) // a bool is 0 or 1
	when   func(*access.Record) *timestamppb.Timestamp
	texts  func(*access.Record) []string
	labels func(*access.Record) map[string]string
	counts func(*access.Record) map[string]int64
	ranges rangesOf
	raw    func(dst []byte, r *access.Record) []byte
	has    func(*access.Record) bool // of raw
	fixed  bool                      // it is the same in every record: a getter needs none
}

// rangesOf is a list of pairs of numbers, each of which may be missing.
type rangesOf struct {
	first, last string // their names
	n           func(*access.Record) int
	at          func(r *access.Record, i int) (first, last *int64)
}

func text(name string, get func(*access.Record) string) field {
	return field{name: name, kind: kindText, text: get}
}

// number is written whatever it is.
func number(name string, get func(*access.Record) int64) field {
	return field{name: name, kind: kindInt, number: func(r *access.Record) (int64, bool) { return get(r), true }}
}

// positive is left out when 0.
func positive(name string, get func(*access.Record) int64) field {
	return field{name: name, kind: kindInt, number: func(r *access.Record) (int64, bool) { n := get(r); return n, n != 0 }}
}

func optional(name string, get func(*access.Record) *int64) field {
	return field{name: name, kind: kindInt, number: func(r *access.Record) (int64, bool) { return value(get(r)) }}
}

func optional32(name string, get func(*access.Record) *int32) field {
	return field{name: name, kind: kindInt, number: func(r *access.Record) (int64, bool) {
		if n := get(r); n != nil {
			return int64(*n), true
		}
		return 0, false
	}}
}

// truth is left out when false.
func truth(name string, get func(*access.Record) bool) field {
	return field{name: name, kind: kindBool, number: func(r *access.Record) (int64, bool) {
		if get(r) {
			return 1, true
		}
		return 0, false
	}}
}

func optionalTruth(name string, get func(*access.Record) *bool) field {
	return field{name: name, kind: kindBool, number: func(r *access.Record) (n int64, ok bool) {
		b := get(r)
		if b != nil && *b {
			n = 1
		}
		return n, b != nil
	}}
}

func clock(name string, get func(*access.Record) *timestamppb.Timestamp) field {
	return field{name: name, kind: kindTime, when: get}
}

func texts(name string, get func(*access.Record) []string) field {
	return field{name: name, kind: kindTexts, texts: get}
}

func value(n *int64) (int64, bool) {
	if n == nil {
		return 0, false
	}
	return *n, true
}

// millis is a time as a form without fractions has it, beside which the exact one stands.
func millis(get func(*access.Record) *timestamppb.Timestamp) field {
	return field{kind: kindMillis, when: get}
}

// constant is the same in every record.
func constant(s string) field {
	return field{kind: kindText, fixed: true, text: func(*access.Record) string { return s }}
}

func constantInt(n int64) field {
	return field{kind: kindInt, fixed: true, number: func(*access.Record) (int64, bool) { return n, true }}
}

func derivedText(get func(*access.Record) string) field { return field{kind: kindText, text: get} }

func derivedInt(get func(*access.Record) (int64, bool)) field {
	return field{kind: kindInt, number: get}
}
