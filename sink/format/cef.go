package format

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// cef writes lines of ArcSight's Common Event Format, version 0:
//
//	CEF:0|doorkeeper|doorkeeper|version|kind:operation|message|severity|key=value key=value
//
// A key of the format's own has a greatest length. A longer value is cut there, which a … at its end says, and stands
// whole under doorkeeper's own key beside it.
//
// Values that hold what ends a line or a field are escaped as the format says: \\, \=, \n, \r, and \| in the header. It
// has no escape for other control and format characters (ESC, U+2028, right-to-left overrides), nor for spaces at the
// ends of a value, which some readers drop. A value with one of them, or with something that looks like this escape, is
// first written as a JSON string escapes it (\u001b, \\). What has none of them stays as it is.
type cef struct {
	product string
	keys    []cefKey
}

type cefKey struct {
	field
	key  string
	most int    // bytes; 0: no bound
	long string // the key for a value that is longer
	of   string
	tag  string // the text of the key's label, "": it has none
}

// What the format's own keys hold at most, in bytes (we count bytes where it counts characters: never more), and the
// labels of those whose meaning is ours.
var cefKnown = map[string]struct {
	most  int
	label string
}{
	"act": {63, ""}, "app": {31, ""}, "cat": {1023, ""}, "cn1": {0, "partition"}, "cn2": {0, "first_offset"},
	"cn3": {0, "last_offset"}, "cnt": {0, ""}, "cs1": {4000, "resource"}, "cs2": {4000, "group"}, "cs3": {4000, "client_id"},
	"cs4": {4000, "rule"}, "cs5": {4000, "attack"}, "cs6": {4000, "session"}, "dvchost": {100, ""}, "end": {0, ""},
	"externalId": {40, ""}, "in": {0, ""}, "msg": {1023, ""}, "out": {0, ""}, "outcome": {63, ""}, "reason": {1023, ""},
	"requestClientApplication": {1023, ""}, "rt": {0, ""}, "sourceTranslatedAddress": {0, ""},
	"sourceTranslatedPort": {0, ""}, "spt": {0, ""}, "src": {0, ""}, "start": {0, ""}, "suid": {1023, ""}, "suser": {1023, ""},
}

func newCEF(version string) *cef {
	c := &cef{product: string(appendHeader([]byte("CEF:0|doorkeeper|doorkeeper|"), version)) + "|"}
	for _, e := range cefDerived() {
		c.add(e.path, e.of, e.field)
	}
	for _, r := range table {
		key := r.cef
		if key == "" {
			key = cefOwn(r.name)
		}
		c.add(key, r.name, r.field)
	}
	return c
}

func (c *cef) add(key, of string, f field) {
	known := cefKnown[key]
	k := cefKey{field: f, key: " " + key + "=", most: known.most, of: of}
	if known.most > 0 {
		k.long = " " + cefOwn(key) + "="
		if f.name != "" {
			k.long = " " + cefOwn(f.name) + "="
		}
	}
	if known.label != "" {
		k.tag = " " + key + "Label=" + known.label
	}
	c.keys = append(c.keys, k)
}

// cefOwn is the key of a field that the format has none for: dk, then the name in camel case.
func cefOwn(name string) string {
	key := "dk"
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '.' }) {
		key += strings.ToUpper(part[:1]) + part[1:]
	}
	return key
}

func cefDerived() []entry {
	return []entry{
		{"rt", "logged_time, time", every, millis(func(r record) stamp {
			if r.LoggedTime != nil {
				return r.LoggedTime
			}
			return happened(r)
		})},
		{"start", "time, from_time", every, millis(func(r record) stamp {
			if r.FromTime != nil {
				return r.FromTime
			}
			return r.Time
		})},
		{"end", "end_time, to_time", every, millis(ended)},
		{"app", "kind", every, derivedText(onWire("kafka"))},
		{"suser", "principal, actor.name", every, derivedText(userName)},
		{"src", "source", every, ipOf(sourceOf)},
		{"spt", "source", every, portOf(sourceOf)},
		{"sourceTranslatedAddress", "upstream", every, ipOf(upstreamOf)},
		{"sourceTranslatedPort", "upstream", every, portOf(upstreamOf)},
		{"in", "bytes, client_in, request_bytes", every, derivedInt(toBroker)},
		{"out", "bytes, client_out, response_bytes", every, derivedInt(toClient)},
		{"cs5", "attack", every, derivedText(func(r record) string { return strings.Join(r.Attack, ",") })},
	}
}

func (*cef) Name() string { return "cef" }
func (*cef) JSON() bool   { return false }

func (c *cef) Append(dst []byte, r *access.Record) []byte {
	dst = append(dst, c.product...)
	dst = append(appendHeader(dst, r.Kind), ':')
	dst = append(appendHeader(dst, r.Operation), '|')
	dst = append(appendHeader(dst, Message(r)), '|')
	dst = append(strconv.AppendInt(dst, cefSeverity(r.Severity), 10), '|')
	start := len(dst)
	for i := range c.keys {
		dst = c.keys[i].append(dst, r)
	}
	if len(dst) > start { // the first key follows the header without a space
		dst = append(dst[:start], dst[start+1:]...)
	}
	return dst
}

func cefSeverity(id int32) int64 {
	scale := [...]int64{0, 1, 3, 5, 8, 9, 10}
	if id < 0 || int(id) >= len(scale) {
		return 5
	}
	return scale[id]
}

func (k *cefKey) append(dst []byte, r *access.Record) []byte {
	before := len(dst)
	switch k.kind {
	case kindText:
		if s := k.text(r); s != "" {
			dst = k.appendText(dst, s)
		}
	case kindInt:
		if n, ok := k.number(r); ok {
			dst = strconv.AppendInt(append(dst, k.key...), n, 10)
		}
	case kindBool:
		if n, ok := k.number(r); ok {
			dst = strconv.AppendBool(append(dst, k.key...), n != 0)
		}
	case kindTime:
		if t := k.when(r); t != nil {
			dst = access.AppendTime(append(dst, k.key...), t)
		}
	case kindMillis:
		if t := k.when(r); t != nil {
			dst = appendMillis(append(dst, k.key...), t)
		}
	default: // lists are JSON, which is escaped already but for what the format itself reads
		if k.present(r) {
			dst = appendExtension(append(dst, k.key...), string(k.appendList(nil, r)))
		}
	}
	if len(dst) > before {
		dst = append(dst, k.tag...)
	}
	return dst
}

func appendMillis(dst []byte, t *timestamppb.Timestamp) []byte {
	return strconv.AppendInt(dst, milliseconds(t), 10)
}

func (k *cefKey) appendText(dst []byte, s string) []byte {
	if quiet(s) && (k.most == 0 || len(s) <= k.most) {
		return append(append(dst, k.key...), s...)
	}
	s = plain(s)
	if k.most > 0 && len(s) > k.most {
		dst = appendExtension(append(dst, k.long...), s)
		s = cut(s, k.most)
	}
	return appendExtension(append(dst, k.key...), s)
}

// quiet says that nothing in a string is escaped in any way: most are so.
func quiet(s string) bool {
	for i := range len(s) {
		if !quietBytes[s[i]] {
			return false
		}
	}
	return s[0] != ' ' && s[len(s)-1] != ' '
}

var quietBytes = func() (set [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		set[c] = c != '\\' && c != '='
	}
	return set
}()

// cut shortens a string to at most n bytes, between two characters.
func cut(s string, n int) string {
	const mark = "…"
	end := n - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

// appendExtension appends a value that plain has been over.
func appendExtension(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		var with string
		switch s[i] {
		case '\\':
			with = `\\`
		case '=':
			with = `\=`
		case '\n':
			with = `\n`
		case '\r':
			with = `\r`
		default:
			continue
		}
		dst = append(append(dst, s[start:i]...), with...)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

// appendHeader appends a field of the header, which has no escape for the end of a line.
func appendHeader(dst []byte, s string) []byte {
	if strings.ContainsAny(s, "\r\n") {
		s = escape(s, true)
	} else {
		s = plain(s)
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' || s[i] == '|' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return dst
}

// plain returns the string as the format can hold it: itself where nothing in it is in the way.
func plain(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\n' && c != '\r' || c >= 0x7f || c == '\\' || c == ' ' && (i == 0 || i == len(s)-1) {
			return plainSlow(s)
		}
	}
	return s
}

func plainSlow(s string) string {
	for i, r := range s {
		if access.Invisible(r) && r != '\n' && r != '\r' || r == utf8.RuneError || looksEscaped(s[i:]) {
			return escape(s, false)
		}
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	if edge(first) || edge(last) {
		return escape(s, false)
	}
	return s
}

// edge are the spaces that may not stand at an end. Line ends may: they are escaped there as anywhere.
func edge(r rune) bool { return unicode.IsSpace(r) && r != '\n' && r != '\r' }

// looksEscaped says whether a string begins like \u001b.
func looksEscaped(s string) bool {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return false
	}
	_, err := strconv.ParseUint(s[2:6], 16, 16)
	return err == nil
}

// escape writes a string as JSON escapes it, except quotes. Line ends, which the format can escape itself, only where
// they have to be; spaces at the ends always.
func escape(s string, lines bool) string {
	dst := make([]byte, 0, len(s)+16)
	for i, r := range s {
		switch {
		case r == '\\':
			dst = append(dst, `\\`...)
		case (r == '\n' || r == '\r') && !lines:
			dst = append(dst, byte(r))
		case r == utf8.RuneError || access.Invisible(r) || unicode.IsSpace(r) && (i == 0 || i+utf8.RuneLen(r) == len(s)):
			dst = access.AppendEscaped(dst, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return string(dst)
}
