package policy

import (
	"net/netip"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/oklog/ulid/v2"
)

// testSession is a session with something in every field.
func testSession() *access.Session {
	return &access.Session{
		ID: ulid.MustParse("01JD0000000000000000000000"), Proxy: "dk-1", Cluster: "erp", Listener: "plain",
		Source: netip.MustParseAddrPort("10.1.2.3:51544"), SourceFrom: "tcp", Peer: netip.MustParseAddrPort("10.1.2.4:51544"),
		Local: netip.MustParseAddrPort("10.9.0.1:9092"), Broker: 1,
	}
}

func testRequest(s *access.Session, principal string) *access.Request {
	return &access.Request{
		Session:  s,
		Identity: &access.Identity{Principal: principal, Source: access.Observed, Auth: "SCRAM-SHA-256"},
		Client:   &access.Client{ID: "erp-app", SoftwareName: "apache-kafka-java", SoftwareVersion: "4.3.1"},
		API:      1, Version: 17, ReplicaID: -1,
	}
}

func topic(op access.Operation, name string) *access.Action {
	return &access.Action{Operation: op, Type: access.ResTopic, Name: name}
}

// rules makes a policy of one file: the body of package doorkeeper.
func rules(body string) Rules {
	return Rules{Files: map[string][]byte{"policy.rego": []byte("package doorkeeper\n\n" + body)}, Origin: "test"}
}

func newEngine(t testing.TB, o Options) *Engine {
	t.Helper()
	if o.Deadline == 0 {
		o.Deadline = 10 * time.Second // the machine may be busy: only tests of the deadline have a short one
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDecides(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`
decision := {"allow": true, "rule": "readers", "reason": "may read", "limits": {"fetch_bytes_per_second": 1000}} if {
	input.principal.name == "erp"
	input.action.operation == "READ"
}`)})
	s := testSession()
	session := e.Session(s)
	d := session.Decide(testRequest(s, "User:erp"), topic(access.OpRead, "purchasing"))
	if d.Verdict != access.Allow || d.Rule != "readers" || d.Limits.FetchBytesPerSecond != 1000 {
		t.Errorf("got %+v", d)
	}
	if d := session.Decide(testRequest(s, "User:thief"), topic(access.OpRead, "purchasing")); d.Verdict != access.Deny || !d.Stops() {
		t.Errorf("got %+v", d)
	}
}

func TestMisspeltFieldIsALoadError(t *testing.T) {
	_, err := New(Options{Rules: rules("decision := {\"allow\": true} if input.principle.name == \"erp\"\n")})
	if err == nil {
		t.Fatal("loaded")
	}
	t.Log(err)
}

// Without rules everything is allowed, and rules that come later bite.
func TestNoRules(t *testing.T) {
	e := newEngine(t, Options{})
	s := testSession()
	session, request := e.Session(s), testRequest(s, "User:erp")
	before := session.Epoch(request.Identity)
	if d := session.Decide(request, topic(access.OpRead, "payroll")); d.Stops() || d.Policy != "" {
		t.Errorf("without rules: %+v", d)
	}
	e.SetGrants([]Grant{{Principal: "User:erp", Operation: access.OpRead, Type: access.ResTopic, Name: "payroll", Actor: "bob"}})
	commit, err := e.Prepare(Options{Rules: rules(`decision := {"allow": true} if data.grants["User:erp"]`)})
	if err != nil {
		t.Fatal(err)
	}
	if e.Status().Revision != "" {
		t.Error("what is only prepared is in force")
	}
	e.SetGrants(nil)
	commit()
	if d := session.Decide(request, topic(access.OpRead, "payroll")); !d.Stops() {
		t.Errorf("a grant that ended before the commit holds: %+v", d)
	}
	if session.Epoch(request.Identity) == before || e.Status().Revision == "" {
		t.Errorf("the epoch did not move, or the status does not know: %+v", e.Status())
	}
	if err := e.Apply(Options{}); err != nil {
		t.Fatal(err)
	}
	if d := session.Decide(request, topic(access.OpRead, "payroll")); d.Stops() {
		t.Errorf("without rules again: %+v", d)
	}
}
