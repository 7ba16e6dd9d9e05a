package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"doorkeeper/access"

	"github.com/oklog/ulid/v2"
	"github.com/open-policy-agent/opa/v1/ast"
)

// leaves are the paths of a document's leaves. An array is one, whatever is in it.
func leaves(v ast.Value) map[string]string {
	found := map[string]string{}
	var walk func(at string, v ast.Value)
	walk = func(at string, v ast.Value) {
		o, ok := v.(ast.Object)
		if !ok {
			found[strings.TrimPrefix(at, ".")] = v.String()
			return
		}
		o.Foreach(func(k, v *ast.Term) { walk(at+"."+string(k.Value.(ast.String)), v.Value) })
	}
	walk("", v)
	return found
}

// schemaLeaves are the paths that the published schema has, with their types; every object in it must be closed, and must
// require all that it has.
func schemaLeaves(t *testing.T) map[string]string {
	found := map[string]string{}
	var walk func(at string, v map[string]any)
	walk = func(at string, v map[string]any) {
		properties, ok := v["properties"].(map[string]any)
		if !ok {
			found[strings.TrimPrefix(at, ".")] = v["type"].(string)
			return
		}
		if v["additionalProperties"] != false {
			t.Errorf("%s: lets other fields in", at)
		}
		if len(v["required"].([]any)) != len(properties) {
			t.Errorf("%s: does not require every field", at)
		}
		for name, p := range properties {
			if !slices.Contains(v["required"].([]any), any(name)) {
				t.Errorf("%s.%s is not required", at, name)
			}
			walk(at+"."+name, p.(map[string]any))
		}
	}
	walk("", inputSchemaValue().(map[string]any))
	return found
}

var kinds = map[string]string{"a string": "string", "a number": "integer", "an array": "array"}

// TestInputIsWhatTheSchemaSays: the builder, the schema and the list of fields name the same leaves, with the same types.
func TestInputIsWhatTheSchemaSays(t *testing.T) {
	q := drawQuestion(rand.New(rand.NewPCG(1, 2)))
	schema := schemaLeaves(t)
	built := q.input(Doorkeeper)
	for path := range leaves(built) {
		ref := ast.Ref{}
		for _, name := range strings.Split(path, ".") {
			ref = append(ref, ast.StringTerm(name))
		}
		v, err := built.Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		if kinds[typeName(v)] != schema[path] {
			t.Errorf("%s is %s; the schema says %q", path, typeName(v), schema[path])
		}
	}
	if len(schema) != len(leaves(built)) {
		t.Errorf("the schema has %d leaves, the input %d", len(schema), len(leaves(built)))
	}
	for _, f := range []Format{Doorkeeper, OPAKafka} {
		found := leaves(q.input(f))
		if len(f.fields()) != len(found) {
			t.Errorf("%s: %d fields are listed, the input has %d", f, len(f.fields()), len(found))
		}
		for _, x := range f.fields() {
			if _, ok := found[x.path]; !ok {
				t.Errorf("%s: field %s is not in the input", f, x.path)
			}
		}
	}
}

// TestInputExample is the contract's own example.
func TestInputExample(t *testing.T) {
	s := testSession()
	s.ID = ulid.MustParse("01JD8ZQ4ZJ3A4N1TB6W2V0X9YE")
	s.Peer = s.Source
	r := testRequest(s, "User:erp")
	r.Identity.TLS = &access.TLS{Version: "1.3", JA4: "t13", Subject: "CN=erp", SAN: []string{"erp"}, Issuer: "CN=ca", Fingerprint: "ab"}
	q := &question{who: &who{session: s, identity: r.Identity, client: r.Client}, request: r, action: *topic(access.OpRead, "purchasing"), now: time.Date(2026, 11, 23, 3, 0, 59, 9, time.FixedZone("CET", 3600)).Add(time.Hour)}
	const want = `{"cluster":"erp","listener":"plain",
 "principal":{"type":"User","name":"erp","source":"observed"},
 "client":{"address":"10.1.2.3","source_from":"tcp","peer":"10.1.2.3","id":"erp-app","software":{"name":"apache-kafka-java","version":"4.3.1"},"auth":"SCRAM-SHA-256",
           "tls":{"version":"1.3","ja4":"t13","subject":"CN=erp","san":["erp"],"issuer":"CN=ca","fingerprint":"ab"},"token":{"iss":"","sub":"","azp":"","scope":[],"groups":[]}},
 "session":{"id":"01JD8ZQ4ZJ3A4N1TB6W2V0X9YE"},
 "request":{"api":"Fetch","api_key":1,"version":17,"group":"","transactional_id":"","replica_id":-1},
 "action":{"operation":"READ","resource":{"type":"TOPIC","name":"purchasing","pattern":"LITERAL"}},
 "signals":{"state":"ready","severity":0,"findings":[]},
 "time":{"minute":"2026-11-23T03:00:00Z","hour":3,"weekday":"Monday"}}`
	equalJSON(t, q.input(Doorkeeper), want)
}

// TestKafkaInputExample is the plugin's document (facts: The opa-kafka-plugin input), with header.data beside header.name.
func TestKafkaInputExample(t *testing.T) {
	s := testSession()
	s.Source, s.Local = netip.MustParseAddrPort("192.168.64.1:58864"), netip.MustParseAddrPort("192.168.64.4:9092")
	s.Listener = "SASL_PLAINTEXT"
	r := testRequest(s, "User:alice")
	r.API, r.Version = 3, 2
	r.Client = &access.Client{ID: "rdkafka", SoftwareName: "librdkafka", SoftwareVersion: "2.0"}
	q := &question{who: &who{session: s, identity: r.Identity, client: r.Client}, request: r, action: *topic(access.OpRead, "t")}
	const header = `{"clientId":"rdkafka","correlationId":0,"requestApiKey":3,"requestApiVersion":2}`
	const want = `{"action":{"logIfAllowed":true,"logIfDenied":true,"operation":"READ",
  "resourcePattern":{"name":"t","patternType":"LITERAL","resourceType":"TOPIC","unknown":false},
  "resourceReferenceCount":1},
 "requestContext":{"clientAddress":"/192.168.64.1",
  "clientInformation":{"softwareName":"librdkafka","softwareVersion":"2.0"},
  "connectionId":"192.168.64.4:9092-192.168.64.1:58864-0",
  "header":{"headerVersion":1,"name":` + header + `,"data":` + header + `},
  "listenerName":"SASL_PLAINTEXT","principal":{"name":"alice","principalType":"User"},
  "securityProtocol":"SASL_PLAINTEXT"}}`
	equalJSON(t, q.input(OPAKafka), want)
}

func equalJSON(t *testing.T, got ast.Value, want string) {
	t.Helper()
	var x any
	if err := json.Unmarshal([]byte(want), &x); err != nil {
		t.Fatal(err)
	}
	if v := ast.MustInterfaceToValue(x); v.Compare(got) != 0 {
		t.Errorf("got  %s\nwant %s", got, v)
	}
}

// TestKeysTellValuesApart: of two questions that differ in the value of a field, the keys of that field differ. A cache
// would else answer one with the other's decision.
func TestKeysTellValuesApart(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		a, b := drawQuestion(draw), drawQuestion(draw)
		for _, f := range []Format{Doorkeeper, OPAKafka} {
			va, vb := leaves(a.input(f)), leaves(b.input(f))
			for _, x := range f.fields() {
				if va[x.path] == vb[x.path] || x.part == partClock {
					continue
				}
				if x.key == nil {
					t.Fatalf("%s: %s is listed as fixed, and is %s and %s", f, x.path, va[x.path], vb[x.path])
				}
				if string(x.key(nil, a)) == string(x.key(nil, b)) {
					t.Fatalf("%s: %s is %s and %s under one key", f, x.path, va[x.path], vb[x.path])
				}
			}
		}
	}
}

// TestKeysAreSelfDelimiting: the keys of two fields together are never those of two others.
func TestKeysAreSelfDelimiting(t *testing.T) {
	p := Doorkeeper.projection([]ast.Ref{ast.InputRootRef})
	draw := rand.New(rand.NewPCG(5, 6))
	seen := map[string]string{}
	for range 3000 {
		q := drawQuestion(draw)
		key := string(p.appendRest(p.appendWho(nil, q), q))
		values := fmt.Sprint(withoutClock(leaves(q.input(Doorkeeper))))
		if old, ok := seen[key]; ok && old != values {
			t.Fatalf("one key for\n%s\n%s", old, values)
		}
		seen[key] = values
	}
}

func withoutClock(values map[string]string) map[string]string {
	for path := range values {
		if strings.HasPrefix(path, "time.") {
			delete(values, path)
		}
	}
	return values
}

// drawQuestion makes a question of few values, so that two of them often share some; hostile ones among them.
func drawQuestion(draw *rand.Rand) *question {
	of := func(list ...string) string { return list[draw.IntN(len(list))] }
	text := func() string {
		return of("", "a", "b", "ab", "a\x00", "\xff", "é", "*", "\u202e", strings.Repeat("x", 2000), strings.Repeat("x", 2001))
	}
	list := func() (l []string) {
		for range draw.IntN(3) {
			l = append(l, text())
		}
		return l
	}
	ip := func() netip.AddrPort {
		return netip.MustParseAddrPort(of("10.0.0.1:1", "10.0.0.2:1", "[::ffff:10.0.0.1]:1", "[fe80::1%eth0]:1", "[fe80::1]:2"))
	}
	s := &access.Session{
		ID: ulid.ULID{15: byte(draw.IntN(2))}, Cluster: of("erp", "crm"), Listener: of("plain", "tls"),
		Source: ip(), SourceFrom: of("tcp", "proxy_v2"), Peer: ip(), Local: ip(),
	}
	if draw.IntN(10) == 0 {
		s.Source, s.Peer = netip.AddrPort{}, netip.AddrPort{}
	}
	i := &access.Identity{Principal: of("User:a", "User:b", "User:", "Token:a", "a", "User:a:b"), Source: of(access.Observed, access.Mapped), Auth: of("", "TLS", "PLAIN")}
	if draw.IntN(2) == 0 {
		i.TLS = &access.TLS{Version: of("1.2", "1.3"), JA4: text(), Subject: text(), SAN: list(), Issuer: text(), Fingerprint: text()}
	}
	if draw.IntN(2) == 0 {
		i.Token = &access.Token{Iss: text(), Sub: text(), Azp: text(), Scope: list(), Groups: list()}
	}
	c := &access.Client{ID: text(), SoftwareName: text(), SoftwareVersion: text()}
	r := &access.Request{
		Session: s, Identity: i, Client: c, API: int16(draw.IntN(4)), Version: int16(draw.IntN(3)),
		Group: of("", "g", "h"), TransactionalID: of("", "g", "h"), ReplicaID: int32(draw.IntN(3)) - 1,
	}
	a := access.Action{
		Operation: []access.Operation{access.OpNone, access.OpRead, access.OpWrite, access.OpDescribe, access.OpDescribeConfigs, access.OpAlterConfigs, access.OpDelete}[draw.IntN(7)],
		Type:      []access.ResourceType{access.ResTopic, access.ResGroup, access.ResCluster}[draw.IntN(3)],
		Name:      of("a", "b", "orders", "payroll", "*", "", "a/b", strings.Repeat("n", 250)),
	}
	now := time.Date(2026, 11, 23, draw.IntN(24), draw.IntN(60), draw.IntN(60), 0, time.UTC)
	return &question{who: &who{session: s, identity: i, client: c}, request: r, action: a, now: now}
}

// TestStringsAreBounded, and what is cut equals nothing that is not.
func TestStringsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 3000)
	for _, s := range []string{"", "erp-app", strings.Repeat("x", maxString), strings.Repeat("x", maxString+1), long, "a\xff\xfe", long + "\xff", "x" + long} {
		got := string(text(s).Value.(ast.String))
		switch {
		case len(got) > maxString+len(ellipsis):
			t.Errorf("%d bytes became %d", len(s), len(got))
		case !utf8.ValidString(got):
			t.Errorf("%q is not UTF-8", got)
		case len(s) <= maxString && utf8.ValidString(s) && got != s:
			t.Errorf("%q became %q", s, got)
		case len(s) > maxString && !strings.HasSuffix(got, ellipsis):
			t.Errorf("what was cut from %d bytes does not say so", len(s))
		}
	}
	if n := texts(make([]string, 100000)).Value.(*ast.Array).Len(); n != maxList {
		t.Errorf("a list of %d", n)
	}
}
