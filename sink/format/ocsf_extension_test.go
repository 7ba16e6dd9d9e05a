package format

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const extensionDir = "../../deploy/siem/ocsf"

// An extension is Kafka's part of the schema in OCSF's own form, as the table makes it.
type extension struct {
	core       map[string]attribute
	comments   map[string]string
	dictionary map[string]any
	objects    map[string]map[string]any // their attributes
}

// TestOCSFExtension holds the published extension against the table.
func TestOCSFExtension(t *testing.T) {
	x := &extension{loadSchema(t).dictionary, protoComments(t), map[string]any{}, map[string]map[string]any{"kafka": {}}}
	for _, r := range table {
		path, _, _ := strings.Cut(r.ocsf, "@")
		if path == "" || path != r.ocsf {
			path = "kafka." + r.name
		}
		if own, ok := strings.CutPrefix(path, "kafka."); ok {
			x.add(t, "kafka", own, r.field)
		}
	}
	x.define(t, "kafka", "Kafka", "What a Kafka proxy saw: the fields of an access record that have no attribute of the core.", "kafka", false)
	x.write(t, "extension.json", map[string]any{"caption": "Kafka", "name": extensionName, "uid": json.Number(extensionUID), "version": extensionVersion,
		"description": "What a Kafka proxy knows of an access: topics, partitions, offsets, batches and the decision about it."})
	x.write(t, "dictionary.json", map[string]any{"caption": "Attribute Dictionary", "name": "dictionary",
		"description": "Attributes of accesses to Kafka.", "attributes": x.dictionary})
	for name, attributes := range x.objects {
		x.write(t, "objects/"+name+".json", map[string]any{"caption": caption(name), "name": name, "extends": "object",
			"description": "A part of an access record of Kafka: " + strings.ReplaceAll(strings.TrimPrefix(name, "kafka_"), "_", " ") + ".", "attributes": attributes})
	}
	x.write(t, "profiles/kafka.json", map[string]any{"caption": "Kafka", "name": "kafka", "meta": "profile",
		"description": "Events of a proxy in front of a Kafka cluster.", "annotations": map[string]any{"group": "primary"},
		"attributes": map[string]any{"kafka": map[string]any{"requirement": "recommended"}}})
	x.write(t, "events/base_event.json", map[string]any{"caption": "Base Event", "extends": "base_event",
		"description": "Every event of a Kafka proxy may have what Kafka knows of it.",
		"attributes":  map[string]any{"$include": []string{"profiles/kafka.json"}}, "profiles": []string{"kafka/kafka"}})
	found, err := filepath.Glob(extensionDir + "/objects/*.json")
	if err != nil || len(found) != len(x.objects) {
		t.Errorf("%d objects are published, want %d (%v)", len(found), len(x.objects), err)
	}
}

// add puts a field into an object, and the object around it.
func (x *extension) add(t *testing.T, object, path string, f field) {
	name, rest, nested := strings.Cut(path, ".")
	requirement := map[string]any{"requirement": "optional"}
	x.objects[object][name] = requirement
	if nested {
		inner := "kafka_" + name
		if x.objects[inner] == nil {
			x.objects[inner] = map[string]any{}
			x.define(t, name, caption(name), "The record's "+strings.ReplaceAll(name, "_", " ")+".", inner, false)
		}
		x.add(t, inner, rest, f)
		return
	}
	typ, list := "string_t", false
	switch f.kind {
	case kindInt:
		typ = "long_t"
	case kindBool:
		typ = "boolean_t"
	case kindTime:
		typ = "datetime_t"
	case kindTexts:
		list = true
	case kindLabels:
		typ, list = "key_value_object", true
	case kindCounts:
		typ, list = "kafka_count", true
		x.objects[typ] = map[string]any{"name": map[string]any{"requirement": "required"}, "count": map[string]any{"requirement": "required"}}
	case kindRanges:
		typ, list = map[string]string{"first": "kafka_offset_range", "from_seq": "kafka_seq_range"}[f.ranges.first], true
		x.objects[typ] = map[string]any{}
		for _, end := range []string{f.ranges.first, f.ranges.last} {
			x.objects[typ][end] = requirement
			x.define(t, end, caption(end), "An end of a range, which belongs to it.", "long_t", false)
		}
	}
	x.define(t, name, caption(name), x.about(f.name, f), typ, list)
}

// define puts an attribute into the dictionary. What the core has already must be the same there, and is not repeated.
func (x *extension) define(t *testing.T, name, caption, about, typ string, list bool) {
	if core, ok := x.core[name]; ok {
		if core.typ != typ || core.array != list {
			t.Errorf("%s is %s in OCSF's dictionary, and %s in ours", name, core.typ, typ)
		}
		return
	}
	entry := map[string]any{"caption": caption, "description": about, "type": typ}
	if list {
		entry["is_array"] = true
	}
	if before, ok := x.dictionary[name].(map[string]any); ok {
		if before["type"] != typ {
			t.Errorf("%s is %v and %s", name, before["type"], typ)
		}
		return // the first one's description stays
	}
	x.dictionary[name] = entry
}

func (x *extension) about(name string, f field) string {
	if comment := x.comments[name]; comment != "" {
		return strings.ToUpper(comment[:1]) + comment[1:] + "."
	}
	return "The record's " + strings.NewReplacer("_", " ", ".", ", ").Replace(f.name) + "."
}

func caption(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

var protoField = regexp.MustCompile(`^  (?:optional |repeated )?[\w.<>, ]+? (\w+) = \d+;(?: // (.*))?$`)

// protoComments are what record.proto says beside its fields.
func protoComments(t *testing.T) map[string]string {
	text, err := os.ReadFile("../../access/record.proto")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if m := protoField.FindStringSubmatch(line); m != nil {
			comments[m[1]] = strings.TrimSuffix(m[2], ".")
		}
	}
	return comments
}

func (x *extension) write(t *testing.T, file string, content any) {
	t.Helper()
	compare(t, filepath.Join(extensionDir, file), prettyJSON(t, content))
}

func prettyJSON(t *testing.T, content any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(content); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// extend reads a published extension into the schema, as an OCSF server does.
func (s *schema) extend(t *testing.T, dir string) {
	t.Helper()
	var dictionary struct {
		Attributes map[string]struct {
			Type    string `json:"type"`
			IsArray bool   `json:"is_array"`
		}
	}
	readJSON(t, dir+"/dictionary.json", &dictionary)
	known := map[string]attribute{}
	for name, a := range s.dictionary {
		known[name] = a
	}
	for name, a := range dictionary.Attributes {
		if _, twice := known[name]; twice {
			t.Errorf("%s is in OCSF's dictionary", name)
		}
		known[name] = attribute{typ: a.Type, array: a.IsArray}
	}
	type member struct{ Requirement string }
	list, err := filepath.Glob(dir + "/objects/*.json")
	if err != nil {
		t.Fatal(err)
	}
	s.objects["key_value_object"] = &shape{attributes: map[string]attribute{"name": {typ: "string_t", required: true}, "value": {typ: "string_t"}}}
	for _, path := range list {
		var object struct {
			Name       string
			Attributes map[string]member
		}
		readJSON(t, path, &object)
		in := &shape{attributes: map[string]attribute{}}
		for name, m := range object.Attributes {
			a, ok := known[name]
			if !ok {
				t.Errorf("%s: %s is in no dictionary", path, name)
			}
			a.required = m.Requirement == "required"
			in.attributes[name] = a
		}
		s.objects[object.Name] = in
	}
	var profile struct{ Attributes map[string]member }
	readJSON(t, dir+"/profiles/kafka.json", &profile)
	for name := range profile.Attributes {
		a := known[name]
		a.profile = "kafka/kafka"
		for _, class := range s.classes {
			class.attributes[name] = a
		}
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
