package policy

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestApplyUnderLoad: while policies, grants and epochs change, every decision is one that some policy of the moment makes,
// whole: never a verdict of one with the revision of another.
func TestApplyUnderLoad(t *testing.T) {
	// Policy n allows the topics whose number has its parity, and says its n; the data say the same as the rules.
	at := func(n int) Rules {
		r := rules(fmt.Sprintf(`decision := {
	"allow": data.parity == to_number(substring(input.action.resource.name, 1, 1)) %% 2,
	"rule": "%d", "reason": sprintf("%%s %%d", [input.principal.name, data.parity]),
}`, n))
		r.Data = map[string]any{"parity": n % 2}
		return r
	}
	const policies = 4
	revisions := map[string]int{}
	for n := range policies {
		r := at(n)
		revisions[r.Revision()] = n
	}
	e := newEngine(t, Options{Rules: at(0)})
	var wrong atomic.Pointer[access.Decision]
	stop := make(chan struct{})
	var wg, started sync.WaitGroup
	for i := range 4 {
		s := testSession()
		session := e.Session(s)
		for range 2 { // both pumps of a connection
			wg.Add(1)
			started.Add(1)
			go func() {
				defer wg.Done()
				name := fmt.Sprint("app", i%2)
				identities := []*access.Request{testRequest(s, "User:"+name), testRequest(s, "User:"+name)}
				for n := 0; ; n++ {
					r, number := identities[n/64%2], n%10
					d := session.Decide(r, topic(access.OpRead, fmt.Sprint("t", number)))
					session.Epoch(r.Identity)
					p, known := revisions[d.Policy]
					want := access.Deny
					if p%2 == number%2 {
						want = access.Allow
					}
					if !known || d.Verdict != want || d.Rule != fmt.Sprint(p) || d.Reason != fmt.Sprint(name, " ", p%2) {
						wrong.Store(d)
					}
					if n == 0 {
						started.Done()
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
		}
	}
	started.Wait()
	for n := 1; n <= 30; n++ {
		if err := e.Apply(Options{Rules: at(n % policies), Deadline: 10 * time.Second}); err != nil {
			t.Error(err)
		}
		e.SetGrants([]Grant{{ID: fmt.Sprint(n), Principal: "User:app0"}})
		e.Bump("User:app1")
		if err := e.Apply(Options{Rules: rules("decision := ")}); err == nil {
			t.Error("a bad policy was applied")
		}
		e.Stats()
		e.Status()
	}
	close(stop)
	wg.Wait()
	if d := wrong.Load(); d != nil {
		t.Errorf("a decision that no policy makes: %+v", d)
	}
}

// TestEpochs: they move with the policy, with the grants and with the principal, and never come back.
func TestEpochs(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true}`)})
	s := testSession()
	session := e.Session(s)
	erp, crm := testRequest(s, "User:erp").Identity, testRequest(s, "User:crm").Identity
	seen := map[uint64]bool{}
	last := session.Epoch(erp)
	moved := func(what string, want bool) {
		t.Helper()
		now := session.Epoch(erp)
		if (now != last) != want {
			t.Errorf("%s: the epoch went from %d to %d", what, last, now)
		}
		if now != last && seen[now] {
			t.Errorf("%s: epoch %d was there before", what, now)
		}
		seen[now], last = true, now
	}
	moved("nothing", false)
	session.Epoch(crm)
	moved("another identity was asked for", false)
	e.Bump("User:crm")
	moved("another principal's moved", false)
	e.Bump("User:erp")
	moved("its own moved", true)
	if err := e.Apply(Options{Rules: rules(`decision := {"allow": false}`)}); err != nil {
		t.Fatal(err)
	}
	moved("the policy changed", true)
	if err := e.Apply(Options{Rules: rules("no")}); err == nil {
		t.Fatal("it loaded")
	}
	moved("a policy did not load", false)
	e.SetGrants(nil)
	moved("the grants changed", true)
	e.Bump("User:erp")
	moved("its own moved again", true)
}

// TestForgottenPrincipals: there are only so many epochs, and one who was forgotten does not get an old number again.
func TestForgottenPrincipals(t *testing.T) {
	var e Engine
	e.current.Store(&snapshot{})
	s := testSession()
	session := e.Session(s)
	erp := testRequest(s, "User:erp").Identity
	before := session.Epoch(erp)
	for i := range maxPrincipals {
		e.epochs.of(fmt.Sprint("User:", i))
	}
	if n := e.epochs.len(); n != maxPrincipals {
		t.Errorf("%d principals are kept; want %d", n, maxPrincipals)
	}
	e.Bump("User:erp") // nobody knows any more that a session has it
	after := session.Epoch(erp)
	if after <= before {
		t.Errorf("the epoch went from %d to %d", before, after)
	}
	e.Bump("User:erp")
	if again := session.Epoch(erp); again <= after {
		t.Errorf("a forgotten principal's session does not see its epoch move: %d, then %d", after, again)
	}
}

// TestCachesAreBounded, whatever a client names.
func TestCachesAreBounded(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true} if input.action.resource.name != input.request.group`)})
	s := testSession()
	session, r := e.Session(s), testRequest(s, "User:erp")
	p := e.snapshot().running
	a := &answer{fresh: unruled.fresh, cached: unruled.cached, keep: true}
	for i := range 3 * cacheShards * 2 * shardSize {
		p.cache.put(fmt.Append(nil, i), a)
	}
	if n := p.cache.len(); n > cacheShards*2*shardSize {
		t.Errorf("the policy's cache holds %d answers", n)
	}
	for i := range 4 * maxSlots {
		session.Decide(r, topic(access.OpRead, fmt.Sprint("t", i)))
	}
	if n := len(session.table.Load().slots); n != maxSlots {
		t.Errorf("the session's table has %d slots; want %d", n, maxSlots)
	}
	long := fmt.Sprintf("%0600d", 1)
	r.Group = long
	for range 2 {
		session.Decide(r, topic(access.OpRead, "t"))
	}
	l := e.snapshot().parts.lookup(r, topic(access.OpRead, "t"))
	if session.table.Load().find(&l) != nil {
		t.Error("the session's table keeps long names")
	}
	if key := shorten(make([]byte, 5000)); len(key) > maxKey {
		t.Errorf("a key has %d bytes", len(key))
	}
	if d := session.Decide(r, topic(access.OpRead, "t")); !d.Cached {
		t.Error("long names are not cached at all")
	}
}

// TestHitsAllocateNothing.
func TestHitsAllocateNothing(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true} if {
	input.request.group == "g"
	input.time.hour >= 0
	input.request.version > 0
}`)})
	s := testSession()
	session, r, a := e.Session(s), testRequest(s, "User:erp"), topic(access.OpRead, "orders")
	r.Group = "g"
	first := session.Decide(r, a)
	if n := testing.AllocsPerRun(1000, func() {
		if d := session.Decide(r, a); !d.Cached {
			t.Fatal("it is not cached")
		}
		session.Epoch(r.Identity)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if first.Cached {
		t.Error("the first decision says it came from a cache")
	}
}

// TestSharedBetweenSessions: what one session asked, another's first question gets from the policy's cache, unless the
// rules read what tells the two apart.
func TestSharedBetweenSessions(t *testing.T) {
	for _, c := range []struct {
		rule   string
		shared bool
	}{
		{`decision := {"allow": true} if input.principal.name == "erp"`, true},
		{`decision := {"allow": true} if input.session.id != ""`, false},
		{`decision := {"allow": true} if input != {}`, false},
		{`decision := {"allow": time.now_ns() > 0}`, false},
		{`decision := {"allow": rand} if { rand := input.action.operation == "READ" }`, true},
	} {
		e := newEngine(t, Options{Rules: rules(c.rule)})
		one, two := testSession(), testSession()
		two.ID[15]++
		e.Session(one).Decide(testRequest(one, "User:erp"), topic(access.OpRead, "t"))
		if d := e.Session(two).Decide(testRequest(two, "User:erp"), topic(access.OpRead, "t")); d.Cached != c.shared || d.Verdict != access.Allow {
			t.Errorf("%s: %+v; want cached %t", c.rule, d, c.shared)
		}
	}
}

// TestVolatile: what is never the same is asked each time, and again by the end of the minute.
func TestVolatile(t *testing.T) {
	for _, builtin := range []string{
		`time.now_ns() > 0`,
		`is_boolean(json.match_schema({}, {})[0])`,
		`count(crypto.x509.parse_and_verify_certificates("")) > 5; false`,
	} {
		e, err := New(Options{Rules: rules("decision := {\"allow\": true} if { " + builtin + " }\n\ndefault decision := {\"allow\": true}"), Deadline: 10 * time.Second})
		if err != nil {
			t.Fatalf("%s: %v", builtin, err)
		}
		if !e.snapshot().running.reads.volatile || !e.snapshot().running.reads.clock() {
			t.Errorf("%s counts as always the same", builtin)
		}
	}
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": time.now_ns() > 0}`)})
	s := testSession()
	session, r := e.Session(s), testRequest(s, "User:erp")
	for range 3 {
		if d := session.Decide(r, topic(access.OpRead, "t")); d.Cached || d.NotAfter.IsZero() {
			t.Errorf("%+v", d)
		}
	}
	if n := e.Stats().Evaluations; n != 3 {
		t.Errorf("%d evaluations; want 3", n)
	}
}

// TestAskedOnce: what a hundred connections of one principal ask at the same time is evaluated about once.
func TestAskedOnce(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true} if {
	some i in numbers.range(1, 2000)
	i + count(input.action.resource.name) == 2001
}`)})
	var wg sync.WaitGroup
	start := make(chan struct{})
	const connections = 100
	for range connections {
		s := testSession()
		session, r := e.Session(s), testRequest(s, "User:erp")
		wg.Go(func() {
			<-start
			if d := session.Decide(r, topic(access.OpRead, "t")); d.Stops() {
				t.Errorf("%+v", d)
			}
		})
	}
	close(start)
	wg.Wait()
	if n := e.Stats(); n.Evaluations > uint64(runtime.GOMAXPROCS(0)) || n.Evaluations+n.Hits != connections {
		t.Errorf("%d evaluations, %d hits", n.Evaluations, n.Hits)
	}
	if !e.running.evaluator.idle() {
		t.Error("turns are kept")
	}
}

// Two changes take their numbers in one order and take effect in the other: the second moves the epoch too, for what was
// decided between the two was decided without it.
func TestEpochMovesWithTheLaterOfTwoChanges(t *testing.T) {
	e := newEngine(t, Options{Rules: rules(`decision := {"allow": true}`)})
	s := testSession()
	session, id := e.Session(s), testRequest(s, "User:app").Identity
	session.Epoch(id)

	late := *e.current.Load() // a policy that has its number, and is not in force yet
	late.epoch = e.epochs.next()
	e.Bump("User:app")
	between := session.Epoch(id)
	e.current.Store(&late)
	if got := session.Epoch(id); got <= between {
		t.Errorf("epoch %d before the policy was in force, and %d after it", between, got)
	}

	p := e.epochs.of("User:app") // and the same the other way round
	number := e.epochs.next()
	e.SetGrants(nil)
	between = session.Epoch(id)
	p.epoch.Store(number)
	if got := session.Epoch(id); got <= between {
		t.Errorf("epoch %d before the principal's change, and %d after it", between, got)
	}
}
