package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"doorkeeper/access"
)

// parseCEF reads a line by the letter of the format's description: seven header fields, then keys and values, where a
// value ends before the next key. It refuses what the description does not allow.
func parseCEF(line string) (header []string, values map[string]string, err error) {
	rest, ok := strings.CutPrefix(line, "CEF:0|")
	if !ok {
		return nil, nil, fmt.Errorf("it does not begin with CEF:0|")
	}
	for len(header) < 6 {
		i := unescaped(rest, '|')
		if i < 0 {
			return nil, nil, fmt.Errorf("the header has %d fields", len(header))
		}
		field, err := unescape(rest[:i], `\|`)
		if err != nil {
			return nil, nil, err
		}
		header, rest = append(header, field), rest[i+1:]
	}
	values = map[string]string{}
	for rest != "" {
		i := unescaped(rest, '=')
		if i < 0 {
			return nil, nil, fmt.Errorf("%q has no key", rest)
		}
		key := rest[:i]
		if !cefKeyForm.MatchString(key) {
			return nil, nil, fmt.Errorf("%q is no key", key)
		}
		rest = rest[i+1:]
		end := len(rest)
		if next := unescaped(rest, '='); next >= 0 { // the value ends before the next key
			end = strings.LastIndexByte(rest[:next], ' ')
			if end < 0 {
				return nil, nil, fmt.Errorf("the value of %s holds an = that is not escaped", key)
			}
		}
		value, err := unescape(rest[:end], `\=nr`)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", key, err)
		}
		if _, twice := values[key]; twice {
			return nil, nil, fmt.Errorf("%s stands twice", key)
		}
		values[key], rest = value, strings.TrimPrefix(rest[end:], " ")
	}
	return header, values, nil
}

var cefKeyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

// unescaped finds the first c that no backslash stands before.
func unescaped(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case c:
			return i
		}
	}
	return -1
}

func unescape(s, known string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) || !strings.ContainsRune(known, rune(s[i])) {
			return "", fmt.Errorf("%q has an escape that there is not", s)
		}
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

var hidden = regexp.MustCompile(`\\u[0-9a-fA-F]{4}`)

// reveal undoes what appendText does before the format's own escapes: a value with a \u escape in it is a JSON string's
// inside, in which line ends stand as they are.
func reveal(s string) (string, error) {
	if !hidden.MatchString(s) {
		return s, nil
	}
	s = strings.NewReplacer("\n", `\n`, "\r", `\r`, `"`, `\"`).Replace(s)
	err := json.Unmarshal([]byte(`"`+s+`"`), &s)
	return s, err
}

// checkCEF reads a line back: each field is in its place and equal, every other key is one that the form derives.
func checkCEF(t *testing.T, r *access.Record, own flat) {
	t.Helper()
	line := lookedUp["cef"].Append(nil, r)
	fail := func(err error) {
		if err != nil {
			t.Fatalf("cef: %v\nrecord %s\ncef    %s", err, access.AppendJSON(nil, r), line)
		}
	}
	fail(oneLine(line))
	header, values, err := parseCEF(string(line))
	fail(err)
	if want := []string{"doorkeeper", "doorkeeper", "1.0.0", r.Kind + ":" + r.Operation, Message(r)}; !cmp.Equal(header[:5], want) {
		fail(fmt.Errorf("the header is %q", header))
	}
	used := map[string]bool{}
	for _, row := range table {
		key := row.cef
		if key == "" {
			key = cefOwn(row.name)
		}
		used[key], used[cefOwn(row.name)] = true, true
		text, ok := values[key]
		if limit := cefKnown[key].most; limit > 0 && len(text) > limit {
			fail(fmt.Errorf("%s has %d bytes", key, len(text)))
		}
		if label := cefKnown[key].label; ok && label != "" && values[key+"Label"] != label {
			fail(fmt.Errorf("the label of %s is %q", key, values[key+"Label"]))
		}
		if whole, cut := values[cefOwn(row.name)]; cut {
			text = whole
		}
		if ends := strings.TrimFunc(text, unicode.IsSpace); strings.Trim(ends, " ") != strings.Trim(text, " ") && !strings.ContainsAny(text, "\r\n") {
			fail(fmt.Errorf("the value of %s begins or ends in a space: %q", key, text))
		}
		got, err := cefValue(row.kind, text, ok)
		fail(err)
		if diff := cmp.Diff(own[row.name], got); diff != "" {
			fail(fmt.Errorf("%s: -own +read:\n%s", row.name, diff))
		}
	}
	for _, e := range cefDerived() {
		used[e.path], used[cefOwn(e.path)] = true, true
	}
	for key := range values {
		if !used[strings.TrimSuffix(key, "Label")] {
			fail(fmt.Errorf("%s is no key of the form", key))
		}
	}
}

// cefValue is a value as JSON would have it.
func cefValue(k kind, text string, ok bool) (any, error) {
	if !ok {
		return nil, nil
	}
	switch k {
	case kindText, kindTime:
		return reveal(text)
	case kindBool:
		return strconv.ParseBool(text)
	}
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

func TestCEFEscapes(t *testing.T) {
	f, _ := Lookup("cef", `1|2\3`)
	for text, want := range map[string]string{
		"a=b":                       `cs1=a\=b`,
		`DOMAIN\user`:               `cs1=DOMAIN\\user`,
		"two\nlines\r":              `cs1=two\nlines\r`,
		"a|b":                       `cs1=a|b`,
		"esc\x1b[31m":               `cs1=esc\\u001b[31m`,
		`esc\u001b`:                 `cs1=esc\\\\u001b`,
		"\u202ereversed":            `cs1=\\u202ereversed`,
		" space ":                   `cs1=\\u0020space\\u0020`,
		`"quotes"`:                  `cs1="quotes"`,
		"nul\x00 and \\":            `cs1=nul\\u0000 and \\\\`,
		"bad\xff":                   `cs1=bad\\ufffd`,
		"tag\U000e0041":             `cs1=tag\\udb40\\udc41`,
		"x suser=root":              `cs1=x suser\=root`,
		"\u00a0":                    `cs1=\\u00a0`,
		strings.Repeat("ä", 2001):   "dkResource=" + strings.Repeat("ä", 2001) + " cs1=" + strings.Repeat("ä", 1998) + "…",
		strings.Repeat("x", 4000):   "cs1=" + strings.Repeat("x", 4000),
		strings.Repeat("\x1b", 667): "dkResource=" + strings.Repeat(`\\u001b`, 667),
	} {
		line := string(f.Append(nil, &access.Record{Kind: "access", Operation: "READ", Resource: text}))
		if !strings.Contains(line, " "+want) {
			t.Errorf("%q: no %s in %s", text, want, line)
		}
		if !strings.HasPrefix(line, `CEF:0|doorkeeper|doorkeeper|1\|2\\3|access:READ|access READ|0|`) {
			t.Errorf("the header is %.80s", line)
		}
	}
}

// TestCEFKeys: two fields in one key would be one field to a reader.
func TestCEFKeys(t *testing.T) {
	seen := map[string]string{}
	for _, k := range newCEF("1.0.0").keys {
		for _, key := range []string{k.key, k.long} {
			if before, twice := seen[key]; twice && key != "" {
				t.Errorf("%q is for %s and for %s", key, before, k.of)
			}
			seen[key] = k.of
		}
	}
}

// TestSyslog: what a record's line is, it still is behind RFC 5424's header, whatever the record holds.
func TestSyslog(t *testing.T) {
	records := corpus(t)
	g, words := newGenerator(2), wordsOf(records)
	for range 300 {
		records = append(records, g.record(words))
	}
	for _, name := range Names {
		f, _ := Lookup(name, "1.0.0")
		for _, r := range records {
			body := f.Append(nil, r)
			message := append([]byte("<110>1 2026-11-23T03:00:12.123456Z dk-1 doorkeeper - access - "), body...)
			read, err := rfc5424.NewMachine().Parse(message)
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, message)
			}
			if got := read.(*rfc5424.SyslogMessage).Message; got == nil || !bytes.Equal([]byte(*got), body) {
				t.Fatalf("%s: syslog's reader found another message in %s", name, message)
			}
		}
	}
}
