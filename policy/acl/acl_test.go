package acl_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/policy/acl"
)

// engine decides by what this package makes of bindings.
func engine(t *testing.T, bindings []acl.Binding, s acl.Settings) *policy.Engine {
	t.Helper()
	data, err := acl.Data(bindings, s)
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.New(policy.Options{Deadline: 5 * time.Second, Rules: policy.Rules{
		Files:    map[string][]byte{"acl.rego": acl.Rules, "data.json": data},
		Decision: "data.kafka.authz.allow", Input: policy.OPAKafka,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

type question struct {
	principal, host, operation, typ, name string
}

func ask(t *testing.T, e *policy.Engine, q question) bool {
	t.Helper()
	s := &access.Session{Source: netip.AddrPortFrom(netip.MustParseAddr(q.host), 1), Listener: "plain"}
	op, err := access.ParseOperation(q.operation)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := access.ParseResourceType(q.typ)
	if err != nil {
		t.Fatal(err)
	}
	r := &access.Request{Session: s, Identity: &access.Identity{Principal: q.principal}, Client: &access.Client{}, ReplicaID: -1}
	d := e.Session(s).Decide(r, &access.Action{Operation: op, Type: typ, Name: q.name})
	if d.Verdict == access.Refuse {
		t.Fatalf("%+v: %s", q, d.Reason)
	}
	return d.Verdict == access.Allow
}

// The cases of Kafka's own StandardAuthorizerTest and AuthorizerTest that tell meanings apart.
func TestMeaning(t *testing.T) {
	const anybody, anywhere = "User:*", "*"
	b := func(typ, name, pattern, principal, host, operation, permission string) acl.Binding {
		return acl.Binding{typ, name, pattern, principal, host, operation, permission}
	}
	e := engine(t, []acl.Binding{
		b("TOPIC", "orders", "LITERAL", "User:erp", anywhere, "READ", "ALLOW"),
		b("TOPIC", "orders", "LITERAL", "User:bob", "10.0.0.1", "WRITE", "ALLOW"),
		b("TOPIC", "fin-", "PREFIXED", "User:erp", anywhere, "ALL", "ALLOW"),
		b("TOPIC", "fin-secret", "LITERAL", "User:erp", anywhere, "READ", "DENY"),
		b("TOPIC", "hidden", "LITERAL", "User:erp", anywhere, "DESCRIBE", "DENY"),
		b("TOPIC", "hidden", "LITERAL", "User:erp", anywhere, "READ", "ALLOW"),
		b("TOPIC", "public", "LITERAL", anybody, anywhere, "READ", "ALLOW"),
		b("TOPIC", "nobody", "LITERAL", anybody, anywhere, "ALL", "DENY"),
		b("GROUP", "*", "LITERAL", "User:erp", anywhere, "READ", "ALLOW"),
		b("TOPIC", "settings", "LITERAL", "User:erp", anywhere, "ALTER_CONFIGS", "ALLOW"),
	}, acl.Settings{SuperUsers: []string{"User:root"}})
	for _, c := range []struct {
		question
		want bool
	}{
		{question{"User:erp", "10.0.0.9", "READ", "TOPIC", "orders"}, true},
		{question{"User:erp", "10.0.0.9", "DESCRIBE", "TOPIC", "orders"}, true}, // READ implies it
		{question{"User:erp", "10.0.0.9", "WRITE", "TOPIC", "orders"}, false},
		{question{"User:erp", "10.0.0.9", "READ", "TOPIC", "orders2"}, false}, // LITERAL is anchored
		{question{"User:erp", "10.0.0.9", "READ", "GROUP", "orders"}, true},
		{question{"User:ERP", "10.0.0.9", "READ", "TOPIC", "orders"}, false}, // case counts
		{question{"User:bob", "10.0.0.1", "WRITE", "TOPIC", "orders"}, true},
		{question{"User:bob", "10.0.0.2", "WRITE", "TOPIC", "orders"}, false},
		{question{"User:erp", "::1", "DELETE", "TOPIC", "fin-a"}, true},
		{question{"User:erp", "::1", "DELETE", "TOPIC", "fi"}, false},
		{question{"User:erp", "::1", "READ", "TOPIC", "fin-secret"}, false},
		{question{"User:erp", "::1", "WRITE", "TOPIC", "fin-secret"}, true},
		{question{"User:erp", "::1", "DESCRIBE", "TOPIC", "fin-secret"}, true}, // a denial of READ does not imply one
		{question{"User:erp", "::1", "DESCRIBE", "TOPIC", "hidden"}, false},    // a denial beats what READ implies
		{question{"User:erp", "::1", "READ", "TOPIC", "hidden"}, true},
		{question{"User:x", "::1", "READ", "TOPIC", "public"}, true},
		{question{"Token:x", "::1", "READ", "TOPIC", "public"}, true}, // User:* is everybody
		{question{"User:root", "::1", "READ", "TOPIC", "nobody"}, true},
		{question{"User:erp", "::1", "READ", "TOPIC", "nobody"}, false},
		{question{"User:erp", "::1", "DESCRIBE_CONFIGS", "TOPIC", "settings"}, true},
		{question{"User:erp", "::1", "DESCRIBE", "TOPIC", "settings"}, false},
		{question{"User:erp", "::1", "ALTER", "CLUSTER", "kafka-cluster"}, false},
		{question{"User:erp", "::1", "READ", "TOPIC", "no-acl-at-all"}, false},
	} {
		if got := ask(t, e, c.question); got != c.want {
			t.Errorf("%+v: %v, want %v", c.question, got, c.want)
		}
	}
}

func TestOpenIfNone(t *testing.T) {
	e := engine(t, []acl.Binding{{"TOPIC", "a", "LITERAL", "User:erp", "*", "READ", "ALLOW"}}, acl.Settings{OpenIfNone: true})
	for name, want := range map[string]bool{"a": false, "b": true} { // an ACL for somebody closes the topic for all others
		if got := ask(t, e, question{"User:x", "::1", "READ", "TOPIC", name}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// standard is StandardAuthorizerData's algorithm, entry by entry, without any index.
func standard(bindings []acl.Binding, q question) bool {
	implied := map[string][]string{"DESCRIBE": {"READ", "WRITE", "DELETE", "ALTER"}, "DESCRIBE_CONFIGS": {"ALTER_CONFIGS"}}
	allow := false
	for _, b := range bindings {
		switch {
		case b.Type != q.typ,
			b.Pattern == "LITERAL" && b.Name != q.name && b.Name != "*",
			b.Pattern == "PREFIXED" && !strings.HasPrefix(q.name, b.Name),
			b.Principal != q.principal && b.Principal != "User:*",
			b.Host != q.host && b.Host != "*":
			continue
		}
		matches := b.Operation == q.operation || b.Operation == "ALL"
		if b.Permission == "DENY" && matches {
			return false
		}
		for _, o := range implied[q.operation] {
			matches = matches || o == b.Operation
		}
		allow = allow || b.Permission == "ALLOW" && matches
	}
	return allow
}

func TestAgainstTheAlgorithm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	for range 60 {
		var bindings []acl.Binding
		for range 1 + r.IntN(12) {
			bindings = append(bindings, acl.Binding{
				pick("TOPIC", "GROUP"), pick("a", "ab", "abc", "*"), pick("LITERAL", "PREFIXED"), pick("User:x", "User:y", "User:*"),
				pick("*", "::1", "10.0.0.1"), pick("READ", "WRITE", "DESCRIBE", "ALL", "ALTER_CONFIGS", "DESCRIBE_CONFIGS"), pick("ALLOW", "ALLOW", "DENY"),
			})
		}
		e := engine(t, bindings, acl.Settings{})
		for range 40 {
			q := question{
				pick("User:x", "User:y", "User:z"), pick("::1", "10.0.0.1", "10.0.0.2"),
				pick("READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER"), pick("TOPIC", "GROUP"), pick("a", "ab", "abcd", "b"),
			}
			if got, want := ask(t, e, q), standard(bindings, q); got != want {
				t.Fatalf("%+v: %v, want %v, by %+v", q, got, want, bindings)
			}
		}
	}
}

func TestSuperUsers(t *testing.T) {
	got := acl.ParseSuperUsers(" User:CN=a,OU=b ;User:root;;")
	if strings.Join(got, "|") != "User:CN=a,OU=b|User:root" {
		t.Errorf("%q", got)
	}
}

func TestDataHasOneForm(t *testing.T) {
	a := acl.Binding{"TOPIC", "a", "LITERAL", "User:x", "*", "READ", "ALLOW"}
	b := acl.Binding{"TOPIC", "a", "LITERAL", "User:x", "*", "WRITE", "ALLOW"}
	one, err := acl.Data([]acl.Binding{a, b, a}, acl.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := acl.Data([]acl.Binding{b, a}, acl.Settings{})
	if err != nil || string(one) != string(two) {
		t.Errorf("%v\n%s\n%s", err, one, two)
	}
	if _, err := acl.Data([]acl.Binding{{"TOPIC", "a", "MATCH", "User:x", "*", "READ", "ALLOW"}}, acl.Settings{}); err == nil {
		t.Error("a pattern type of filters was taken")
	}
}
