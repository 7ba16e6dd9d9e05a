package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/access"
)

// A flat object: paths and their values. Lists are values.
type flat map[string]any

// parseJSON reads an object with encoding/json, token by token, because a key that stands twice in one object would
// otherwise go unnoticed: readers differ in which of the two they take.
func parseJSON(text []byte) (flat, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out := flat{}
	if err := parseInto(d, out, ""); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("there is more behind the object")
	}
	return out, nil
}

func parseInto(d *json.Decoder, out flat, prefix string) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%s is %v, not an object (%v)", prefix, t, err)
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name := key.(string)
		if seen[name] {
			return fmt.Errorf("%s%s stands twice", prefix, name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		inner := json.NewDecoder(bytes.NewReader(raw))
		inner.UseNumber()
		if raw[0] == '{' {
			if err := parseInto(inner, out, prefix+name+"."); err != nil {
				return err
			}
			continue
		}
		var v any
		if err := inner.Decode(&v); err != nil {
			return err
		}
		out[prefix+name] = v
	}
	_, err := d.Token()
	return err
}

// ownForm is what the record itself says, by the names of the table: the native form, read by a parser that is not ours,
// with maps as lists.
func ownForm(t *testing.T, r *access.Record) flat {
	t.Helper()
	own, err := parseJSON(access.AppendJSON(nil, r))
	if err != nil {
		t.Fatal(err)
	}
	for name, inner := range map[string]string{"labels": "value", "counts": "count"} {
		var list []any
		for key := range own {
			if strings.HasPrefix(key, name+".") {
				delete(own, key)
			}
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(access.AppendJSON(nil, r), &whole); err != nil {
			t.Fatal(err)
		}
		if whole[name] == nil {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(whole[name]))
		d.UseNumber()
		_, _ = d.Token()
		for d.More() {
			key, _ := d.Token()
			value, _ := d.Token()
			list = append(list, map[string]any{"name": key, inner: value})
		}
		own[name] = list
	}
	return own
}

// places says where a form has the table's fields, and which other places it has.
type places struct {
	of      map[string][]string // the field's name: one of these
	derived map[string]bool
}

func placesOf(entries []entry, more ...string) places {
	p := places{map[string][]string{}, map[string]bool{}}
	for _, e := range entries {
		if e.name != "" {
			p.of[e.name] = append(p.of[e.name], e.path)
		} else {
			p.derived[e.path] = true
		}
	}
	for _, path := range more {
		p.derived[path] = true
	}
	return p
}

// check holds what was read back against what the record says: each field is in its place and equal, and every other
// place is one that the form derives.
func (p places) check(own, read flat) error {
	used := map[string]bool{}
	for _, r := range table {
		var found any
		for _, path := range p.of[r.name] {
			if v, ok := read[path]; ok {
				used[path], found = true, v
			}
		}
		if diff := cmp.Diff(own[r.name], found); diff != "" {
			return fmt.Errorf("%s: -own +read:\n%s", r.name, diff)
		}
	}
	for path := range read {
		if !used[path] && !p.derived[path] {
			return fmt.Errorf("%s is no field of the form", path)
		}
	}
	return nil
}

// oneLine: nothing in the text ends a line, moves a cursor or turns text around.
func oneLine(text []byte) error {
	if !utf8.Valid(text) {
		return fmt.Errorf("it is not UTF-8")
	}
	for _, r := range string(text) {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Errorf("it holds %U", r)
		}
	}
	return nil
}

// lookedUp are the formats by name, and nested what those that nest their fields have where.
var (
	lookedUp = func() map[string]Format {
		all := map[string]Format{}
		for _, name := range Names {
			all[name], _ = Lookup(name, "1.0.0")
		}
		return all
	}()
	nested = map[string]places{
		"ecs":  placesOf(ecsEntries("1.0.0")),
		"ocsf": placesOf(ocsfEntries("1.0.0"), "class_uid", "category_uid", "activity_id", "type_uid", "activity_name"),
	}
)

// checkForms reads every form of a record back.
func checkForms(t *testing.T, r *access.Record) {
	t.Helper()
	own := ownForm(t, r)
	for name, p := range nested {
		text := lookedUp[name].Append(nil, r)
		read, err := parseJSON(text)
		if err == nil {
			err = oneLine(text)
		}
		if err == nil {
			err = p.check(own, read)
		}
		if err != nil {
			t.Fatalf("%s: %v\nrecord %s\n%s   %s", name, err, access.AppendJSON(nil, r), name, text)
		}
	}
	checkCEF(t, r, own)
	checkOTLP(t, r, own)
}

func checkOTLP(t *testing.T, r *access.Record, own flat) {
	t.Helper()
	read := flat{}
	for key, v := range Attributes(r) {
		if _, twice := read[key]; twice {
			t.Fatalf("otlp: %s stands twice", key)
		}
		read[key] = plainValue(v)
	}
	if err := placesOf(otlpFields).check(own, read); err != nil {
		t.Fatalf("otlp: %v\nrecord %s", err, access.AppendJSON(nil, r))
	}
}

// plainValue is a value as encoding/json would have it.
func plainValue(v Value) any {
	switch v.Kind {
	case Text:
		return valid(v.Text)
	case Int:
		return json.Number(fmt.Sprint(v.Int))
	case Bool:
		return v.Int == 1
	case List:
		var list []any
		for _, s := range v.List {
			list = append(list, valid(s))
		}
		return list
	}
	var list []any
	for _, m := range v.Maps {
		one := map[string]any{}
		for _, p := range m {
			one[p.Key] = plainValue(p.Value)
		}
		list = append(list, one)
	}
	return list
}

// valid is text as every form has it: bytes that are not UTF-8 are one U+FFFD each.
func valid(s string) string { return string([]rune(s)) }

func TestRoundTrip(t *testing.T) {
	records := corpus(t)
	for _, r := range records {
		checkForms(t, r)
	}
	words := wordsOf(records)
	g := newGenerator(1)
	for range 500 {
		checkForms(t, g.record(words))
	}
}

// FuzzForms puts one text into every field, in a record that is otherwise generated.
func FuzzForms(f *testing.F) {
	for i, text := range hostile {
		f.Add(uint64(i), text)
	}
	records := corpus(f)
	words := wordsOf(records)
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		g := newGenerator(seed)
		g.text = func() string { return text }
		checkForms(t, g.record(words))
	})
}
