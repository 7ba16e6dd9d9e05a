package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
)

// A cached decision is the one that would be made now. The test below holds decisions of sessions that ask, change who they
// are and ask again, under generated policies whose data, grants and clock change, against an engine that keeps nothing.

// conditions read the input in every way that a policy has: plainly, through names, functions, comprehensions, other
// packages, with modifiers, as a whole.
var conditions = []string{
	`input.principal.name == "a"`,
	`input.principal.type == "User"`,
	`input.cluster == "erp"`,
	`input.listener != "plain"`,
	`input.session.id != "00000000000000000000000000"`,
	`input.client.address == "10.0.0.1"`,
	`net.cidr_contains("10.0.0.0/31", input.client.address)`,
	`input.client.peer == input.client.address`,
	`startswith(input.client.id, "a")`,
	`input.client.tls.subject == "a"`,
	`"a" in input.client.tls.san`,
	`count(input.client.token.groups) > 0`,
	`input.client.token.scope[0] == "b"`,
	`input.client.tls == {"version": "", "ja4": "", "subject": "", "san": [], "issuer": "", "fingerprint": ""}`,
	`input.request.version > 0`,
	`input.request.api == "Fetch"`,
	`input.request.api_key in {1, 2}`,
	`input.request.group == input.request.transactional_id`,
	`input.request.replica_id >= 0`,
	`input.action.operation == "NONE"`,
	`input.action.operation in {"READ", "DESCRIBE"}`,
	`input.action.resource.name == "orders"`,
	`input.action.resource.type == "TOPIC"`,
	`regex.match("^[ab]$", input.action.resource.name)`,
	`glob.match("o*", [], input.action.resource.name)`,
	`input.time.hour < 12`,
	`input.time.weekday == "Monday"`,
	`endswith(input.time.minute, "0:00Z")`,
	`input.signals.severity == 0`,
	`object.get(input.client, "id", "") == "a"`,
	`object.get(input, ["client", "software", "name"], "") == "b"`,
	`input.client.software[_] == "ab"`,
	`some k, v in input.client.software
	k == "version"
	v == "a"`,
	`x := input.client
	x.auth == "PLAIN"`,
	`x := input
	y := x.principal
	y.source == "mapped"`,
	`{n | n := input.client.software[_]} == {"", "a"}`,
	`[n | n := input.client.tls.san[_]; n != "a"] == []`,
	`every s in input.client.tls.san { s != input.client.id }`,
	`not denied_name`,
	`is_client(input.client)`,
	`is_whole(input)`,
	`is_principal(input.principal.name)`,
	`data.lib.allowed`,
	`data.lib[input.principal.source]`,
	`data.lib.listed[input.action.resource.name]`,
	`data.members[input.principal.name][_] == input.action.operation`,
	`data.topics[input.action.resource.name].open`,
	`data.flag`,
	`count(data.grants) > 0`,
	`some g in data.grants["User:a"]
	g.resource.name == input.action.resource.name`,
	`denied_name with input as {"action": {"resource": {"name": "payroll"}}}`,
	`denied_name with input.action.resource.name as input.client.id`,
	`data.lib.allowed with data.flag as true`,
	`data.lib.allowed with data.lib.inner as true`,
	`walk(input, [_, "a"])`,
	`json.filter(input, ["client/id"]) == {"client": {"id": "a"}}`,
	`object.union(input.client.software, {"x": 1}).name == "a"`,
	`sprintf("%v", [input.client.token]) != ""`,
	`input.client.id < input.action.resource.name`,
	`to_number(input.client.id) > 1`,
	`count(input.request) == 6`,
	`by_operation[input.action.operation] == "r"`,
	`input[part].name == "a"`,
	`print("seen", input.client.peer)`,
}

const helpers = `
part := "principal"

denied_name if input.action.resource.name == "payroll"

is_client(c) if c.software.version == "b"

is_whole(i) if i.client.id == "ab"

is_principal(n) if n == "b"
else := false if input.client.auth == "PLAIN"

by_operation["READ"] := "r"

by_operation[op] := "w" if {
	some op in ["WRITE", "ALTER"]
	input.client.auth == ""
}
`

const library = `package lib

allowed if inner

inner if input.client.auth == "TLS"

inner if data.flag

observed if input.client.source_from == "tcp"

mapped if input.client.software.name == "a"

listed contains input.client.id

listed contains "orders" if input.request.group == "g"
`

// kafkaConditions read the document of the opa-kafka-plugin.
var kafkaConditions = []string{
	`input.action.operation == "READ"`,
	`input.action.operation in {"WRITE", "DESCRIBE", "NONE"}`,
	`input.action.resourcePattern.name == "orders"`,
	`input.action.resourcePattern.resourceType == "TOPIC"`,
	`input.action.resourceReferenceCount == 1`,
	`regex.match("^[ab]$", input.action.resourcePattern.name)`,
	`startswith(input.requestContext.clientAddress, "/10.0.0.1")`,
	`net.cidr_contains("10.0.0.0/31", trim_prefix(input.requestContext.clientAddress, "/"))`,
	`input.requestContext.clientInformation.softwareName == "a"`,
	`input.requestContext.clientInformation.softwareVersion != ""`,
	`endswith(input.requestContext.connectionId, ":1-0")`,
	`input.requestContext.header.name.clientId == "a"`,
	`input.requestContext.header.data.clientId == "ab"`,
	`input.requestContext.header.name.requestApiKey in {1, 2}`,
	`input.requestContext.header.data.requestApiVersion > 0`,
	`input.requestContext.listenerName == "plain"`,
	`input.requestContext.principal.name == "a"`,
	`input.requestContext.principal.principalType == "User"`,
	`input.requestContext.securityProtocol in {"SSL", "SASL_SSL"}`,
	`object.get(input, ["requestContext", "principal", "name"], "") == "b"`,
	`some k, v in input.requestContext.header.name
	k == "clientId"
	v == ""`,
	`x := input.requestContext
	x.principal.name == "b"`,
	`is_owner(input.requestContext)`,
	`data.members[input.requestContext.principal.name][_] == input.action.operation`,
	`data.topics[input.action.resourcePattern.name].open`,
	`data.flag`,
	`some g in data.grants["User:a"]
	g.resource.name == input.action.resourcePattern.name`,
	`not is_owner(input.requestContext)`,
	`walk(input, [_, "a"])`,
}

// drawKafka makes a policy as they were written for the plugin.
func drawKafka(draw *rand.Rand) Rules {
	one := func() string { return kafkaConditions[draw.IntN(len(kafkaConditions))] }
	text := fmt.Sprintf("package kafka.authz\n\nimport rego.v1\n\ndefault allow := false\n\nallow if {\n\t%s\n\t%s\n}\n\nallow if {\n\t%s\n}\n\nis_owner(c) if c.principal.name == \"a\"\n", one(), one(), one())
	return redraw(draw, Rules{Files: map[string][]byte{"policy.rego": []byte(text)}, Input: OPAKafka, Origin: "drawn"})
}

// drawRules makes a policy, and data that go with it.
func drawRules(draw *rand.Rand) Rules {
	if draw.IntN(4) == 0 {
		return drawKafka(draw)
	}
	var b strings.Builder
	some := func() string {
		var list []string
		for range 1 + draw.IntN(2) {
			list = append(list, "\t"+conditions[draw.IntN(len(conditions))])
		}
		return "if {\n" + strings.Join(list, "\n") + "\n}"
	}
	fmt.Fprintf(&b, "package doorkeeper\n\nallow %s\n\nallow %s\n%s", some(), some(), helpers)
	switch draw.IntN(7) {
	case 0:
		fmt.Fprintf(&b, "\ndefault allow := false\n\ndecision := {\"allow\": allow}\n")
	case 1:
		fmt.Fprintf(&b, "\ndecision := {\"allow\": true, \"rule\": \"a\", \"labels\": {\"app\": input.client.id}} if allow\n\nelse := {\"allow\": false, \"reason\": \"b\"} %s\n", some())
	case 2:
		fmt.Fprintf(&b, "\ndecision.allow := true if allow\n\ndecision.limits := {\"fetch_bytes_per_second\": count(input.client.id) + 1} %s\n", some())
	case 3:
		fmt.Fprintf(&b, "\ndecision := {\"allow\": true, \"not_after\": \"2026-11-23T12:00:00Z\"} if allow\n")
	case 5:
		fmt.Fprintf(&b, "\ndecision := {\"allow\": allow, \"limits\": limits, \"record\": record}\n\ndefault allow := false\n\ndefault record := \"coalesced\"\n\nrecord := \"each\" %s\n\n"+
			"limits[\"burst_bytes\"] := 10 + input.time.hour\n\nlimits[\"budgets\"] := [{\"bytes\": 5 * count(input.client.id) + 5, \"window\": \"1h\", \"key\": key}]\n\n"+
			"limits[\"read_from\"] := {\"max_behind\": 7, \"max_age\": \"1m\"} %s\n\ndefault key := \"principal\"\n\nkey := \"topic\" %s\n", some(), some(), some())
	case 6:
		fmt.Fprintf(&b, "\ndecision := {\"allow\": true, \"enforce\": false, \"labels\": {\"tried\": \"yes\"}, \"limits\": {\"produce_bytes_per_second\": 5}} if allow\n\nelse := {\"allow\": true, \"limits\": {\"produce_bytes_per_second\": 6}} %s\n", some())
	case 4: // two that may conflict
		fmt.Fprintf(&b, "\ndecision := {\"allow\": true} if allow\n\ndecision := {\"allow\": false, \"enforce\": false} %s\n", some())
	}
	r := Rules{Files: map[string][]byte{"policy.rego": []byte(b.String()), "lib.rego": []byte(library)}, Origin: "drawn"}
	return redraw(draw, r)
}

// redraw is the same rules with other data.
func redraw(draw *rand.Rand, r Rules) Rules {
	list := []any{"READ", "WRITE", "DESCRIBE", "NONE"}
	r.Data = map[string]any{
		"flag":    draw.IntN(2) == 0,
		"members": map[string]any{"a": list[draw.IntN(4):], "b": list[draw.IntN(4):]},
		"topics":  map[string]any{"orders": map[string]any{"open": draw.IntN(2) == 0}},
	}
	return r
}

func drawGrants(draw *rand.Rand, now time.Time) (list []Grant) {
	for range draw.IntN(3) {
		g := Grant{
			ID: fmt.Sprint(draw.IntN(9)), Principal: []string{"User:a", "User:b"}[draw.IntN(2)], Operation: access.OpRead, Type: access.ResTopic,
			Name: []string{"orders", "payroll"}[draw.IntN(2)], From: now.Add(time.Duration(draw.IntN(600)-300) * time.Second),
		}
		g.Until = g.From.Add(time.Duration(draw.IntN(600)) * time.Second)
		list = append(list, g)
	}
	return list
}

// An oracle decides as an engine must, and keeps nothing but compiled rules.
type oracle struct {
	now                time.Time
	running, candidate *Engine
	mode               Mode
}

func newOracle(t testing.TB, o Options) *oracle {
	t.Helper()
	x := &oracle{mode: o.Mode}
	now := func() time.Time { return x.now }
	x.running = newEngine(t, Options{Rules: o.Rules, Now: now})
	if o.Candidate != nil {
		x.candidate = newEngine(t, Options{Rules: *o.Candidate, Now: now})
	}
	return x
}

func (x *oracle) decide(t testing.TB, grants []Grant, q *question, now time.Time) *access.Decision {
	t.Helper()
	x.now = now
	one := func(e *Engine) *access.Decision {
		e.SetGrants(grants)
		x, err := e.Explain(context.Background(), q.request, &q.action)
		if err != nil {
			t.Fatal(err)
		}
		return x.Decision
	}
	d := *one(x.running)
	if x.candidate != nil {
		c := one(x.candidate)
		d.Candidate = &access.Candidate{Verdict: c.Verdict, Rule: c.Rule, Reason: c.Reason, Policy: c.Policy}
	}
	if x.mode == Enforce && d.Labels["tried"] != "" && d.Limits != nil {
		l := *d.Limits
		l.Watched, d.Limits = true, &l
	}
	if x.mode == Monitor {
		if d.Stops() {
			d.Would = &access.Would{Verdict: d.Verdict, Rule: d.Rule}
		}
		if d.Limits != nil {
			l := *d.Limits
			l.Watched, d.Limits = true, &l
		}
		d.Verdict, d.Enforced = access.Allow, true
	}
	return &d
}

// A story is one generated policy with everything that happens to it.
type story struct {
	draw     *rand.Rand
	now      time.Time
	options  Options
	grants   []Grant
	engine   *Engine
	sessions []*Session
	whos     []*who
	oracle   *oracle
	past     []*question

	decisions map[*access.Decision]bool // that were made
}

// newStory returns nil where the drawn policy does not load: not every condition fits every other.
func newStory(t testing.TB, seed uint64) *story {
	s := &story{draw: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 23, 11, 57, 30, 0, time.UTC), decisions: map[*access.Decision]bool{}}
	s.options = Options{Rules: drawRules(s.draw), Deadline: 10 * time.Second, Now: func() time.Time { return s.now }}
	switch s.draw.IntN(4) {
	case 0:
		s.options.Mode = Monitor
	case 1:
		c := drawRules(s.draw)
		s.options.Candidate = &c
	}
	e, err := New(s.options)
	if err != nil {
		return nil
	}
	s.engine, s.oracle = e, newOracle(t, s.options)
	for range 4 {
		w := drawQuestion(s.draw).who
		s.whos = append(s.whos, w)
		s.sessions = append(s.sessions, e.Session(w.session))
	}
	return s
}

// tally counts what came up in the story.
func (s *story) tally(said map[string]int) {
	seen := map[string]bool{}
	for d := range s.decisions {
		seen[d.Verdict.String()] = true
		seen["candidate"] = seen["candidate"] || d.Candidate != nil
		seen["would"] = seen["would"] || d.Would != nil
		seen["ended"] = seen["ended"] || strings.Contains(d.Reason, "it was allowed until")
		seen["minute"] = seen["minute"] || !d.NotAfter.IsZero()
		if l := d.Limits; l != nil {
			seen["limits"] = true
			seen["budgets"] = seen["budgets"] || len(l.Budgets) > 0
			seen["read_from"] = seen["read_from"] || l.ReadFrom != nil
			seen["watched"] = seen["watched"] || l.Watched
		}
	}
	p := s.engine.current.Load().running
	seen["grants"] = p.reads.grants && len(s.grants) > 0
	seen["opa-kafka"] = p.format == OPAKafka
	for what, is := range seen {
		if is {
			said[what]++
		}
	}
}

// step asks one question, after something may have happened. It returns what is wrong.
func (s *story) step(t testing.TB) string {
	switch s.draw.IntN(40) {
	case 0:
		s.options.Rules = redraw(s.draw, s.options.Rules)
		if err := s.engine.Apply(s.options); err != nil {
			t.Fatal(err)
		}
		s.oracle = newOracle(t, s.options)
	case 1:
		s.grants = drawGrants(s.draw, s.now)
		s.engine.SetGrants(s.grants)
	case 2:
		s.engine.Bump("User:a")
	case 3:
		s.now = s.now.Add(time.Duration(s.draw.IntN(120)-20) * time.Second)
	}
	n := s.draw.IntN(len(s.sessions))
	q := s.ask(s.whos[n])
	got := s.sessions[n].Decide(q.request, &q.action)
	s.decisions[got] = true
	want := s.oracle.decide(t, s.grants, q, s.now)
	plain := *got
	plain.Cached = want.Cached
	if diff := cmp.Diff(want, &plain); diff != "" {
		return fmt.Sprintf("-uncached +cached (%t):\n%s\nat %s of %+v for %+v\n%s\n%v", got.Cached, diff, s.now, q.action, q.request.Identity,
			s.options.Rules.Files["policy.rego"], s.options.Rules.Data)
	}
	return ""
}

// ask makes a question of a session, often one that was asked before, now and then after another login or under another
// client's name.
func (s *story) ask(w *who) *question {
	var q question
	if len(s.past) > 0 && s.draw.IntN(3) > 0 {
		q = *s.past[s.draw.IntN(len(s.past))]
	} else {
		q = *drawQuestion(s.draw)
		if s.past = append(s.past, &q); len(s.past) > 10 {
			s.past = s.past[1:]
		}
	}
	r := *q.request
	q.request = &r
	r.Session, r.Identity, r.Client = w.session, w.identity, w.client
	switch s.draw.IntN(20) {
	case 0:
		r.Identity = s.whos[s.draw.IntN(len(s.whos))].identity
	case 1:
		r.Client = s.whos[s.draw.IntN(len(s.whos))].client
	}
	return &q
}

// TestCachedIsUncached over many stories.
func TestCachedIsUncached(t *testing.T) {
	var stories, hits, asked, volatile uint64
	said := map[string]int{}
	for seed := range uint64(120) {
		s := newStory(t, seed)
		if s == nil {
			continue
		}
		stories++
		for range 100 {
			if wrong := s.step(t); wrong != "" {
				t.Fatalf("story %d: %s", seed, wrong)
			}
			asked++
		}
		hits += s.engine.Stats().Hits
		if s.engine.current.Load().running.reads.volatile {
			volatile++
		}
		s.tally(said)
	}
	t.Logf("%d stories, %d questions, %d answered from a cache, %v", stories, asked, hits, said)
	for _, what := range []string{"allow", "deny", "refuse", "limits", "budgets", "read_from", "watched", "candidate", "would", "ended", "minute", "grants", "opa-kafka"} {
		if said[what] < 3 {
			t.Errorf("%d stories say anything of %s: this tests little", said[what], what)
		}
	}
	if stories < 80 || hits < asked/6 || volatile > stories/4 {
		t.Errorf("%d stories of 120 loaded, %d of %d questions were answered from a cache, %d policies were never cached: this tests little", stories, hits, asked, volatile)
	}
}

// TestCachedIsUncachedNotices: with a field less in the keys the test above sees it.
func TestCachedIsUncachedNotices(t *testing.T) {
	for seed := range uint64(400) {
		s := newStory(t, seed)
		if s == nil {
			continue
		}
		p := s.engine.current.Load().running
		p.reads.who, p.reads.rest = nil, nil
		for range 60 {
			if s.engine.current.Load().running.code != p.code {
				break // it was loaded anew
			}
			if s.step(t) != "" {
				return
			}
		}
	}
	t.Error("keys without fields were not noticed")
}

func FuzzCachedIsUncached(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := newStory(t, seed)
		if s == nil {
			return // it does not load
		}
		for range 100 {
			if wrong := s.step(t); wrong != "" {
				t.Fatal(wrong)
			}
		}
	})
}
