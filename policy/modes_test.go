package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
)

func ask(e *Engine, principal string, a *access.Action) *access.Decision {
	s := testSession()
	return e.Session(s).Decide(testRequest(s, principal), a)
}

// TestImplied: who may read, write, delete or alter may describe; who may alter the configuration may read it. A policy in
// Kafka's own terms is asked what Kafka asks.
func TestImplied(t *testing.T) {
	for _, c := range []struct {
		has, asked access.Operation
		verdict    access.Verdict
	}{
		{access.OpRead, access.OpDescribe, access.Allow},
		{access.OpWrite, access.OpDescribe, access.Allow},
		{access.OpDelete, access.OpDescribe, access.Allow},
		{access.OpAlter, access.OpDescribe, access.Allow},
		{access.OpAlterConfigs, access.OpDescribeConfigs, access.Allow},
		{access.OpCreate, access.OpDescribe, access.Deny},
		{access.OpAlterConfigs, access.OpDescribe, access.Deny},
		{access.OpAlter, access.OpDescribeConfigs, access.Deny},
		{access.OpDescribe, access.OpRead, access.Deny},
		{access.OpDescribeConfigs, access.OpAlterConfigs, access.Deny},
	} {
		own := newEngine(t, Options{Rules: rules(fmt.Sprintf(`decision := {"allow": input.action.operation == %q, "rule": "r", "limits": {"burst_bytes": 1}}`, c.has))})
		d := ask(own, "User:erp", topic(c.asked, "orders"))
		if d.Verdict != c.verdict {
			t.Errorf("%s asked with %s: %s", c.asked, c.has, d.Verdict)
		}
		if d.Limits != nil {
			t.Errorf("%s asked with %s: limits of the other operation apply", c.asked, c.has)
		}
		kafka := newEngine(t, Options{Rules: Rules{
			Input: OPAKafka, Files: map[string][]byte{"p.rego": fmt.Appendf(nil, "package kafka.authz\n\nallow if input.action.operation == %q", c.has)},
		}})
		if d := ask(kafka, "User:erp", topic(c.asked, "orders")); d.Verdict != access.Deny {
			t.Errorf("opa-kafka: %s asked with %s: %s", c.asked, c.has, d.Verdict)
		}
	}
	// An error of the stronger question is an error: nobody knows whether it would have allowed.
	broken := newEngine(t, Options{Rules: rules("decision := {\"allow\": false} if input.action.operation == \"DESCRIBE\"\n\ndecision := {\"allow\": to_number(input.client.id) > 1} if input.action.operation == \"WRITE\"")})
	if d := ask(broken, "User:erp", topic(access.OpDescribe, "orders")); d.Verdict != access.Refuse {
		t.Errorf("an error behind an implied operation: %+v", d)
	}
}

// TestNone: what Kafka's authorizer is not asked is allowed unless a policy denies it by name.
func TestNone(t *testing.T) {
	for _, c := range []struct {
		name    string
		rules   Rules
		verdict access.Verdict
	}{
		{"denies all, and does not know NONE", rules(`decision := {"allow": false}`), access.Allow},
		{"names it and is undefined", rules(`decision := {"allow": true} if input.action.operation != "NONE"`), access.Allow},
		{"denies it", rules(`decision := {"allow": input.action.operation != "NONE"}`), access.Deny},
		{"fails on it", rules(`decision := {"allow": to_number(input.client.id) == 1} if input.action.operation == "NONE"`), access.Refuse},
		{"opa-kafka", Rules{Input: OPAKafka, Files: map[string][]byte{"p.rego": []byte("package kafka.authz\n\nallow := input.action.operation != \"NONE\"")}}, access.Allow},
	} {
		if d := ask(newEngine(t, Options{Rules: c.rules}), "User:erp", topic(access.OpNone, "orders")); d.Verdict != c.verdict {
			t.Errorf("%s: %s (%s); want %s", c.name, d.Verdict, d.Reason, c.verdict)
		}
	}
}

const sample = `package kafka.authz

# The shape of the plugin's own sample, in the Rego of its time.
default allow = false

allow {
	inter_broker_communication
}

allow {
	consume(input.action)
	on_own_topic(input.action)
	as_consumer
}

inter_broker_communication {
	input.requestContext.principal.name == "ANONYMOUS"
}

consume(action) {
	action.operation == "READ"
}

on_own_topic(action) {
	owner := trim(username, "-consumer")
	regex.match(owner, action.resourcePattern.name)
}

as_consumer {
	regex.match(".*-consumer", username)
}

username = cn_parts[0] {
	name := input.requestContext.principal.name
	startswith(name, "CN=")
	parsed := parse_user(name)
	cn_parts := split(parsed.CN, ".")
}
else = input.requestContext.principal.name {
	true
}

parse_user(user) = {key: value |
	parts := split(user, ",")
	[key, value] := split(parts[_], "=")
}
`

// TestKafkaPolicies run as they are.
func TestKafkaPolicies(t *testing.T) {
	r := Rules{Input: OPAKafka, Files: map[string][]byte{"kafka.rego": []byte(sample)}}
	e := newEngine(t, Options{Rules: r})
	for _, c := range []struct {
		principal string
		op        access.Operation
		topic     string
		verdict   access.Verdict
	}{
		{"User:alice-consumer", access.OpRead, "alice-topic", access.Allow},
		{"User:CN=alice-consumer.example.com,O=x", access.OpRead, "alice-topic", access.Allow},
		{"User:alice-consumer", access.OpRead, "bob-topic", access.Deny},
		{"User:alice-consumer", access.OpWrite, "alice-topic", access.Deny},
		{"User:ANONYMOUS", access.OpWrite, "alice-topic", access.Allow},
	} {
		d := ask(e, c.principal, topic(c.op, c.topic))
		if d.Verdict != c.verdict {
			t.Errorf("%s %s %s: %s (%s)", c.principal, c.op, c.topic, d.Verdict, d.Reason)
		}
	}
	for _, c := range []struct {
		rule    string
		verdict access.Verdict
		reason  string
	}{
		{`allow := "yes"`, access.Refuse, "it is a string; want true or false"},
		{`allow := {"allow": true}`, access.Refuse, "it is an object; want true or false"},
		{`allow if input.requestContext.header.name.clientId == input.requestContext.header.data.clientId`, access.Allow, ""},
		{`allow if input.no.such.field`, access.Deny, "the policy says nothing about it"},
		{`allow := to_number(input.requestContext.listenerName) > 1`, access.Refuse, "p.rego:3:10: "},
	} {
		e := newEngine(t, Options{Rules: Rules{Input: OPAKafka, Files: map[string][]byte{"p.rego": []byte("package kafka.authz\n\n" + c.rule)}}})
		if d := ask(e, "User:erp", topic(access.OpRead, "t")); d.Verdict != c.verdict || !strings.Contains(d.Reason, c.reason) {
			t.Errorf("%s: %s (%s); want %s (%s)", c.rule, d.Verdict, d.Reason, c.verdict, c.reason)
		}
	}
}

const limited = `
default allow := false

allow if input.action.operation == "READ"

decision := {"allow": allow, "rule": "r", "enforce": input.action.resource.name != "tried", "limits": {"fetch_bytes_per_second": 10, "budgets": [{"bytes": 1, "window": "1h"}]}}
`

// TestModes: what is carried out, and what is only said.
func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode     Mode
		op       access.Operation
		topic    string
		verdict  access.Verdict
		enforced bool
		stops    bool
		limits   string
		would    *access.Would
	}{
		{Enforce, access.OpRead, "orders", access.Allow, true, false, "kept", nil},
		{Enforce, access.OpWrite, "orders", access.Deny, true, true, "", nil},
		{Enforce, access.OpWrite, "a/b", access.Deny, true, true, "", nil},
		{Enforce, access.OpWrite, "tried", access.Deny, false, false, "", nil},
		{Enforce, access.OpRead, "tried", access.Allow, true, false, "watched", nil},
		{Monitor, access.OpRead, "orders", access.Allow, true, false, "watched", nil},
		{Monitor, access.OpWrite, "orders", access.Allow, true, false, "", &access.Would{Verdict: access.Deny, Rule: "r"}},
		{Monitor, access.OpWrite, "a/b", access.Allow, true, false, "", &access.Would{Verdict: access.Deny}},
		{Monitor, access.OpWrite, "tried", access.Allow, true, false, "", nil},
	} {
		e := newEngine(t, Options{Mode: c.mode, Rules: rules(limited)})
		s := testSession()
		session := e.Session(s)
		for range 2 { // then from the cache
			d := session.Decide(testRequest(s, "User:erp"), topic(c.op, c.topic))
			limits := ""
			if d.Limits != nil {
				limits = map[bool]string{false: "kept", true: "watched"}[d.Limits.Watched]
			}
			same := d.Would == nil && c.would == nil || d.Would != nil && c.would != nil && *d.Would == *c.would
			if d.Verdict != c.verdict || d.Enforced != c.enforced || d.Stops() != c.stops || limits != c.limits || !same {
				t.Errorf("%s: %s %s: %+v, limits %q, would %+v; want limits %q, would %+v", c.mode, c.op, c.topic, d, limits, d.Would, c.limits, c.would)
			}
		}
	}
	e := newEngine(t, Options{Mode: Monitor, Rules: rules(`decision := {"allow": to_number(input.client.id) == 1}`)})
	if d := ask(e, "User:erp", topic(access.OpRead, "orders")); d.Stops() || d.Would == nil || d.Would.Verdict != access.Refuse {
		t.Errorf("a failure in monitor mode: %+v, would %+v", d, d.Would)
	}
}

// TestCandidate: it is decided beside, and whatever it does changes nothing.
func TestCandidate(t *testing.T) {
	for _, c := range []struct {
		name      string
		candidate Rules
		verdict   access.Verdict
		reason    string
	}{
		{"allows", rules(`decision := {"allow": true, "rule": "c", "reason": "so"}`), access.Allow, "so"},
		{"denies", rules(`decision := {"allow": false, "rule": "c", "reason": "so"}`), access.Deny, "so"},
		{"undefined", rules(`decision := {"allow": true} if input.cluster == "x"`), access.Deny, errUndefined.Error()},
		{"fails", rules(`decision := {"allow": to_number(input.client.id) == 1}`), access.Refuse, "policy.rego:3:23"},
		{"never the same", rules(`decision := {"allow": time.now_ns() > 0}`), access.Allow, ""},
		{"in Kafka's terms", Rules{Input: OPAKafka, Files: map[string][]byte{"p.rego": []byte("package kafka.authz\n\nallow := false")}}, access.Deny, ""},
		{"reads the clock", rules(`decision := {"allow": input.time.hour >= 0}`), access.Allow, ""},
	} {
		e := newEngine(t, Options{Rules: rules(`decision := {"allow": true, "rule": "r"}`), Candidate: &c.candidate})
		s := testSession()
		session := e.Session(s)
		for range 3 {
			d := session.Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders"))
			if d.Stops() || d.Rule != "r" || !d.NotAfter.IsZero() || d.Limits != nil {
				t.Errorf("%s: it had a say: %+v", c.name, d)
			}
			if d.Candidate == nil || d.Candidate.Verdict != c.verdict || !strings.Contains(d.Candidate.Reason, c.reason) || d.Candidate.Policy != c.candidate.Revision() {
				t.Errorf("%s: candidate %+v; want %s (%s)", c.name, d.Candidate, c.verdict, c.reason)
			}
			if d.Policy == d.Candidate.Policy {
				t.Errorf("%s: both have one revision", c.name)
			}
		}
		if n := e.Stats(); n.Evaluations != 1 || n.Errors != 0 || n.Candidate.Evaluations != 1 {
			t.Errorf("%s: %d evaluations with %d errors, %d of the candidate; want one of each and no error", c.name, n.Evaluations, n.Errors, n.Candidate.Evaluations)
		}
	}
}

// TestCandidateWithoutRules: the first policy can be watched before there is one.
func TestCandidateWithoutRules(t *testing.T) {
	c := rules(`decision := {"allow": false}`)
	e := newEngine(t, Options{Candidate: &c})
	if d := ask(e, "User:erp", topic(access.OpRead, "orders")); d.Stops() || d.Candidate == nil || d.Candidate.Verdict != access.Deny {
		t.Errorf("%+v, candidate %+v", d, d.Candidate)
	}
}

// TestSlowCandidate: one that takes too long is not asked again for a while.
func TestSlowCandidate(t *testing.T) {
	c := rules(endless)
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	e, err := New(Options{Rules: rules(`decision := {"allow": true}`), Candidate: &c, Deadline: 250 * time.Millisecond, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if d := ask(e, "User:erp", topic(access.OpRead, fmt.Sprint("t", i))); d.Stops() && d.Verdict == access.Deny || d.Candidate.Verdict != access.Refuse {
			t.Fatalf("%+v, candidate %+v", d, d.Candidate)
		}
	}
	if n := e.Stats().Candidate.Evaluations; n != 1 {
		t.Errorf("it was asked %d times; want once", n)
	}
	now = now.Add(restAfter*250*time.Millisecond + 1)
	ask(e, "User:erp", topic(access.OpRead, "again"))
	if n := e.Stats().Candidate.Evaluations; n != 2 {
		t.Errorf("after its rest it was asked %d times; want 2", n)
	}
	waitFor(t, "what was left behind ends", func() bool { return e.trial.evaluator.idle() })
}

// TestTimeEnds: what read the clock holds to the end of the minute; what has an end of its own holds to there.
func TestTimeEnds(t *testing.T) {
	now := time.Date(2026, 11, 23, 17, 59, 20, 0, time.UTC)
	e := newEngine(t, Options{Now: func() time.Time { return now }, Rules: rules(`decision := {"allow": true} if input.time.hour < 18`)})
	s := testSession()
	session, r, a := e.Session(s), testRequest(s, "User:erp"), topic(access.OpRead, "orders")
	d := session.Decide(r, a)
	if end := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC); d.Verdict != access.Allow || !d.NotAfter.Equal(end) {
		t.Fatalf("%+v; want it allowed until %s", d, end)
	}
	now = now.Add(39 * time.Second)
	if d := session.Decide(r, a); !d.Cached || d.Verdict != access.Allow {
		t.Errorf("a second before the end: %+v", d)
	}
	now = now.Add(time.Second)
	if d := session.Decide(r, a); d.Cached || d.Verdict != access.Deny {
		t.Errorf("after the end: %+v", d)
	}
	now = now.Add(-time.Minute) // the clock was set back
	if d := session.Decide(r, a); d.Cached || d.Verdict != access.Allow {
		t.Errorf("after the clock was set back: %+v", d)
	}
	e = newEngine(t, Options{Now: func() time.Time { return now }, Rules: rules(`decision := {"allow": true, "not_after": "2026-11-23T18:30:00Z"}`)})
	session = e.Session(s)
	if d := session.Decide(r, a); d.NotAfter.Hour() != 18 || d.NotAfter.Minute() != 30 {
		t.Errorf("its own end: %+v", d)
	}
	now = now.Add(2 * time.Hour)
	if d := session.Decide(r, a); d.Cached || d.Verdict != access.Deny || d.Reason != "it was allowed until 2026-11-23T18:30:00Z" {
		t.Errorf("after its own end: %+v", d)
	}
}

// TestGrantsEnd by the clock alone: nobody has to take them back.
func TestGrantsEnd(t *testing.T) {
	start := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	now := start
	e := newEngine(t, Options{Now: func() time.Time { return now }, Rules: rules(`decision := {"allow": true} if {
	some grant in data.grants["User:alice"]
	grant.operation == input.action.operation
	grant.resource.name == input.action.resource.name
}`)})
	s := testSession()
	session, r, a := e.Session(s), testRequest(s, "User:alice"), topic(access.OpRead, "payroll")
	e.SetGrants([]Grant{{ID: "1", Principal: "User:alice", Operation: access.OpRead, Type: access.ResTopic, Name: "payroll", From: start.Add(time.Hour), Until: start.Add(2 * time.Hour)}})
	epochs := map[uint64]bool{}
	for _, c := range []struct {
		after    time.Duration
		verdict  access.Verdict
		notAfter time.Duration
	}{
		{0, access.Deny, time.Hour}, {time.Hour - 1, access.Deny, time.Hour}, {time.Hour, access.Allow, 2 * time.Hour},
		{2*time.Hour - 1, access.Allow, 2 * time.Hour}, {2 * time.Hour, access.Deny, 0},
	} {
		now = start.Add(c.after)
		d := session.Decide(r, a)
		end := time.Time{}
		if c.notAfter > 0 {
			end = start.Add(c.notAfter)
		}
		if d.Verdict != c.verdict || !d.NotAfter.Equal(end) {
			t.Errorf("after %s: %s until %s; want %s until %s", c.after, d.Verdict, d.NotAfter, c.verdict, end)
		}
		epochs[session.Epoch(r.Identity)] = true
	}
	if len(epochs) != 3 {
		t.Errorf("%d epochs; want one before, one during and one after the grant", len(epochs))
	}
}

// TestRevision hangs on what decides, and on nothing else.
func TestRevision(t *testing.T) {
	base := func() Rules { return realisticRules(3, 3, 3) }
	first := base()
	want := first.Revision()
	for _, c := range []struct {
		name   string
		change func(r *Rules)
		same   bool
	}{
		{"again", func(*Rules) {}, true},
		{"origin", func(r *Rules) { r.Origin = "elsewhere" }, true},
		{"a test", func(r *Rules) { r.Files["x_test.rego"] = []byte("package x") }, true},
		{"a word in a rule", func(r *Rules) { r.Files["policy.rego"] = append(r.Files["policy.rego"], '\n') }, false},
		{"a file's name", func(r *Rules) { r.Files["p.rego"] = r.Files["policy.rego"]; delete(r.Files, "policy.rego") }, false},
		{"the catalog", func(r *Rules) { r.Data["catalog"] = nil }, false},
		{"a limit", func(r *Rules) {
			r.Files["policy.rego"] = []byte(strings.Replace(string(r.Files["policy.rego"]), "10000000", "20000000", 1))
		}, false},
		{"the entry point", func(r *Rules) { r.Decision = "data.doorkeeper.allow" }, false},
		{"the input", func(r *Rules) { r.Input = OPAKafka }, false},
	} {
		r := base()
		c.change(&r)
		if got := r.Revision(); (got == want) != c.same || !strings.HasPrefix(got, "sha256:") {
			t.Errorf("%s: %s; was %s", c.name, got, want)
		}
	}
}
