package equivalence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A golden is what is stored of one API: every request, and what the broker with ACLs answers to whom. Fields that are
// zero are left out, and of those that grow from case to case only it is kept that they are set.
type golden struct {
	key     int16
	entries []*entry
	index   map[string]*entry
}

// An entry is one request with all answers to it.
type entry struct {
	Mode    mode     `json:"mode"`
	Script  string   `json:"script"`
	Step    int      `json:"step"`
	Request any      `json:"request"`
	Answers []*reply `json:"answers"`
}

// A reply goes to users in versions.
type reply struct {
	To       map[string]string `json:"to"` // user: versions
	Response any               `json:"response"`
	versions map[string][]int16
}

const goldenDir = "../testdata/equivalence"

func newGolden(key int16) *golden { return &golden{key: key, index: map[string]*entry{}} }

func (g *golden) add(c *testCase, step int, x exchange) {
	request, response := stored(x.request), stored(x.response)
	at := fmt.Sprintf("%s/%s/%d/%s", c.mode, c.script.name, step, compact(request))
	e := g.index[at]
	if e == nil {
		e = &entry{Mode: c.mode, Script: c.script.name, Step: step + 1, Request: request}
		g.index[at] = e
		g.entries = append(g.entries, e)
	}
	e.add(c, response)
}

func (e *entry) add(c *testCase, response any) {
	for _, a := range e.Answers {
		if same(a.Response, response) {
			a.add(c)
			return
		}
	}
	a := &reply{Response: response, versions: map[string][]int16{}}
	a.add(c)
	e.Answers = append(e.Answers, a)
}

func (a *reply) add(c *testCase) {
	a.versions[c.user] = append(a.versions[c.user], c.version)
	a.To = map[string]string{}
	for user, versions := range a.versions {
		a.To[user] = ranges(versions)
	}
}

// ranges prints versions that are in order: 0-3,5.
func ranges(versions []int16) string {
	var all []string
	for i := 0; i < len(versions); {
		j := i
		for j+1 < len(versions) && versions[j+1] == versions[j]+1 {
			j++
		}
		if i == j {
			all = append(all, strconv.Itoa(int(versions[i])))
		} else {
			all = append(all, fmt.Sprintf("%d-%d", versions[i], versions[j]))
		}
		i = j + 1
	}
	return strings.Join(all, ",")
}

// same compares answers in which lists may be in another order: brokers hash ids that they draw.
func same(a, b any) bool { return compact(sortedLists(a)) == compact(sortedLists(b)) }

func sortedLists(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			out[name] = sortedLists(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = sortedLists(v[i])
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(compact(a), compact(b)) })
		return out
	}
	return v
}

// check holds what happened against what is stored, or stores it.
func (g *golden) check(t *testing.T) {
	t.Helper()
	path := filepath.Join(goldenDir, fmt.Sprintf("%02d_%s.json", g.key, kmsg.NameForKey(g.key)))
	text := g.text()
	if *record {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v: store it with go test ./equivalence -record", err)
		return
	}
	for _, wrong := range changes(want, text) {
		t.Errorf("%s: %s", path, wrong)
	}
}

// changes lists requests and answers that are in one of two texts.
func changes(want, got []byte) (wrong []string) {
	var a, b struct{ Cases []any }
	if err := json.Unmarshal(want, &a); err != nil {
		return []string{err.Error()}
	}
	if err := json.Unmarshal(got, &b); err != nil {
		return []string{err.Error()}
	}
	stored, now := ordered(anyList(sortedLists(a.Cases))), ordered(anyList(sortedLists(b.Cases)))
	for _, s := range stored {
		if !slices.Contains(now, s) {
			wrong = append(wrong, fmt.Sprintf("no longer so: %.2000s", s))
		}
	}
	for _, s := range now {
		if !slices.Contains(stored, s) {
			wrong = append(wrong, fmt.Sprintf("not stored: %.2000s", s))
		}
	}
	return wrong
}

func anyList(v any) []any { return v.([]any) }

// text is the file: one request, and one answer, on a line each.
func (g *golden) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"api\": %q, \"key\": %d, \"cases\": [", kmsg.NameForKey(g.key), g.key)
	for i, e := range g.entries {
		separate(&b, i)
		fmt.Fprintf(&b, "{\"mode\": %q, \"script\": %q, \"step\": %d, \"request\": %s, \"answers\": [", e.Mode, e.Script, e.Step, compact(e.Request))
		for j, a := range e.Answers {
			separate(&b, j)
			fmt.Fprintf(&b, "  {\"to\": %s, \"response\": %s}", compact(a.To), compact(a.Response))
		}
		b.WriteString("]}")
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteString(",")
	}
	b.WriteString("\n")
}

// growing are fields that differ from case to case because cases write.
var growing = map[string]bool{
	"BaseOffset": true, "HighWatermark": true, "LastStableOffset": true, "Offset": true, "EndOffset": true,
	"LogStartOffset": true, "LogEndOffset": true, "CommittedOffset": true, "LowWatermark": true, "StartOffset": true,
	"RecordBatches": true, "Lag": true, "LeaderEpoch": true, "GroupEpoch": true, "AssignmentEpoch": true, "MemberEpoch": true,
	"ActiveProducers": true, "LastSequence": true, "FirstOffset": true, "LastOffset": true, "Records": true,
}

// stored is the form in which a message is kept: of elements that look alike the first.
func stored(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if x := storedField(name, v[name]); x != nil {
				out[name] = x
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		seen := map[string]bool{}
		for _, x := range v {
			x = stored(x)
			if text := compact(x); !seen[text] {
				seen[text] = true
				out = append(out, x)
			}
		}
		if len(out) > 12 { // in an order of their own: brokers hash ids that they draw
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(compact(sortedLists(a)), compact(sortedLists(b))) })
			return append(out[:3:3], fmt.Sprintf("and %d more", len(out)-3))
		}
		return out
	case string:
		return baseName(v)
	}
	return v
}

func storedField(name string, v any) any {
	if v == nil || reflect.ValueOf(v).IsZero() || unset(v) {
		return nil
	}
	if n := reflect.ValueOf(v); growing[name] && (!n.CanInt() || n.Int() > 0) {
		return "GROWS"
	}
	return stored(v)
}

// unset says whether v is a message's part of which every field is -1, as the optional parts of a partition are.
func unset(v any) bool {
	fields, ok := v.(map[string]any)
	for _, x := range fields {
		n := reflect.ValueOf(x)
		ok = ok && n.IsValid() && n.CanInt() && n.Int() == -1
	}
	return ok && len(fields) > 0
}

// withoutFresh takes what cases made out of an answer that lists everything.
func withoutFresh(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			v[name] = withoutFresh(x)
		}
	case []any:
		var left []any
		for _, x := range v {
			if !hasFresh(compact(x)) || holdsLists(x) {
				left = append(left, withoutFresh(x))
			}
		}
		return left
	}
	return v
}

// holdsLists says whether an element is a list's holder, as a log directory is of topics, not a thing itself.
func holdsLists(v any) bool {
	fields, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for name := range fields {
		if name == "Topics" || name == "ConfigResources" {
			return true
		}
	}
	return false
}

// withoutServed takes out of an answer to a share group's member the partitions of which it got something, or nothing
// because nothing was ready.
func withoutServed(v any) any {
	fields, ok := v.(map[string]any)
	if !ok {
		return v
	}
	list, _ := fields["Topics"].([]any)
	var topics []any
	for _, t := range list {
		t := t.(map[string]any)
		partitions, _ := t["Partitions"].([]any)
		t["Partitions"] = slices.DeleteFunc(partitions, served)
		if len(t["Partitions"].([]any)) > 0 {
			topics = append(topics, t)
		}
	}
	fields["Topics"] = topics
	return fields
}

// served says whether a partition has no error but that nothing of it was acquired before.
func served(partition any) bool {
	const notAcquired = 121
	for _, name := range []string{"ErrorCode", "AcknowledgeErrorCode"} {
		if code, ok := partition.(map[string]any)[name].(int16); ok && code != 0 && code != notAcquired {
			return false
		}
	}
	return true
}
