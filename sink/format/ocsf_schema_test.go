package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
)

// A schema is what testdata/ocsf-1.8.0.txt says of OCSF, and what deploy/siem/ocsf adds to it.
type schema struct {
	classes    map[int64]*shape
	objects    map[string]*shape
	dictionary map[string]attribute // of the core, as far as the extension uses it
}

type shape struct {
	attributes map[string]attribute
	oneOf      []string // at least one of them must be there; nil: no such rule
}

type attribute struct {
	typ      string
	array    bool
	required bool
	profile  string
	enum     []int64
	sibling  string
}

func loadSchema(t *testing.T) *schema {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-1.8.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := &schema{map[int64]*shape{}, map[string]*shape{}, map[string]attribute{}}
	all := &shape{attributes: map[string]attribute{}}
	in := all
	for n, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case line[0] == '\t' && words[0] == "at_least_one":
			in.oneOf = words[1:]
		case line[0] == '\t':
			in.attributes[words[0]] = parseAttribute(t, n+1, words[1:])
		case words[0] == "dictionary":
			in = &shape{attributes: s.dictionary}
		default:
			in = s.begin(t, words, all)
		}
	}
	return s
}

func (s *schema) begin(t *testing.T, words []string, all *shape) *shape {
	in := &shape{attributes: map[string]attribute{}}
	switch words[0] {
	case "every":
		return all
	case "object":
		s.objects[words[1]] = in
	case "class":
		uid, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range all.attributes {
			in.attributes[name] = a
		}
		s.classes[uid] = in
	default:
		t.Fatalf("what is %q?", words)
	}
	return in
}

func parseAttribute(t *testing.T, n int, words []string) (a attribute) {
	a.typ, a.array = strings.CutSuffix(words[0], "[]")
	for _, w := range words[1:] {
		name, of, _ := strings.Cut(w, "=")
		switch name {
		case "required":
			a.required = true
		case "optional", "recommended":
		case "profile":
			a.profile = of
		case "sibling":
			a.sibling = of
		case "enum":
			for _, text := range strings.Split(of, ",") {
				number, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				a.enum = append(a.enum, number)
			}
		default:
			t.Fatalf("line %d: what is %q?", n, w)
		}
	}
	return a
}

// check validates an event.
func (s *schema) check(text []byte) error {
	var event map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&event); err != nil {
		return err
	}
	uid, activity := integer(event["class_uid"]), integer(event["activity_id"])
	class := s.classes[uid]
	switch {
	case class == nil:
		return fmt.Errorf("the table has no class %d", uid)
	case integer(event["type_uid"]) != uid*100+activity:
		return fmt.Errorf("type_uid is %v in class %d, activity %d", event["type_uid"], uid, activity)
	case integer(event["category_uid"]) != uid/1000:
		return fmt.Errorf("category_uid is %v in class %d", event["category_uid"], uid)
	}
	profiles := map[string]bool{"": true}
	if m, ok := event["metadata"].(map[string]any); ok {
		list, _ := m["profiles"].([]any)
		for _, p := range list {
			profiles[fmt.Sprint(p)] = true
		}
	}
	return s.checkShape("event", class, event, profiles)
}

func integer(v any) int64 {
	n, _ := v.(json.Number)
	i, err := n.Int64()
	if err != nil {
		return -1
	}
	return i
}

func (s *schema) checkShape(path string, in *shape, object map[string]any, profiles map[string]bool) error {
	for name, a := range in.attributes {
		if a.required && object[name] == nil {
			return fmt.Errorf("%s has no %s", path, name)
		}
	}
	if in.oneOf != nil && !slices.ContainsFunc(in.oneOf, func(name string) bool { return object[name] != nil }) {
		return fmt.Errorf("%s has none of %v", path, in.oneOf)
	}
	for name, v := range object {
		a, ok := in.attributes[name]
		if !ok {
			return fmt.Errorf("%s: the table has no %s", path, name)
		}
		if !profiles[a.profile] {
			return fmt.Errorf("%s.%s is of the profile %s, which metadata.profiles does not name", path, name, a.profile)
		}
		if a.sibling != "" && integer(v) == 99 && object[a.sibling] == nil {
			return fmt.Errorf("%s.%s is 99, but %s does not say what", path, name, a.sibling)
		}
		if err := s.checkValues(path+"."+name, a, v, profiles); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) checkValues(path string, a attribute, v any, profiles map[string]bool) error {
	if !a.array {
		return s.checkValue(path, a, v, profiles)
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s is no list", path)
	}
	for _, one := range list {
		if err := s.checkValue(path, a, one, profiles); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) checkValue(path string, a attribute, v any, profiles map[string]bool) error {
	if in := s.objects[a.typ]; in != nil {
		object, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object", path)
		}
		return s.checkShape(path, in, object, profiles)
	}
	if !rightType(a.typ, v) {
		return fmt.Errorf("%s is %v: no %s", path, v, a.typ)
	}
	if a.enum != nil && !slices.Contains(a.enum, integer(v)) {
		return fmt.Errorf("%s is %v: not one of %v", path, v, a.enum)
	}
	return nil
}

func rightType(typ string, v any) bool {
	text, isText := v.(string)
	_, isNumber := v.(json.Number)
	_, isTruth := v.(bool)
	switch typ {
	case "string_t", "username_t", "resource_uid_t":
		return isText
	case "ip_t":
		_, err := netip.ParseAddr(text)
		return err == nil
	case "datetime_t":
		_, err := time.Parse(time.RFC3339Nano, text)
		return err == nil
	case "integer_t", "long_t", "timestamp_t":
		return isNumber
	case "port_t":
		return isNumber && integer(v) >= 0 && integer(v) <= 65535
	case "boolean_t":
		return isTruth
	}
	return false
}

// TestOCSFValid validates the events of the corpus and of generated records against the published schema.
func TestOCSFValid(t *testing.T) {
	s := loadSchema(t)
	s.extend(t, extensionDir)
	f, _ := Lookup("ocsf", "1.0.0")
	records := corpus(t)
	seen := map[int64]bool{}
	g, words := newGenerator(3), wordsOf(records)
	for range 3000 {
		records = append(records, g.record(words))
	}
	for _, r := range records {
		text := f.Append(nil, r)
		if err := s.check(text); err != nil {
			t.Fatalf("%v\nrecord %s\nevent  %s", err, access.AppendJSON(nil, r), text)
		}
		c, _ := classify(r)
		seen[c.uid] = true
	}
	if len(seen) != len(classes) {
		t.Errorf("only the classes %v were seen", seen)
	}
}

// TestOCSFNotice proves that the check sees what it should.
func TestOCSFNotice(t *testing.T) {
	s := loadSchema(t)
	s.extend(t, extensionDir)
	f, _ := Lookup("ocsf", "1.0.0")
	good := string(f.Append(nil, contractRecord(t)))
	if err := s.check([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"class":       {`"class_uid":6005`, `"class_uid":6009`},
		"category":    {`"category_uid":6`, `"category_uid":5`},
		"type":        {`"type_uid":600501`, `"type_uid":600502`},
		"required":    {`"severity_id":1,`, ``},
		"enumeration": {`"action_id":1`, `"action_id":7`},
		"constraint":  {`"user":{"name":"erp","uid":"User:erp"}`, `"user":{}`},
		"one of":      {`"databucket":{`, `"table":{`},
		"text":        {`"message":"`, `"message":7,"x":"`},
		"number":      {`"sequence":5`, `"sequence":"5"`},
		"address":     {`"ip":"10.1.2.3"`, `"ip":"10.1.2"`},
		"unknown":     {`"policy":{`, `"polizei":{`},
		"profile":     {`"security_control",`, ``},
		"other":       {`"status_id":1`, `"status_id":99`},
		"extension":   {`"first_offset"`, `"prime_offset"`},
		"object":      {`"kafka":{`, `"kafka":[],"x":{`},
		"date":        {`"time_dt":"2026-11-23T`, `"time_dt":"2026-11-23 `},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: nothing to change in %s", name, good)
		}
		if s.check([]byte(bad)) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// TestOCSFVerdicts holds the numbers that detections look for.
func TestOCSFVerdicts(t *testing.T) {
	f, _ := Lookup("ocsf", "1.0.0")
	no := false
	for name, c := range map[string]struct {
		r    *access.Record
		want string
	}{
		"denied":     {&access.Record{Decision: "deny"}, `"action_id":2,"disposition_id":26,`},
		"refused":    {&access.Record{Decision: "refuse"}, `"action_id":2,"disposition_id":25,`},
		"allowed":    {&access.Record{Decision: "allow"}, `"action_id":1,"disposition_id":1,`},
		"watched":    {&access.Record{Decision: "deny", Enforced: &no}, `"action_id":3,"disposition_id":17,`},
		"would":      {&access.Record{Decision: "allow", Would: &access.Record_Would{Decision: "deny"}}, `"action_id":3,"disposition_id":17,`},
		"would pass": {&access.Record{Decision: "allow", Would: &access.Record_Would{Decision: "allow", Limit: "x"}}, `"action_id":1,"disposition_id":1,`},
	} {
		if text := string(f.Append(nil, c.r)); !strings.Contains(text, c.want) {
			t.Errorf("%s: no %s in %s", name, c.want, text)
		}
	}
}
