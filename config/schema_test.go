package config

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// TestExample: the example uses every key there is, loads, and is valid against the published schema.
func TestExample(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "s", "ca", "proxy"} {
		writePair(t, dir, name, time.Now().Add(time.Hour))
	}
	write(t, dir+"/tokens.yaml", "- {name: soc, sha256: "+strings.Repeat("ab", 32)+", role: viewer}\n")
	write(t, dir+"/catalog.yaml", "topics: {payroll: {owner: hr, tags: [pii]}}\n")
	for _, name := range []string{"/hec.token", "/es.password", "/hook.key"} {
		write(t, dir+name, "secret\n")
	}
	for _, name := range []string{"/policy", "/candidate"} {
		if err := os.Mkdir(dir+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c, err := parse(dir, Example, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("the example has warnings:\n%s", w.Error())
	}
	other := strings.Replace(strings.Replace(Example, "  paths: [policy/]\n", "", 1), "  # bundle:", "  bundle:", 1)
	b, err := parse(dir, other, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Reference() {
		if !sets(c, k.Path) && !sets(b, k.Path) {
			t.Errorf("the example lacks %s", k.Path)
		}
	}
	for _, problem := range append(validate(t, Example), validate(t, other)...) {
		t.Error(problem)
	}
}

// sets says whether some element of each list on the path has the key.
func sets(c *Config, path string) bool {
	at := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\[\]`, `\[[0-9]+\]`) + "$")
	for set := range c.source.at {
		if at.MatchString(set) {
			return true
		}
	}
	return false
}

// TestSchemaRefuses: the schema knows what the decoder knows.
func TestSchemaRefuses(t *testing.T) {
	for _, text := range []string{
		"watch: true", // no clusters
		minimal + "polisy: {}",
		minimal + "policy: {mode: watch, paths: [p]}",
		minimal + "policy: {candidate: {}}",
		minimal + "policy: {bundle: {public_key_file: k.pem}}",
		minimal + "limits: {connections: -1}",
		minimal + "limits: {buffers: 12 parsecs}",
		minimal + "timeouts: {dial: 10}",
		minimal + "log: {level: loud}",
		minimal + "admin: {uids: {1: king}}",
		strings.Replace(minimal, "first_port", "routing: sni, first_port", 1),
		strings.Replace(minimal, "name: plain", "nom: plain", 1),
	} {
		if len(validate(t, text)) == 0 {
			t.Errorf("the schema accepts %q", text)
		}
	}
	for _, text := range []string{minimal, minimal + `limits: {connections: "${N}", buffers: 1 GiB}`} {
		for _, problem := range validate(t, text) {
			t.Errorf("%q: %s", text, problem)
		}
	}
}

// Every key has a description: the schema and docs/config.md are made of them.
func TestReferenceIsComplete(t *testing.T) {
	for _, k := range Reference() {
		if k.Description == "" {
			t.Errorf("%s has no description", k.Path)
		}
	}
	golden(t, "../docs/config.md", Markdown())
}

// validate holds a YAML text against the schema and returns what is wrong. It knows the words that Schema uses, and
// fails on any other, so that a new word is not taken for granted.
func validate(t *testing.T, text string) []string {
	t.Helper()
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var value any
	if err := json.Unmarshal(j, &value); err != nil {
		t.Fatal(err)
	}
	return (&validator{t, root}).value("$", root, value)
}

type validator struct {
	t    *testing.T
	root map[string]any
}

func (v *validator) value(path string, schema map[string]any, x any) (problems []string) {
	v.t.Helper()
	fail := func(format string, args ...any) {
		problems = append(problems, path+": "+fmt.Sprintf(format, args...))
	}
	for word, arg := range schema {
		switch word {
		case "$schema", "$defs", "title", "description", "default", "examples":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			problems = append(problems, v.value(path, v.root["$defs"].(map[string]any)[name].(map[string]any), x)...)
		case "type":
			if !isType(arg.(string), x) {
				fail("%v is no %s", x, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), x) {
				fail("%v is none of %v", x, arg)
			}
		case "pattern":
			if s, ok := x.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(s) {
				fail("%q does not match %s", s, arg)
			}
		case "minimum":
			if n, ok := x.(float64); ok && n < arg.(float64) {
				fail("%v is below %v", n, arg)
			}
		case "oneOf":
			valid := 0
			for _, option := range arg.([]any) {
				if len(v.value(path, option.(map[string]any), x)) == 0 {
					valid++
				}
			}
			if valid != 1 {
				fail("%v fits %d of oneOf", x, valid)
			}
		case "required":
			m, _ := x.(map[string]any)
			for _, key := range arg.([]any) {
				if _, ok := m[key.(string)]; !ok {
					fail("lacks %s", key)
				}
			}
		case "items":
			list, _ := x.([]any)
			for i, item := range list {
				problems = append(problems, v.value(fmt.Sprintf("%s[%d]", path, i), arg.(map[string]any), item)...)
			}
		case "properties", "additionalProperties":
		default:
			v.t.Fatalf("the schema uses %q, which this test does not know", word)
		}
	}
	return append(problems, v.properties(path, schema, x)...)
}

func (v *validator) properties(path string, schema map[string]any, x any) (problems []string) {
	v.t.Helper()
	m, _ := x.(map[string]any)
	known, _ := schema["properties"].(map[string]any)
	for key, value := range m {
		if s, ok := known[key]; ok {
			problems = append(problems, v.value(path+"."+key, s.(map[string]any), value)...)
		} else if s, ok := schema["additionalProperties"].(map[string]any); ok {
			problems = append(problems, v.value(path+"."+key, s, value)...)
		} else if schema["additionalProperties"] == false {
			problems = append(problems, path+": unknown key "+key)
		}
	}
	return problems
}

func isType(name string, x any) bool {
	switch x := x.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && x == float64(int64(x))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}
