package format

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
)

// ecsFacts is what testdata/ecs-9.4.0.txt says.
type ecsFacts struct {
	fields map[string]ecsField
	types  map[string][]string // by category
}

type ecsField struct {
	typ         string
	list        bool
	allowed     []string
	ignoreAbove string
}

func loadECS(t *testing.T) ecsFacts {
	t.Helper()
	text, err := os.ReadFile("testdata/ecs-9.4.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	facts := ecsFacts{map[string]ecsField{}, map[string][]string{}}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "category":
			facts.types[words[1]] = strings.Split(words[2], ",")
		default:
			var f ecsField
			f.typ, f.list = strings.CutSuffix(words[1], "[]")
			for _, w := range words[2:] {
				if list, ok := strings.CutPrefix(w, "allowed="); ok {
					f.allowed = strings.Split(list, ",")
				}
				if n, ok := strings.CutPrefix(w, "ignore_above="); ok {
					f.ignoreAbove = n
				}
			}
			facts.fields[words[0]] = f
		}
	}
	return facts
}

// check validates a document: fields of the schema by the table, those under kafka. by their own types.
func (e ecsFacts) check(text []byte) error {
	doc, err := parseJSON(text)
	if err != nil {
		return err
	}
	for path, v := range doc {
		if strings.HasPrefix(path, "kafka.") {
			continue
		}
		f, ok := e.fields[path]
		if !ok {
			return fmt.Errorf("the table has no %s", path)
		}
		values, isList := v.([]any)
		if isList != f.list {
			return fmt.Errorf("%s is %v, want a list: %v", path, v, f.list)
		}
		if !isList {
			values = []any{v}
		}
		for _, v := range values {
			if err := f.check(v); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	for _, path := range []string{"@timestamp", "ecs.version", "event.kind", "event.category", "event.type"} {
		if doc[path] == nil {
			return fmt.Errorf("there is no %s", path)
		}
	}
	return e.checkTypes(doc)
}

// checkTypes: an event's types are expected of one of its categories.
func (e ecsFacts) checkTypes(doc flat) error {
	for _, typ := range doc["event.type"].([]any) {
		if !slices.ContainsFunc(doc["event.category"].([]any), func(category any) bool {
			return slices.Contains(e.types[category.(string)], typ.(string))
		}) {
			return fmt.Errorf("the type %v is not expected of %v", typ, doc["event.category"])
		}
	}
	return nil
}

func (f ecsField) check(v any) error {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch f.typ {
	case "keyword", "match_only_text":
		if !isText || f.allowed != nil && !slices.Contains(f.allowed, text) {
			return fmt.Errorf("%v is not one of %v", v, f.allowed)
		}
	case "long":
		if _, err := number.Int64(); !isNumber || err != nil {
			return fmt.Errorf("%v is no long", v)
		}
	case "date":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return err
		}
	case "ip":
		if a, err := netip.ParseAddr(text); err != nil || a.Zone() != "" { // Elasticsearch refuses zones
			return fmt.Errorf("%v is no address", v)
		}
	default:
		return fmt.Errorf("what is a %s?", f.typ)
	}
	return nil
}

func TestECSValid(t *testing.T) {
	facts := loadECS(t)
	records := corpus(t)
	g, words := newGenerator(4), wordsOf(records)
	for range 1000 {
		records = append(records, g.record(words))
	}
	for _, r := range records {
		text := lookedUp["ecs"].Append(nil, r)
		if err := facts.check(text); err != nil {
			t.Fatalf("%v\nrecord %s\nin ECS %s", err, access.AppendJSON(nil, r), text)
		}
	}
}

// TestECSNotice proves that the check sees what it should.
func TestECSNotice(t *testing.T) {
	facts := loadECS(t)
	good := string(lookedUp["ecs"].Append(nil, contractRecord(t)))
	for name, change := range map[string][2]string{
		"category":   {`["api","database"]`, `["kafka"]`},
		"type":       {`["access","allowed"]`, `["access","connection"]`},
		"kind":       {`"kind":"event","category"`, `"kind":"record","category"`},
		"no list":    {`"related":{"user":["erp"]`, `"related":{"user":"erp"`},
		"unknown":    {`"observer":{`, `"observer":{"colour":"red",`},
		"address":    {`"ip":"10.1.2.3"`, `"ip":"10.1.2.3:1"`},
		"number":     {`"sequence":5`, `"sequence":"5"`},
		"date":       {`"start":"2026-11-23T`, `"start":"2026-11-23 `},
		"no version": {`"ecs":{"version":"9.4.0"},`, ``},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: nothing to change in %s", name, good)
		}
		if facts.check([]byte(bad)) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// TestIndexTemplate holds deploy/siem/elastic's template against the fields that documents have. Text that anyone can send
// is never longer than an index takes: over ignore_above it is kept, and not searched for.
func TestIndexTemplate(t *testing.T) {
	facts := loadECS(t)
	mapping := map[string]any{}
	for _, e := range ecsEntries("") {
		of := map[string]any{}
		if f, ok := facts.fields[e.path]; ok {
			of["type"] = f.typ
			if f.ignoreAbove != "" {
				of["ignore_above"] = json.Number(f.ignoreAbove)
			}
		} else {
			of = kafkaMapping(e.field)
		}
		place := mapping
		parts := strings.Split(e.path, ".")
		for _, p := range parts[:len(parts)-1] {
			if place[p] == nil {
				place[p] = map[string]any{"properties": map[string]any{}}
			}
			place = place[p].(map[string]any)["properties"].(map[string]any)
		}
		place[parts[len(parts)-1]] = of
	}
	compare(t, "../../deploy/siem/elastic/index-template.json", prettyJSON(t, map[string]any{
		"index_patterns": []string{"kafka-access*"},
		"priority":       200,
		"template": map[string]any{
			"settings": map[string]any{"index.mapping.total_fields.limit": 400, "index.codec": "best_compression"},
			"mappings": map[string]any{"dynamic": false, "date_detection": false, "properties": mapping},
		},
		"_meta": map[string]any{"description": "doorkeeper's access records, ECS " + ecsVersion},
	}))
}

func kafkaMapping(f field) map[string]any {
	keyword := map[string]any{"type": "keyword", "ignore_above": 1024}
	long := map[string]any{"type": "long"}
	switch f.kind {
	case kindInt:
		return long
	case kindBool:
		return map[string]any{"type": "boolean"}
	case kindTime:
		return map[string]any{"type": "date"}
	case kindLabels:
		return map[string]any{"type": "nested", "properties": map[string]any{"name": keyword, "value": keyword}}
	case kindCounts:
		return map[string]any{"properties": map[string]any{"name": keyword, "count": long}}
	case kindRanges:
		return map[string]any{"properties": map[string]any{f.ranges.first: long, f.ranges.last: long}}
	}
	return keyword
}
