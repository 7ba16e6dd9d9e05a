package policy

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"doorkeeper/access"
)

// A clock that tests move.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *testClock { return &testClock{t: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}

func openAccounts(t testing.TB, c *testClock, path string) *Accounts {
	t.Helper()
	a, warning, err := OpenAccounts(AccountOptions{Path: path, Now: c.now, Delay: time.Hour})
	if warning != nil || err != nil {
		t.Fatal(warning, err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func limits(rate, burst int64, budgets ...access.Budget) *access.Limits {
	return &access.Limits{FetchBytesPerSecond: rate, ProduceBytesPerSecond: rate, BurstBytes: burst, Budgets: budgets}
}

func allowing(l *access.Limits) *access.Decision {
	return &access.Decision{Verdict: access.Allow, Enforced: true, Rule: "limited", Policy: "sha256:1", Limits: l}
}

func sessionFrom(source string) *access.Session {
	return &access.Session{Cluster: "erp", Source: netip.MustParseAddrPort(source)}
}

func identified(principal string) *access.Identity {
	return &access.Identity{Principal: principal, Source: access.Observed}
}

// planOf is the plan of a session that may read one topic under those limits.
func planOf(a *Accounts, principal string, l *access.Limits) *Plan {
	m := a.Meter(sessionFrom("10.0.0.1:1000"))
	return m.Plan([]*Tariff{m.Tariff(identified(principal), allowing(l), Read, "orders")})
}

func TestPrincipalsDoNotShare(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	l := limits(1000, 1000, access.Budget{Bytes: 5000, Window: time.Hour})
	erp, crm := planOf(a, "User:erp", l), planOf(a, "User:crm", l)
	erp.Spend(100_000)
	erp.tariffs[0].Charge(100_000, 1)
	if got := erp.Allowance(1 << 20); got.Bytes != 0 {
		t.Errorf("%+v for who has spent everything", got)
	}
	if got := crm.Allowance(1 << 20); got.Bytes != 1000 {
		t.Errorf("%+v for somebody else; want 1000", got)
	}
	if again := planOf(a, "User:erp", l); again.Allowance(1).Bytes != 0 {
		t.Error("another session of the same principal has a bucket of its own")
	}
	if d := crm.tariffs[0].within(); d.Stops() {
		t.Errorf("somebody else is denied: %s", d.Reason)
	}
}

// Nobody in particular is counted by where they are.
func TestTheAnonymousAreCountedBySource(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	d := allowing(limits(1000, 1000, access.Budget{Bytes: 1000, Window: time.Hour}))
	for _, id := range []*access.Identity{
		nil, {Principal: access.Anonymous, Source: access.None}, {Principal: "User:?", Source: access.Unverified},
	} {
		tariff := func(source string) *Tariff { return a.Meter(sessionFrom(source)).Tariff(id, d, Read, "orders") }
		here, beside, there := tariff("10.0.0.1:1000"), tariff("10.0.0.1:2000"), tariff("10.0.0.2:1000")
		if here.bucket != beside.bucket || here.counters[0] != beside.counters[0] {
			t.Error("two connections of one source do not share")
		}
		if here.bucket == there.bucket || here.counters[0] == there.counters[0] {
			t.Error("two sources share")
		}
	}
}

func TestKeysOfBudgets(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	id := &access.Identity{Principal: "User:erp", Source: access.Mapped, TLS: &access.TLS{Fingerprint: "ab12"}}
	d := allowing(nil)
	d.Labels = map[string]string{"team": "billing"}
	for _, c := range []struct{ key, wantKey, wantValue string }{
		{"", "principal", "User:erp"},
		{"principal", "principal", "User:erp"},
		{"source", "source", "10.0.0.1"},
		{"certificate", "certificate", "ab12"},
		{"topic", "topic", "orders"},
		{"team", "team", "billing"},
		{"cost_centre", "principal", "User:erp"}, // a label that the decision has not
	} {
		d := *d
		d.Limits = limits(0, 0, access.Budget{Bytes: 10, Window: time.Hour, Key: c.key})
		k := a.Meter(sessionFrom("10.0.0.1:1000")).Tariff(id, &d, Read, "orders").counters[0].key
		if k.key != c.wantKey || k.value != c.wantValue {
			t.Errorf("key %q counts for %s %s; want %s %s", c.key, k.key, k.value, c.wantKey, c.wantValue)
		}
	}
	bare := &access.Identity{Principal: "User:erp", Source: access.Observed}
	d.Limits = limits(0, 0, access.Budget{Bytes: 10, Window: time.Hour, Key: "certificate"})
	if k := a.Meter(sessionFrom("10.0.0.1:1000")).Tariff(bare, d, Read, "orders").counters[0].key; k.key != "principal" {
		t.Errorf("who has no certificate counts for %s", k.key)
	}
}

// A login in the middle of a session leaves the source's account and takes the principal's.
func TestALoginChangesTheAccount(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, d := a.Meter(sessionFrom("10.0.0.1:1000")), allowing(limits(1000, 1000))
	before := m.Tariff(nil, d, Read, "orders")
	first := identified("User:erp")
	after, renewed := m.Tariff(first, d, Read, "orders"), m.Tariff(identified("User:erp"), d, Read, "orders")
	if before.bucket == after.bucket {
		t.Error("the login still pays from the source's bucket")
	}
	if after.bucket != renewed.bucket {
		t.Error("a renewed login pays from another bucket")
	}
	m.Close()
	if a.idle.Len() != 2 {
		t.Errorf("%d accounts are idle after the session; want 2", a.idle.Len())
	}
}

// Accounts are bounded: the oldest that owes nothing goes first.
func TestAccountsAreBounded(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	a.max = 10
	d := allowing(limits(1, 1))
	for i := range 30 {
		m := a.Meter(sessionFrom("10.0.0.1:1000"))
		p := m.Plan([]*Tariff{m.Tariff(identified(fmt.Sprint("User:", i)), d, Read, "orders")})
		if i < 3 {
			p.Spend(1 << 20)
		}
		m.Close()
	}
	if len(a.byID) != 10 {
		t.Errorf("%d accounts; want 10", len(a.byID))
	}
	for i := range 3 {
		if a.byID[accountID{"erp", fmt.Sprint("User:", i)}] == nil {
			t.Errorf("the account of User:%d, which owes, was closed before others that do not", i)
		}
	}
}

// Reads in flight count: two connections of a principal do not both get the whole of what is left.
func TestPromisesCount(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	l := limits(1000, 1000, access.Budget{Bytes: 10_000, Window: time.Hour})
	one, two := planOf(a, "User:erp", l), planOf(a, "User:erp", l)
	got := one.Allowance(1 << 20)
	one.Promise(got.Bytes)
	if second := two.Allowance(1 << 20); second.Bytes != 0 || second.Wait <= 0 {
		t.Errorf("the second gets %+v while the first may bring everything", second)
	}
	one.Promise(-got.Bytes)
	if second := two.Allowance(1 << 20); second.Bytes != 1000 {
		t.Errorf("the second gets %+v after the first brought nothing", second)
	}
}

func TestTheLowestRateApplies(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	watched := limits(10, 10)
	watched.Watched = true
	tariffs := []*Tariff{
		m.Tariff(id, allowing(limits(5000, 0)), Read, "a"), nil,
		m.Tariff(id, allowing(limits(2000, 0)), Read, "b"), m.Tariff(id, allowing(watched), Read, "c"),
		m.Tariff(id, allowing(limits(0, 0)), Read, "d"),
	}
	p := m.Plan(tariffs)
	if p.Rate().PerSecond != 2000 || p.watched {
		t.Errorf("rate %+v, watched %v; want 2000, which is enforced", p.Rate(), p.watched)
	}
	if again := m.Plan(append([]*Tariff(nil), tariffs...)); again != p {
		t.Error("the same decisions have another plan")
	}
	if p := m.Plan(tariffs[3:4]); p.Rate().PerSecond != 10 || !p.watched {
		t.Errorf("rate %+v, watched %v; want 10, which is watched", p.Rate(), p.watched)
	}
	if m.Plan([]*Tariff{nil, nil}) != nil {
		t.Error("a plan for what nobody limits")
	}
}

func TestWatchedLimitsAreCountedAndSaid(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	l := limits(1000, 1000, access.Budget{Bytes: 100, Window: time.Hour})
	l.Watched = true
	d := allowing(l)
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	tariff := m.Tariff(id, d, Read, "orders")
	if got := m.Within(id, d, Read, "orders"); got != d {
		t.Error("another decision before anything was spent")
	}
	tariff.Charge(100, 0)
	got := m.Within(id, d, Read, "orders")
	if got.Stops() || got.Would == nil || got.Would.Verdict != access.Deny || got.Would.Limit != LimitBudgets || got.Would.Rule != "limited" {
		t.Errorf("%+v, would %+v; want it allowed, and what would have been", got, got.Would)
	}
	if again := m.Within(id, got, Read, "orders"); again.Stops() {
		t.Error("what is watched denies at the second look")
	}
	if w := tariff.WouldWait(); w.Would.Limit != LimitFetchRate || w.Stops() || tariff.WouldWait() != w {
		t.Errorf("would %+v", w.Would)
	}
}

func TestALimitedSessionForgetsOldTariffs(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	last := m.Epoch()
	for range maxTariffs + 10 {
		m.Tariff(id, allowing(limits(1000, 0)), Read, "orders")
		if e := m.Epoch(); e < last {
			t.Fatal("the epoch went back")
		} else {
			last = e
		}
	}
	if len(m.tariffs) > maxTariffs {
		t.Errorf("%d tariffs are remembered", len(m.tariffs))
	}
}

func BenchmarkCharge(b *testing.B) {
	a, _, err := OpenAccounts(AccountOptions{Path: filepath.Join(b.TempDir(), "budgets"), Delay: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	l := limits(1<<40, 0, access.Budget{Bytes: 1 << 60, Window: 24 * time.Hour}, access.Budget{Messages: 1 << 60, Window: time.Hour, Key: "topic"})
	p := planOf(a, "User:erp", l)
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("rate", func() { p.Spend(64 << 10) })
	run("two budgets", func() { p.tariffs[0].Charge(64<<10, 100) })
	run("allowance", func() { p.Allowance(50 << 20) })
}

// In monitor mode, and under a decision that is not to be enforced, limits are only watched.
func TestTheEngineSaysWhichLimitsAreWatched(t *testing.T) {
	const open = `decision := {"allow": true, "enforce": %v, "limits": {"fetch_bytes_per_second": 1000}}`
	for _, c := range []struct {
		mode    Mode
		enforce bool
		want    bool
	}{{Enforce, true, false}, {Enforce, false, true}, {Monitor, true, true}, {Monitor, false, true}} {
		s := testSession()
		e := newEngine(t, Options{Mode: c.mode, Rules: rules(fmt.Sprintf(open, c.enforce))})
		d := e.Session(s).Decide(testRequest(s, "User:erp"), topic(access.OpRead, "orders"))
		if d.Verdict != access.Allow || d.Limits == nil || d.Limits.Watched != c.want {
			t.Errorf("%s, enforce %v: %+v; want it watched: %v", c.mode, c.enforce, d.Limits, c.want)
		}
	}
}
