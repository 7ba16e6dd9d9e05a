package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
)

// TestBadPoliciesDoNotLoad: what is wrong with each is said with file, line and column where it has one.
func TestBadPoliciesDoNotLoad(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		want  string
	}{
		{"syntax", rules("decision := {\"allow\": true\n\nx := 1"), "policy.rego:5:1: "},
		{"a misspelt field", rules(`decision := {"allow": true} if input.principle.name == "erp"`), `policy.rego:3:32: undefined ref: input.principle.name`},
		{"a misspelt field deep down", rules("decision := {\"allow\": true} if {\n\tx := input.client\n\tx.tls.sans[_] == \"a\"\n}"), `policy.rego:5:2: undefined ref: `},
		{"a misspelt field in a rule nobody asks", rules("decision := {\"allow\": true}\n\nunused if input.colour"), "policy.rego:5:11: undefined ref: input.colour"},
		{"a number compared with a string", rules(`decision := {"allow": true} if input.request.version == "17"`), "policy.rego:3:32: match error"},
		{"unsafe variable", rules(`decision := {"allow": x}`), "policy.rego:3:23: var x is unsafe"},
		{"a rule that calls itself", rules("decision := {\"allow\": a}\n\na if b\n\nb if a"), "policy.rego:5:1: rule data.doorkeeper.a is recursive"},
		{"no entry point", rules(`decide := {"allow": true}`), "there is no rule data.doorkeeper.decision"},
		{"an entry point that is no path", Rules{Files: rules("x := 1").Files, Decision: "decision"}, `decision "decision": want the path of a rule`},
		{"an entry point with a variable", Rules{Files: rules("x := 1").Files, Decision: "data.doorkeeper[x]"}, "want the path of a rule"},
		{"no rules", Rules{Files: map[string][]byte{"data.json": []byte("{}")}, Origin: "there"}, "there: no rules there"},
		{"http.send", rules(`decision := {"allow": http.send({"method": "get", "url": "http://localhost"}).body}`), "policy.rego:3:23: undefined function http.send"},
		{"opa.runtime", rules(`decision := {"allow": opa.runtime().env.X == "1"}`), "undefined function opa.runtime"},
		{"net.lookup_ip_addr", rules(`decision := {"allow": net.lookup_ip_addr("localhost") == set()}`), "undefined function net.lookup_ip_addr"},
		{"rand.intn", rules(`decision := {"allow": rand.intn("x", 2) == 1}`), "undefined function rand.intn"},
		{"uuid.rfc4122", rules(`decision := {"allow": uuid.rfc4122("x") == "1"}`), "undefined function uuid.rfc4122"},
		{"a field of the answer that is misspelt", rules(`decision := {"allow": true, "resaon": "x"}`), "policy.rego:3:29: field resaon is not known"},
		{"a field of the answer beside it that is misspelt", rules("decision.allow := true\n\ndecision.resaon := \"x\""), "policy.rego:5:1: field resaon is not known"},
		{"a misspelt field of an else", rules("decision := {\"allow\": true} if input.cluster\nelse := {\"alow\": false}"), "policy.rego:4:10: field alow is not known"},
		{"a misspelt limit", rules("rate := 1\n\ndecision := {\"allow\": true, \"limits\": {\"fetch_byte_per_second\": rate}}"), "policy.rego:5:40: field limits.fetch_byte_per_second is not known"},
		{"a field of the answer of the wrong type", rules(`decision := {"allow": "yes"}`), "policy.rego:3:14: field allow is a string; want true or false"},
		{"an answer without allow", rules(`decision := {"reason": "x"}`), "policy.rego:3:13: field allow is missing"},
		{"an answer that is no object", rules(`decision := true`), "policy.rego:3:13: it is a boolean; want an object"},
		{"bad JSON", Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\ndecision := {\"allow\": true}"), "a/data.json": []byte("{")}}, "a/data.json: "},
		{"a list at the root", Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\ndecision := {\"allow\": true}"), "data.json": []byte("[]")}}, "data.json: data at the root must be an object"},
		{"data twice", Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\ndecision := {\"allow\": true}"), "a/x.json": []byte(`{"k":1}`), "a/y.yaml": []byte("k: 2")}}, "a/y.yaml: data.a.k is also in a/x.json"},
		{"data where a rule is", Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\ndecision := {\"allow\": true}"), "doorkeeper/data.json": []byte(`{"decision":{"allow":true}}`)}}, "policy.rego:2:1: "},
		{"data.grants", Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\ndecision := {\"allow\": true}"), "data.json": []byte(`{"grants":{}}`)}}, "data.json: data.grants is where doorkeeper puts the running grants"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(Options{Rules: c.rules})
			if err == nil {
				t.Fatal("it loaded")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q\nwant it to say %q", err, c.want)
			}
			good := newEngine(t, Options{Rules: rules(`decision := {"allow": true}`)})
			before := good.Status()
			if err := good.Apply(Options{Rules: c.rules}); err == nil {
				t.Fatal("it was applied")
			}
			after := good.Status()
			if after.Err == nil || after.Revision != before.Revision || after.Epoch != before.Epoch {
				t.Errorf("a bad policy left a trace: %+v, before %+v", after, before)
			}
			s := testSession()
			if d := good.Session(s).Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders")); d.Stops() {
				t.Errorf("the good policy does not decide any more: %+v", d)
			}
		})
	}
}

// TestWhatAPolicySays: each answer of a policy and what becomes of it.
func TestWhatAPolicySays(t *testing.T) {
	// The fields are made in ways that the compiler cannot see through, as data would.
	for _, c := range []struct {
		name, answer string
		verdict      access.Verdict
		reason       string
	}{
		{"yes", `{"allow": true}`, access.Allow, ""},
		{"no", `{"allow": false, "reason": "so"}`, access.Deny, "so"},
		{"allow is no boolean", `{"allow": "true"}`, access.Refuse, "field allow is a string; want true or false"},
		{"allow is null", `{"allow": null}`, access.Refuse, "field allow is null; want true or false"},
		{"allow is missing", `{"reason": "x"}`, access.Refuse, "field allow is missing"},
		{"not an object", `true`, access.Refuse, "it is a boolean; want an object with the field allow"},
		{"null", `null`, access.Refuse, "it is null; want an object with the field allow"},
		{"an unknown field", `{"allow": true, "alow": true}`, access.Refuse, "field alow is not known"},
		{"rule is a number", `{"allow": true, "rule": 1}`, access.Refuse, "field rule is a number; want a string"},
		{"reason is a list", `{"allow": true, "reason": ["x"]}`, access.Refuse, "field reason is an array; want a string"},
		{"enforce is a string", `{"allow": true, "enforce": "no"}`, access.Refuse, "field enforce is a string; want true or false"},
		{"limits is a number", `{"allow": true, "limits": 1}`, access.Refuse, "field limits is a number; want an object"},
		{"an unknown limit", `{"allow": true, "limits": {"fetch_bytes": 1}}`, access.Refuse, "field limits.fetch_bytes is not known"},
		{"a rate as a string", `{"allow": true, "limits": {"fetch_bytes_per_second": "10"}}`, access.Refuse, "field limits.fetch_bytes_per_second is a string; want a number"},
		{"a rate of nothing", `{"allow": true, "limits": {"fetch_bytes_per_second": 0}}`, access.Refuse, "field limits.fetch_bytes_per_second is 0; want a number from 1"},
		{"a rate below nothing", `{"allow": true, "limits": {"produce_bytes_per_second": -1}}`, access.Refuse, "field limits.produce_bytes_per_second is -1; want a number from 1"},
		{"a broken rate", `{"allow": true, "limits": {"fetch_bytes_per_second": 1.5}}`, access.Refuse, "field limits.fetch_bytes_per_second is 1.5; want a whole number"},
		{"a rate without end", `{"allow": true, "limits": {"fetch_bytes_per_second": 1e300}}`, access.Refuse, "field limits.fetch_bytes_per_second is 1e300; want a whole number"},
		{"a whole rate written with an exponent", `{"allow": true, "limits": {"fetch_bytes_per_second": 1e6}}`, access.Allow, ""},
		{"budgets is an object", `{"allow": true, "limits": {"budgets": {}}}`, access.Refuse, "field limits.budgets is an object; want a list"},
		{"a budget of neither", `{"allow": true, "limits": {"budgets": [{"window": "1h"}]}}`, access.Refuse, "field limits.budgets[0] wants one of bytes and messages"},
		{"a budget of both", `{"allow": true, "limits": {"budgets": [{"window": "1h", "bytes": 1, "messages": 1}]}}`, access.Refuse, "field limits.budgets[0] wants one of bytes and messages"},
		{"a budget without a window", `{"allow": true, "limits": {"budgets": [{"bytes": 1}]}}`, access.Refuse, "field limits.budgets[0] wants a window"},
		{"a window that is a number", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": 3600}]}}`, access.Refuse, "field limits.budgets[0].window is a number; want a duration"},
		{"a window that is none", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": "soon"}]}}`, access.Refuse, `field limits.budgets[0].window is "soon"; want a duration`},
		{"a window without end", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": "2000000d"}]}}`, access.Refuse, `field limits.budgets[0].window is "2000000d"; want a duration`},
		{"a budget's key is a list", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": "1h", "key": []}]}}`, access.Refuse, "field limits.budgets[0].key is an array; want a string"},
		{"an unknown field of a budget", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": "1h", "per": "x"}]}}`, access.Refuse, "field limits.budgets[0].per is not known"},
		{"too many budgets", `{"allow": true, "limits": {"budgets": [{"bytes": 1, "window": "1h", "key": sprintf("k%d", [i])} | some i in numbers.range(1, 17)]}}`, access.Refuse, "field limits.budgets has 17 budgets; want at most 16"},
		{"a read_from of nothing", `{"allow": true, "limits": {"read_from": {}}}`, access.Refuse, "field limits.read_from wants max_behind, max_age or both"},
		{"an age that is a number", `{"allow": true, "limits": {"read_from": {"max_age": 3600}}}`, access.Refuse, "field limits.read_from.max_age is a number; want a duration"},
		{"labels of numbers", `{"allow": true, "labels": {"a": 1}}`, access.Refuse, `field labels has "a": a number; want strings`},
		{"too many labels", `{"allow": true, "labels": {sprintf("k%d", [i]): "x" | some i in numbers.range(1, 33)}}`, access.Refuse, "field labels has 33 labels; want at most 32"},
		{"an unknown mode of recording", `{"allow": true, "record": "all"}`, access.Refuse, `field record is "all"; want "coalesced", "each" or "hashed"`},
		{"an end that is none", `{"allow": true, "not_after": "tomorrow"}`, access.Refuse, `field not_after is "tomorrow"; want a time as RFC 3339`},
		{"an end that is a number", `{"allow": true, "not_after": 1}`, access.Refuse, "field not_after is a number; want a time as RFC 3339"},
		{"an end before time began", `{"allow": true, "not_after": "0001-01-01T00:00:00Z"}`, access.Deny, "it was allowed until 1970-01-01T00:00:00Z"},
		{"an end that never comes", `{"allow": true, "not_after": "9999-01-01T00:00:00Z"}`, access.Allow, ""},
		{"an end that has passed", `{"allow": true, "not_after": "2020-01-01T00:00:00Z"}`, access.Deny, "it was allowed until 2020-01-01T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decideOnce(t, rules("decision := json.unmarshal(json.marshal("+c.answer+"))"))
			if d.Verdict != c.verdict || !strings.Contains(d.Reason, c.reason) {
				t.Errorf("%s: %q\nwant %s: %q", d.Verdict, d.Reason, c.verdict, c.reason)
			}
		})
	}
}

func decideOnce(t *testing.T, r Rules) *access.Decision {
	t.Helper()
	s := testSession()
	return newEngine(t, Options{Rules: r}).Session(s).Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders"))
}

// TestEverythingThatAPolicyCanSay reaches the decision.
func TestEverythingThatAPolicyCanSay(t *testing.T) {
	d := decideOnce(t, rules(`decision := {
	"allow": true, "rule": "r", "reason": "because", "record": "hashed", "labels": {"team": "x"}, "not_after": "2100-01-01T00:00:00Z",
	"limits": {
		"fetch_bytes_per_second": 1, "produce_bytes_per_second": 2, "burst_bytes": 3,
		"budgets": [{"bytes": 4, "window": "7d"}, {"messages": 5, "window": "1h30m", "key": "team"}],
		"read_from": {"max_behind": 6, "max_age": "1d"},
	},
}`))
	l := d.Limits
	ok := d.Verdict == access.Allow && d.Enforced && d.Rule == "r" && d.Reason == "because" && d.Record == access.Hashed && d.Labels["team"] == "x" &&
		d.NotAfter.Equal(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) && strings.HasPrefix(d.Policy, "sha256:") &&
		l.FetchBytesPerSecond == 1 && l.ProduceBytesPerSecond == 2 && l.BurstBytes == 3 && len(l.Budgets) == 2 &&
		l.Budgets[0] == access.Budget{Bytes: 4, Window: 7 * 24 * time.Hour, Key: "principal"} &&
		l.Budgets[1] == access.Budget{Messages: 5, Window: 90 * time.Minute, Key: "team"} &&
		*l.ReadFrom == access.ReadFrom{MaxBehind: 6, MaxAge: 24 * time.Hour}
	if !ok {
		t.Errorf("got %+v, limits %+v", d, l)
	}
}

// TestEvaluationsThatFail refuse, say where, and are not kept.
func TestEvaluationsThatFail(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		want  string
	}{
		{"a conflict", rules("decision := {\"allow\": true} if input.listener\n\ndecision := {\"allow\": false} if input.cluster"), "policy.rego:5:1: rule data.doorkeeper.decision produced conflicting values: {\"allow\": true} at policy.rego:3; {\"allow\": false} at policy.rego:5"},
		{"a conflict of a field", rules("allow := true if input.listener\n\nallow := false if input.cluster\n\ndecision := {\"allow\": allow}"), "policy.rego:5:1: rule data.doorkeeper.allow produced conflicting values"},
		// Without strict builtin errors the denial would be undefined, and the read allowed.
		{"a builtin that fails in a denial", rules("deny if to_number(input.client.id) > 10\n\ndecision := {\"allow\": false} if deny\nelse := {\"allow\": true}"), "policy.rego:3:9: "},
		{"a key that is no string", rules(`decision := {"allow": true, 1: 2} if input.cluster`), "is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, Options{Rules: c.rules})
			s := testSession()
			session := e.Session(s)
			for range 2 {
				d := session.Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders"))
				if d.Verdict != access.Refuse || !d.Stops() || d.Cached || !strings.Contains(d.Reason, c.want) {
					t.Errorf("%+v; want a refusal that says %q", d, c.want)
				}
			}
			if n := e.Stats(); n.Evaluations != 2 || n.Errors != 2 || n.Hits != 0 {
				t.Errorf("stats %+v; want two evaluations that failed, and no hit", n)
			}
			if last := e.Stats().Last; last == nil || last.At.IsZero() || !strings.Contains(last.Reason, c.want) {
				t.Errorf("the last failure is %+v; want %q", last, c.want)
			}
		})
	}
}

// endless takes until the end of the world, one step at a time.
const endless = `decision := {"allow": true} if {
	some a in numbers.range(1, 1000)
	some b in numbers.range(1, 1000)
	some c in numbers.range(1, 1000)
	a + b + c == 5000 + count(input.action.resource.name)
}`

// TestDeadline: what takes too long is refused and ends, and the principal whose question it was gets no more than two of
// them at a time.
func TestDeadline(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(endless), Deadline: time.Millisecond})
	s := testSession()
	session := e.Session(s)
	for range 3 {
		if d := session.Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders")); d.Verdict != access.Refuse || d.Cached || d.Reason != errDeadline.Error() && d.Reason != errBehind.Error() {
			t.Errorf("%+v; want a refusal for the deadline", d)
		}
	}
	if n := e.Stats(); n.Deadlines < 2 || n.Errors != 3 {
		t.Errorf("stats %+v; want three errors, two deadlines or more", n)
	}
	waitFor(t, "the evaluations that were left behind end", func() bool { return e.running.evaluator.idle() })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 3000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("after 30 s it is still not so that %s", what)
}

func (e *evaluator) left() (behind, tenants int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.behind, len(e.turns)
}

// idle says whether nothing runs and nothing is kept.
func (e *evaluator) idle() bool {
	behind, tenants := e.left()
	return behind == 0 && tenants == 0
}

// TestLeftBehindIsBounded: one principal's slow questions take nobody else's place, and all of them together are bounded.
func TestLeftBehindIsBounded(t *testing.T) {
	var e evaluator
	leave := func(key string) *turns {
		turn, _, err := e.enter(key, time.Second)
		if err != nil {
			t.Fatalf("no room for %s: %v", key, err)
		}
		e.leave(turn)
		e.exit(turn)
		return turn
	}
	var first *turns
	for range maxBehindPrincipal {
		first = leave("User:thief")
	}
	if _, _, err := e.enter("User:thief", time.Second); !errors.Is(err, errBehind) {
		t.Errorf("one principal may leave any number behind: %v", err)
	}
	held := map[string]*turns{}
	for i := range maxBehind - maxBehindPrincipal {
		name := fmt.Sprint("User:", i)
		held[name] = leave(name)
	}
	if _, _, err := e.enter("User:last", time.Second); !errors.Is(err, errBehind) {
		t.Errorf("any number may be left behind: %v", err)
	}
	e.ended(first)
	for _, name := range []string{"User:thief", "User:last"} {
		turn, _, err := e.enter(name, time.Second)
		if err != nil {
			t.Errorf("the room of one that ended is lost for %s: %v", name, err)
			continue
		}
		e.exit(turn)
	}
	e.ended(first)
	for _, turn := range held {
		e.ended(turn)
	}
	if !e.idle() {
		t.Error("something is kept after all of it ended")
	}
}

// TestTurns: a principal's questions wait for each other, and nobody else's do.
func TestTurns(t *testing.T) {
	var e evaluator
	at := max(1, runtime.GOMAXPROCS(0)/2)
	for range at {
		if _, _, err := e.enter("User:noisy", time.Second); err != nil {
			t.Fatal(err)
		}
	}
	turn, _, err := e.enter("User:quiet", time.Nanosecond)
	if err != nil {
		t.Fatalf("another principal waits: %v", err)
	}
	e.exit(turn)
	if _, _, err := e.enter("User:noisy", time.Millisecond); !errors.Is(err, errBusy) {
		t.Errorf("more than %d at a time: %v", at, err)
	}
	noisy := e.turns["User:noisy"]
	next := make(chan *turns)
	go func() {
		turn, _, err := e.enter("User:noisy", time.Minute)
		if err != nil {
			t.Errorf("the next one does not get its turn: %v", err)
		}
		next <- turn
	}()
	for range at {
		e.exit(noisy)
	}
	if turn := <-next; turn != nil {
		e.exit(turn)
	}
	if !e.idle() {
		t.Error("something is kept after all of it ended")
	}
	s := testSession()
	w := &who{session: s, identity: &access.Identity{Principal: access.Anonymous}}
	if w.tenant() != "User:ANONYMOUS@10.1.2.3" {
		t.Errorf("those who say no name wait for each other: %s", w.tenant())
	}
}

// TestIllegalNames never reach a policy, even one that allows everything.
func TestIllegalNames(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true}`)})
	s := testSession()
	session := e.Session(s)
	long := strings.Repeat("x", 1025)
	group := func(name string) *access.Action {
		return &access.Action{Operation: access.OpRead, Type: access.ResGroup, Name: name}
	}
	for _, c := range []struct {
		name      string
		principal string
		action    *access.Action
		verdict   access.Verdict
	}{
		{"a topic", "User:erp", topic(access.OpRead, "a-B_9.x"), access.Allow},
		{"all topics", "User:erp", topic(access.OpDescribe, access.AllResources), access.Allow},
		{"the longest topic", "User:erp", topic(access.OpRead, strings.Repeat("x", 249)), access.Allow},
		{"too long a topic", "User:erp", topic(access.OpRead, strings.Repeat("x", 250)), access.Deny},
		{"no name", "User:erp", topic(access.OpRead, ""), access.Deny},
		{"dot", "User:erp", topic(access.OpRead, "."), access.Deny},
		{"dots", "User:erp", topic(access.OpRead, ".."), access.Deny},
		{"slash", "User:erp", topic(access.OpRead, "a/b"), access.Deny},
		{"line", "User:erp", topic(access.OpRead, "a\n"), access.Deny},
		{"NUL", "User:erp", topic(access.OpRead, "a\x00"), access.Deny},
		{"letters that only look like others", "User:erp", topic(access.OpRead, "pаyroll"), access.Deny},
		{"full width", "User:erp", topic(access.OpRead, "ｐayroll"), access.Deny},
		{"not UTF-8", "User:erp", topic(access.OpRead, "a\xff"), access.Deny},
		{"a group of any letters", "User:erp", group("Gruppe Ä/1"), access.Allow},
		{"a group that is not UTF-8", "User:erp", group("a\xff"), access.Deny},
		{"a group that is too long", "User:erp", group(long), access.Deny},
		{"a principal that is not UTF-8", "User:\xc3", topic(access.OpRead, "a"), access.Deny},
		{"a principal that is too long", "User:" + long, topic(access.OpRead, "a"), access.Deny},
	} {
		if d := session.Decide(testRequest(s, c.principal), c.action); d.Verdict != c.verdict {
			t.Errorf("%s: %s (%s); want %s", c.name, d.Verdict, d.Reason, c.verdict)
		}
	}
	// A group beside the action is judged where the policy reads it.
	e = newEngine(t, Options{Rules: rules(`decision := {"allow": true} if input.request.group != "x"`)})
	r := testRequest(s, "User:erp")
	r.Group = "x\xff"
	if d := e.Session(s).Decide(r, topic(access.OpRead, "a")); d.Verdict != access.Deny {
		t.Errorf("a group that is not UTF-8 in the request: %+v", d)
	}
}

// TestReadPaths: where data stands, what runs, and what errors call a file.
func TestReadPaths(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"one/policy.rego":           "package doorkeeper\ndecision := {\"allow\": data.a.b.k == data.top}",
		"one/policy_test.rego":      "package doorkeeper\ntest_no if false\nthis does not even parse",
		"one/a/b/whatever.yaml":     "k: 7",
		"one/top.json":              "\ufeff{\"top\": 7}",
		"one/empty.yml":             "",
		"one/readme.md":             "no policy",
		"one/.hidden/x.rego":        "no policy",
		"one/.hidden.rego":          "no policy",
		"two/policy.rego":           "package more\nx := 1",
		"two/a/b/whatever.yaml":     "l: 8",
		"single.json":               `{"single": 1}`,
		"..data/never/read/it.json": "{",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) (list []string) {
		for _, n := range names {
			list = append(list, filepath.Join(dir, n))
		}
		return list
	}
	r, err := ReadPaths(in("one", "two", "single.json"))
	if err != nil {
		t.Fatal(err)
	}
	if d := decideOnce(t, r); d.Verdict != access.Allow {
		t.Errorf("%+v", d)
	}
	document, err := r.document()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(document); got != "map[a:map[b:map[k:7 l:8]] single:1 top:7]" {
		t.Errorf("data %s", got)
	}
	again, err := ReadPaths(in("two", "single.json", "one"))
	if err != nil {
		t.Fatal(err)
	}
	one, err := ReadPaths(in("one"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Revision() == one.Revision() {
		t.Error("the revision does not tell what was loaded")
	}
	if _, err := New(Options{Rules: again}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ path, want string }{
		{"none", "none"}, {"one/readme.md", "neither rules (.rego) nor data"},
	} {
		if _, err := ReadPaths(in(c.path)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "one/policy.rego"), []byte("package doorkeeper\ndecision := "), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err = ReadPaths(in("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = New(Options{Rules: r}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "one/policy.rego")+":2:") {
		t.Errorf("the error does not say the file as it was given: %v", err)
	}
}

// TestArchive: what is kept of a policy is whole, and its digest is the revision.
func TestArchive(t *testing.T) {
	r := realisticRules(10, 10, 10)
	r.Files["policy_test.rego"] = []byte("not part of it")
	b, err := r.Archive()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadArchive(b)
	if err != nil {
		t.Fatal(err)
	}
	if back.Revision() != r.Revision() || back.Origin != r.Revision() {
		t.Errorf("came back as %s from %s, was %s", back.Revision(), back.Origin, r.Revision())
	}
	if d := decideOnce(t, back); d.Policy != r.Revision() {
		t.Errorf("it decides as %s", d.Policy)
	}
	r.Data["catalog"] = map[string]any{}
	if back.Revision() == r.Revision() {
		t.Error("the catalog is not in the revision")
	}
	for _, bad := range []string{"", "{}", `{"input":"rego"}`} {
		if _, err := ReadArchive([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
