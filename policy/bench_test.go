package policy

import (
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"
)

// realistic is a policy as one would write it: topics by catalog tag, roles of the principal, limits.
const realistic = `
import data.roles

default allow := false

# What a role may do on the topics with one of its tags.
allow if {
	some role in data.members[input.principal.name]
	some right in roles[role]
	right.operation == input.action.operation
	right.tag in data.catalog.topics[input.action.resource.name].tags
}

allow if {
	input.action.resource.type == "GROUP"
	startswith(input.action.resource.name, sprintf("%s-", [input.principal.name]))
}

reason := "a role of the principal allows it" if allow
else := "no role of the principal allows it"

decision := {
	"allow": allow, "reason": reason, "rule": "roles",
	"limits": {"fetch_bytes_per_second": 10000000, "budgets": [{"bytes": 1000000000, "window": "1h"}]},
}
`

// estate makes the data of a big company: who is in which role, what a role may do, what each topic is tagged with.
func estate(roles, principals, topics int) map[string]any {
	r, m, tt := map[string]any{}, map[string]any{}, map[string]any{}
	for i := range roles {
		r[fmt.Sprint("role-", i)] = []any{
			map[string]any{"operation": "READ", "tag": fmt.Sprint("tag-", i%500)},
			map[string]any{"operation": "DESCRIBE", "tag": fmt.Sprint("tag-", i%500)},
		}
	}
	for i := range principals {
		var list []any
		for j := range 10 {
			list = append(list, fmt.Sprint("role-", (i*10+j)%roles))
		}
		m[fmt.Sprint("app-", i)] = list
	}
	for i := range topics {
		tt[fmt.Sprint("topic-", i)] = map[string]any{"owner": "team", "tags": []any{fmt.Sprint("tag-", i%500)}}
	}
	return map[string]any{"roles": r, "members": m, "catalog": map[string]any{"topics": tt}}
}

func realisticRules(roles, principals, topics int) Rules {
	r := rules(realistic)
	r.Data = estate(roles, principals, topics)
	return r
}

func BenchmarkCached(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules Rules
	}{
		{"constant", rules(`decision := {"allow": true}`)},
		{"realistic", realisticRules(100, 100, 1000)},
		{"group", rules(`decision := {"allow": true} if input.request.group == "g"`)},
		{"time", rules(`decision := {"allow": true} if input.time.hour >= 0`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEngine(b, Options{Rules: c.rules})
			s := testSession()
			session, r, a := e.Session(s), testRequest(s, "User:app-7"), topic(access.OpRead, "topic-71")
			r.Group = "g"
			if d := session.Decide(r, a); d.Verdict != access.Allow {
				b.Fatalf("%+v", d)
			}
			b.ReportAllocs()
			for b.Loop() {
				session.Decide(r, a)
			}
		})
	}
}

// BenchmarkCachedParallel: sessions do not wait for each other.
func BenchmarkCachedParallel(b *testing.B) {
	e := newEngine(b, Options{Rules: realisticRules(100, 100, 1000)})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		s := testSession()
		session, r, a := e.Session(s), testRequest(s, "User:app-7"), topic(access.OpRead, "topic-71")
		for pb.Next() {
			session.Decide(r, a)
		}
	})
}

// BenchmarkShared is the first question of a session that another session has asked before.
func BenchmarkShared(b *testing.B) {
	e := newEngine(b, Options{Rules: realisticRules(100, 100, 1000)})
	s := testSession()
	r, a := testRequest(s, "User:app-7"), topic(access.OpRead, "topic-71")
	e.Session(s).Decide(r, a)
	b.ReportAllocs()
	for b.Loop() {
		e.Session(s).Decide(r, a)
	}
}

func BenchmarkEpoch(b *testing.B) {
	e := newEngine(b, Options{Rules: rules(`decision := {"allow": true}`)})
	s := testSession()
	session, r := e.Session(s), testRequest(s, "User:app-7")
	b.ReportAllocs()
	for b.Loop() {
		session.Epoch(r.Identity)
	}
}

func BenchmarkUncached(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules Rules
	}{
		{"constant", rules(`decision := {"allow": true}`)},
		{"realistic-100", realisticRules(100, 100, 1000)},
		{"realistic-10000", realisticRules(10000, 1000, 5000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEngine(b, Options{Rules: c.rules})
			s := testSession()
			snap, r := e.snapshot(), testRequest(s, "User:app-7")
			q := &question{who: &who{session: s, identity: r.Identity, client: r.Client}, request: r, action: *topic(access.OpRead, "topic-71"), now: time.Now()}
			if a := snap.running.evaluate(q); a.fresh.Verdict != access.Allow {
				b.Fatalf("%+v", a.fresh)
			}
			b.ReportAllocs()
			for b.Loop() {
				snap.running.evaluate(q)
			}
		})
	}
}

func BenchmarkInput(b *testing.B) {
	s := testSession()
	r := testRequest(s, "User:app-7")
	q := &question{who: &who{session: s, identity: r.Identity, client: r.Client}, request: r, action: *topic(access.OpRead, "topic-71"), now: time.Now()}
	for _, f := range []Format{Doorkeeper, OPAKafka} {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.input(f)
			}
		})
	}
}

// BenchmarkLoad loads the policy of a big estate, and as many rules as it has roles.
func BenchmarkLoad(b *testing.B) {
	data := realisticRules(10000, 1000, 5000)
	many := data
	var text []byte
	for i := range 10000 {
		text = fmt.Appendf(text, "\nallow if {\n\tinput.principal.name == \"app-%d\"\n\tinput.action.operation == \"READ\"\n\tinput.action.resource.name == \"topic-%d\"\n}\n", i%1000, i%5000)
	}
	many.Files = map[string][]byte{"policy.rego": data.Files["policy.rego"], "roles.rego": append([]byte("package doorkeeper\n"), text...)}
	for _, c := range []struct {
		name  string
		rules Rules
	}{{"data", data}, {"rules", many}} {
		b.Run(c.name, func(b *testing.B) {
			e := newEngine(b, Options{})
			for b.Loop() {
				if err := e.Apply(Options{Rules: c.rules}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
