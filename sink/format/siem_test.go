package format

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests of this file read what deploy/siem holds, and compare the fields that it names with those that records have in
// the form that goes there. A search for a field that no record has finds nothing, and nobody notices.

const siemDir = "../../deploy/siem/"

// seenFields are the fields that the corpus has in a form. Lists are named as Splunk names them.
func seenFields(t *testing.T, form string) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range corpus(t) {
		text := lookedUp[form].Append(nil, r)
		if form == "cef" {
			_, values, err := parseCEF(string(text))
			if err != nil {
				t.Fatal(err)
			}
			for key := range values {
				seen[key] = true
			}
			continue
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		see(seen, "", v)
	}
	return seen
}

func see(seen map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			see(seen, strings.TrimPrefix(path+"."+key, "."), inner)
		}
	case []any:
		for _, inner := range v {
			see(seen, path+"{}", inner)
		}
	}
	seen[path] = true
}

// pageLines are the lines of code in a page of docs/siem that begin so: there must be one.
func pageLines(t *testing.T, page, begin string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/siem/" + page + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if code, ok := strings.CutPrefix(line, "    "); ok && strings.HasPrefix(code, begin) {
			lines = append(lines, code)
		}
	}
	if lines == nil {
		t.Errorf("docs/siem/%s.md shows no search", page)
	}
	return lines
}

// A stanza of a .conf file of Splunk's.
type stanza struct {
	name string
	keys map[string]string
}

func readConf(t *testing.T, file string) (list []stanza) {
	t.Helper()
	text, err := os.ReadFile(siemDir + "splunk/TA-doorkeeper/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			list = append(list, stanza{strings.Trim(line, "[]"), map[string]string{}})
		case !ok || len(list) == 0:
			t.Fatalf("%s:%d: what is %q?", file, n+1, line)
		default:
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			last := list[len(list)-1]
			if _, twice := last.keys[key]; twice {
				t.Errorf("%s:%d: %s stands twice", file, n+1, key)
			}
			last.keys[key] = value
		}
	}
	return list
}

// splWords are the words of Splunk's language in our searches that are no fields.
var splWords = strings.Fields("AS BY OR AND NOT IN as by or and not in dedup sort stats eventstats streamstats where eval table current f index sourcetype kafka _time _raw")

var (
	splQuoted   = regexp.MustCompile(`"[^"]*"`)
	splMacro    = regexp.MustCompile("`[^`]*`")
	splNames    = regexp.MustCompile(`AS (\w+)|eval (\w+) ?=|sum\(eval|last\((\w+)\) as (\w+)`)
	splToken    = regexp.MustCompile(`'[^']+'|[A-Za-z_][\w.{}]*\(?`)
	splArgument = regexp.MustCompile(`\$\w+\$`)
)

// unknownSPL are the fields in a search or an expression that are neither known nor made in it.
func unknownSPL(text string, known map[string]bool) (unknown []string) {
	text = splArgument.ReplaceAllString(splMacro.ReplaceAllString(splQuoted.ReplaceAllString(text, " "), " "), " ")
	made := map[string]bool{}
	for _, m := range splNames.FindAllStringSubmatch(text, -1) {
		for _, name := range m[1:] {
			made[name] = true
		}
	}
	for _, token := range splToken.FindAllString(text, -1) {
		name := strings.Trim(token, "'")
		if strings.HasSuffix(token, "(") || slices.Contains(splWords, token) || made[name] || known[name] {
			continue
		}
		unknown = append(unknown, name)
	}
	return unknown
}

// splunkFields are what the add-on makes of a record, beside its own.
func splunkFields(t *testing.T) map[string]bool {
	known := seenFields(t, "native")
	extracted := map[string]bool{}
	for _, s := range readConf(t, "default/transforms.conf") {
		re, err := regexp.Compile(s.keys["REGEX"])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range re.SubexpNames()[1:] {
			extracted[name] = true
		}
		for _, r := range corpus(t)[:1] {
			if m := re.FindStringSubmatch(string(lookedUp["native"].Append(nil, r))); m == nil || m[re.SubexpIndex("src_ip")] != "10.1.2.3" || m[re.SubexpIndex("src_port")] != "51544" {
				t.Errorf("%s finds %q", s.name, m)
			}
		}
	}
	for name := range extracted {
		known[name] = true
	}
	made := map[string]bool{}
	for _, s := range readConf(t, "default/props.conf") {
		if s.name != "doorkeeper:native" {
			t.Errorf("props.conf is about %s", s.name)
		}
		for key, expression := range s.keys {
			if name, ok := strings.CutPrefix(key, "EVAL-"); ok {
				made[name] = true
				if unknown := unknownSPL(expression, known); unknown != nil { // these see none another
					t.Errorf("props.conf: %s is made of %q, which no record has", key, unknown)
				}
			}
		}
	}
	for name := range made {
		known[name] = true
	}
	return known
}

func TestSplunk(t *testing.T) {
	known := splunkFields(t)
	types := map[string]bool{}
	for _, s := range readConf(t, "default/eventtypes.conf") {
		types[s.name] = true
		if unknown := unknownSPL(s.keys["search"], known); unknown != nil {
			t.Errorf("eventtypes.conf: %s: no record has %q", s.name, unknown)
		}
	}
	for _, s := range readConf(t, "default/tags.conf") {
		if name, ok := strings.CutPrefix(s.name, "eventtype="); !ok || !types[name] {
			t.Errorf("tags.conf: there is no %s", s.name)
		}
	}
	macros := map[string]bool{}
	for _, s := range readConf(t, "default/macros.conf") {
		name, _, _ := strings.Cut(s.name, "(")
		macros[name] = true
		if unknown := unknownSPL(s.keys["definition"], known); unknown != nil {
			t.Errorf("macros.conf: %s: no record has %q", s.name, unknown)
		}
	}
	alerts := 0
	for _, s := range readConf(t, "default/savedsearches.conf") {
		search := s.keys["search"]
		if unknown := unknownSPL(search, known); unknown != nil {
			t.Errorf("savedsearches.conf: %s: no record has %q", s.name, unknown)
		}
		for _, m := range splMacro.FindAllString(search, -1) {
			if name, _, _ := strings.Cut(strings.Trim(m, "`"), "("); !macros[name] {
				t.Errorf("savedsearches.conf: %s: there is no macro %s", s.name, m)
			}
		}
		if s.keys["enableSched"] == "1" {
			alerts++
			if s.keys["cron_schedule"] == "" || s.keys["relation"] == "" || s.keys["quantity"] == "" {
				t.Errorf("savedsearches.conf: %s runs, but says not when, or not what to make of it", s.name)
			}
		}
	}
	if alerts == 0 {
		t.Error("nothing alerts")
	}
	for _, search := range pageLines(t, "splunk", "`doorkeeper") {
		if unknown := unknownSPL(search, known); unknown != nil {
			t.Errorf("docs/siem/splunk.md: no record has %q", unknown)
		}
	}
	for file, want := range map[string]string{"default/app.conf": "launcher", "metadata/default.meta": ""} {
		if !slices.ContainsFunc(readConf(t, file), func(s stanza) bool { return s.name == want }) {
			t.Errorf("%s has no [%s]", file, want)
		}
	}
}

// TestSplunkNotice proves that a field which no record has is seen.
func TestSplunkNotice(t *testing.T) {
	known := splunkFields(t)
	for _, bad := range []string{
		"`doorkeeper` topic=\"x\"", "`doorkeeper` | stats sum(byte) BY user", "`doorkeeper` | table time proxy seqence", "`doorkeeper` | where isnull('actor.nom')",
		"`doorkeeper` | eval a = b",
	} {
		if unknownSPL(bad, known) == nil {
			t.Errorf("nothing unknown was seen in %s", bad)
		}
	}
}

var kueryField = regexp.MustCompile(`([@\w.]+)\s*:`)

// elasticNames are the fields that saved objects name: in queries, columns and aggregations.
func elasticNames(v any) (names []string) {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			names = append(names, elasticNames(inner)...)
		}
	case map[string]any:
		for key, inner := range v {
			names = append(names, elasticMember(key, inner)...)
		}
	}
	return names
}

func elasticMember(key string, v any) (names []string) {
	text, isText := v.(string)
	switch key {
	case "searchSourceJSON", "visState", "panelsJSON", "esQuery":
		var inner any
		if err := json.Unmarshal([]byte(text), &inner); err != nil {
			return []string{"(" + key + " is no JSON)"}
		}
		return elasticNames(inner)
	case "query":
		if isText {
			for _, m := range kueryField.FindAllStringSubmatch(splQuoted.ReplaceAllString(text, `""`), -1) {
				names = append(names, m[1])
			}
			return names
		}
	case "field", "timeField", "timeFieldName":
		return []string{text}
	case "columns":
		for _, c := range v.([]any) {
			names = append(names, c.(string))
		}
		return names
	case "sort":
		return []string{v.([]any)[0].([]any)[0].(string)}
	case "term", "terms", "range":
		if clause, ok := v.(map[string]any); ok {
			for name := range clause {
				names = append(names, name)
			}
			return names
		}
	}
	return elasticNames(v)
}

func TestElastic(t *testing.T) {
	seen := seenFields(t, "ecs")
	check := func(what string, v any) {
		names := elasticNames(v)
		for _, name := range names {
			if !seen[name] {
				t.Errorf("%s names %s, which no document has", what, name)
			}
		}
	}
	text, err := os.ReadFile(siemDir + "elastic/dashboard.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	ids, used := map[string]bool{}, map[string]bool{}
	for line := range bytes.Lines(text) {
		var object struct {
			Type, ID   string
			Attributes map[string]any
			References []struct{ Type, ID string }
		}
		if err := json.Unmarshal(line, &object); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ids[object.Type+" "+object.ID] = true
		for _, r := range object.References {
			used[r.Type+" "+r.ID] = true
		}
		check(object.ID, object.Attributes)
	}
	for id := range used {
		if !ids[id] {
			t.Errorf("there is no %s, which another object is made of", id)
		}
	}
	for _, search := range pageLines(t, "elastic", "event.dataset") {
		check("docs/siem/elastic.md", map[string]any{"query": search})
	}
	rules, err := filepath.Glob(siemDir + "elastic/alert-*.json")
	if err != nil || len(rules) < 2 {
		t.Fatalf("rules: %q, %v", rules, err)
	}
	for _, path := range rules {
		var rule map[string]any
		readJSON(t, path, &rule)
		check(path, rule["params"])
	}
	for _, bad := range []string{`{"query":"kafka.topic : \"x\""}`, `{"columns":["user.nam"]}`, `{"params":{"field":"bytes"}}`, `{"filter":[{"term":{"event.dataset.x":"y"}}]}`} {
		var v any
		if err := json.Unmarshal([]byte(bad), &v); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(elasticNames(v), func(name string) bool { return !seen[name] }) {
			t.Errorf("nothing unknown was seen in %s", bad)
		}
	}
}

// sentinelColumns are the columns of CommonSecurityLog for the keys that our searches use, as Microsoft's page "CEF and
// CommonSecurityLog field mapping" and the table's reference have them.
var sentinelColumns = map[string]string{
	"DeviceName": "dvchost", "DeviceEventCategory": "cat", "SourceUserID": "suid", "SourceUserName": "suser", "SourceIP": "src",
	"SourcePort": "spt", "RequestClientApplication": "requestClientApplication", "DeviceAction": "act", "DeviceCustomString1": "cs1",
	"DeviceCustomString2": "cs2", "DeviceCustomString3": "cs3", "DeviceCustomString4": "cs4", "DeviceCustomString5": "cs5",
	"DeviceCustomString6": "cs6", "FieldDeviceCustomNumber1": "cn1", "FieldDeviceCustomNumber2": "cn2",
	"FieldDeviceCustomNumber3": "cn3", "Reason": "reason", "EventOutcome": "outcome", "EventCount": "cnt",
	// Of the header, and of the table itself.
	"DeviceVendor": "", "DeviceProduct": "", "LogSeverity": "", "AdditionalExtensions": "", "TimeGenerated": "",
}

var kqlWords = strings.Fields("where and or in by extend project summarize order desc asc let CommonSecurityLog Doorkeeper")

var (
	kqlComment = regexp.MustCompile(`(?m)//.*$`)
	kqlString  = regexp.MustCompile(`@?"[^"]*"`)
	kqlMade    = regexp.MustCompile(`(\w+) = `)
	kqlToken   = regexp.MustCompile(`\b[A-Za-z_]\w*\(?`)
	kqlExtra   = regexp.MustCompile(`;(dk\w+)=`)
)

// unknownKQL are the names in a query that are neither known nor made in it.
func unknownKQL(text string, known func(string) bool) (unknown []string) {
	text = kqlString.ReplaceAllString(kqlComment.ReplaceAllString(text, ""), " ")
	made := map[string]bool{}
	for _, m := range kqlMade.FindAllStringSubmatch(text, -1) {
		made[m[1]] = true
	}
	for _, token := range kqlToken.FindAllString(text, -1) {
		if !strings.HasSuffix(token, "(") && !slices.Contains(kqlWords, token) && !made[token] && !known(token) {
			unknown = append(unknown, token)
		}
	}
	return unknown
}

func TestSentinel(t *testing.T) {
	seen := seenFields(t, "cef")
	for column, key := range sentinelColumns {
		if key != "" && !seen[key] {
			t.Errorf("%s is made of %s, which no record has", column, key)
		}
	}
	function, err := os.ReadFile(siemDir + "sentinel/Doorkeeper.kql")
	if err != nil {
		t.Fatal(err)
	}
	isColumn := func(name string) bool { _, ok := sentinelColumns[name]; return ok }
	if unknown := unknownKQL(string(function), isColumn); unknown != nil {
		t.Errorf("the function names %q, which the table has not", unknown)
	}
	for _, m := range kqlExtra.FindAllStringSubmatch(string(function), -1) {
		if !seen[m[1]] {
			t.Errorf("the function looks for %s, which no record has", m[1])
		}
	}
	_, projected, _ := strings.Cut(string(function), "| project")
	columns := map[string]bool{}
	for _, one := range strings.Split(projected, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
		columns[name] = true
	}
	queries, err := filepath.Glob(siemDir + "sentinel/[a-z]*.kql")
	if err != nil || len(queries) < 4 {
		t.Fatalf("queries: %q, %v", queries, err)
	}
	for _, path := range queries {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if unknown := unknownKQL(string(text), func(name string) bool { return columns[name] }); unknown != nil {
			t.Errorf("%s names %q, which the function does not give", path, unknown)
		}
	}
	for _, query := range pageLines(t, "sentinel", "Doorkeeper |") {
		if unknown := unknownKQL(query, func(name string) bool { return columns[name] }); unknown != nil {
			t.Errorf("docs/siem/sentinel.md names %q, which the function does not give", unknown)
		}
	}
	if unknownKQL(`Doorkeeper | where Topic == "x"`, func(name string) bool { return columns[name] }) == nil {
		t.Error("nothing unknown was seen")
	}
}

// aqlWords are the words and fields of QRadar's own in our searches.
var aqlWords = strings.Fields("SELECT FROM WHERE AND IN GROUP BY AS LAST HOURS events username sourceip starttime")

func TestQRadar(t *testing.T) {
	seen := seenFields(t, "cef")
	seen["DeviceEventClassID"] = true // of the header
	text, err := os.ReadFile(siemDir + "qradar/properties.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	properties := map[string]bool{}
	for _, row := range rows[1:] {
		properties[row[0]] = true
		if !seen[row[2]] {
			t.Errorf("%s is made of %s, which no record has", row[0], row[2])
		}
	}
	text, err = os.ReadFile(siemDir + "qradar/searches.aql")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkAQL(string(text), properties); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`SELECT "Kafka Topic" FROM events`, `SELECT topic FROM events`} {
		if checkAQL(bad, properties) == nil {
			t.Errorf("nothing unknown was seen in %s", bad)
		}
	}
}

func checkAQL(text string, properties map[string]bool) error {
	text = regexp.MustCompile(`(?m)^--.*$|'[^']*'`).ReplaceAllString(text, " ")
	for _, quoted := range splQuoted.FindAllString(text, -1) {
		if !properties[strings.Trim(quoted, `"`)] {
			return fmt.Errorf("there is no property %s", quoted)
		}
	}
	text = splQuoted.ReplaceAllString(text, " ")
	made := map[string]bool{}
	for _, m := range regexp.MustCompile(`AS (\w+)`).FindAllStringSubmatch(text, -1) {
		made[m[1]] = true
	}
	for _, token := range kqlToken.FindAllString(text, -1) {
		if !strings.HasSuffix(token, "(") && !slices.Contains(aqlWords, token) && !made[token] {
			return fmt.Errorf("there is no field %s", token)
		}
	}
	return nil
}
