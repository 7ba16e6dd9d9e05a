package policy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorkeeper/access"
)

func budgetOf(b access.Budget) *access.Limits { return &access.Limits{Budgets: []access.Budget{b}} }

// A spent budget denies to the end of its window, under the policy's rule, and says why and until when.
func TestASpentBudgetDenies(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	d := allowing(budgetOf(access.Budget{Bytes: 1000, Window: 24 * time.Hour}))
	tariff := m.Tariff(id, d, Read, "orders")
	before := m.Epoch()

	tariff.Charge(999, 0)
	if got := m.Within(id, d, Read, "orders"); got != d {
		t.Fatalf("%+v with a byte left", got)
	}
	if m.Epoch() != before {
		t.Error("the epoch moves although nothing has changed")
	}
	tariff.Charge(500, 0)
	got := m.Within(id, d, Read, "orders")
	midnight := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	want := "the budget of 1000 bytes per 24h by principal is spent until 2026-11-25T00:00:00Z; it counts this proxy alone"
	if got.Verdict != access.Deny || !got.Stops() || got.Rule != "limited" || got.Reason != want || !got.NotAfter.Equal(midnight) || got.Policy != d.Policy {
		t.Errorf("%+v", got)
	}
	if again := m.Within(id, d, Read, "orders"); again != got {
		t.Error("the denial is made anew each time")
	}
	spent := m.Epoch()
	if spent <= before {
		t.Error("the epoch did not move when the budget was spent")
	}
	clock.add(midnight.Sub(clock.now()) - time.Nanosecond)
	if !m.Within(id, d, Read, "orders").Stops() || m.Epoch() != spent {
		t.Error("it is over before the window is")
	}
	clock.add(time.Nanosecond)
	if got := m.Within(id, d, Read, "orders"); got != d || m.Epoch() <= spent {
		t.Errorf("%+v, epoch %d after %d, in the next window", got, m.Epoch(), spent)
	}
}

// A decision's own end stays where it is earlier.
func TestADenialEndsWithItsDecision(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	d := allowing(budgetOf(access.Budget{Bytes: 1, Window: 24 * time.Hour}))
	d.NotAfter = clock.now().Add(time.Minute)
	m.Tariff(id, d, Read, "orders").Charge(1, 0)
	if got := m.Within(id, d, Read, "orders"); !got.Stops() || !got.NotAfter.Equal(d.NotAfter) {
		t.Errorf("%+v", got)
	}
}

// Near the end of a budget a request may bring what is left of it.
func TestWhatABudgetLeaves(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	p := planOf(a, "User:erp", budgetOf(access.Budget{Bytes: 1 << 20, Window: time.Hour}))
	if got := p.Allowance(50 << 20); got.Bytes != 1<<20 || got.Limit != LimitBudgets {
		t.Errorf("%+v; want all of the budget", got)
	}
	if got := p.Allowance(1000); got.Bytes != 1000 || got.Limit != "" {
		t.Errorf("%+v; want all that was asked for, and no limit near", got)
	}
	p.tariffs[0].Charge(1<<20, 0)
	if got := p.Allowance(1000); got.Bytes != 0 || got.Wait != time.Hour {
		t.Errorf("%+v; want nothing for an hour", got)
	}

	// Messages weigh what they did before.
	p = planOf(a, "User:crm", budgetOf(access.Budget{Messages: 1000, Window: time.Hour}))
	p.tariffs[0].Charge(90_000, 900)
	if got := p.Allowance(50 << 20); got.Bytes != 100*100 {
		t.Errorf("%+v; want the weight of 100 messages", got)
	}
}

// The last bytes of one topic's budget do not hold up another topic in the same request.
func TestABudgetOfAPartChokesNoOther(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	m, id := a.Meter(sessionFrom("10.0.0.1:1000")), identified("User:erp")
	d := allowing(budgetOf(access.Budget{Bytes: 1000, Window: time.Hour, Key: "topic"}))
	one, two := m.Tariff(id, d, Read, "a"), m.Tariff(id, d, Read, "b")
	if one == two || one.counters[0] == two.counters[0] {
		t.Fatal("two topics share a budget by topic")
	}
	if got := m.Plan([]*Tariff{one, two}).Allowance(50 << 20); got.Bytes != partFloor {
		t.Errorf("%+v; want %d", got, partFloor)
	}
	if got := m.Plan([]*Tariff{one, one}).Allowance(50 << 20); got.Bytes != 1000 {
		t.Errorf("%+v; want 1000 where all of the request is counted", got)
	}
}

func TestCountersAreBounded(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	a.budgets.limit = 10
	d := allowing(budgetOf(access.Budget{Bytes: 100, Window: time.Hour, Key: "source"}))
	tariff := func(i int) *Tariff {
		return a.Meter(sessionFrom(fmt.Sprintf("10.0.0.%d:1", i))).Tariff(nil, d, Read, "orders")
	}
	for i := range 10 {
		tariff(i).Charge(100, 0)
	}
	more, most := tariff(20), tariff(21)
	if more.counters[0] != most.counters[0] || len(a.budgets.byKey) != 11 {
		t.Errorf("%d counters; want the eleventh to be everybody else's", len(a.budgets.byKey))
	}
	for i := range 10 {
		if !tariff(i).within().Stops() {
			t.Error("newcomers have pushed out who has spent its budget")
		}
	}
	clock.add(time.Hour)
	if fresh := tariff(30); fresh.counters[0].key.value != "10.0.0.30" || len(a.budgets.byKey) > 2 {
		t.Errorf("%d counters, %+v, although the old windows are over", len(a.budgets.byKey), fresh.counters[0].key)
	}
}

// A session that held a counter which was dropped gets the one that others have.
func TestADroppedCounterIsFoundAgain(t *testing.T) {
	clock := newClock()
	a := openAccounts(t, clock, "")
	a.budgets.limit = 1
	m, d := a.Meter(sessionFrom("10.0.0.1:1")), allowing(budgetOf(access.Budget{Bytes: 100, Window: time.Hour, Key: "source"}))
	old := m.Tariff(nil, d, Read, "orders")
	clock.add(time.Hour)
	a.Meter(sessionFrom("10.0.0.2:1")).Tariff(nil, d, Read, "orders")
	if again := m.Tariff(nil, d, Read, "orders"); again == old || again.counters[0].gone.Load() {
		t.Error("it goes on with a counter that nobody sees")
	}
}

// A model of budgets: sums by window. Charges, refunds, steps of the clock, and restarts, of which the file is the only
// thing that stays.
func TestWindowsAndRestarts(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		clock := newClock()
		path := filepath.Join(t.TempDir(), "budgets")
		window := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 90 * time.Minute}[rng.IntN(6)]
		b := access.Budget{Bytes: 1 + rng.Int64N(5000), Window: window}
		if rng.IntN(2) == 0 {
			b.Bytes, b.Messages = 0, b.Bytes
		}
		d := allowing(budgetOf(b))
		id := identified("User:erp")
		a, _, err := OpenAccounts(AccountOptions{Path: path, Now: clock.now, Delay: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		m := a.Meter(sessionFrom("10.0.0.1:1"))
		sums := map[int64]int64{}
		for range 200 {
			w := clock.now().UnixNano() / int64(window)
			switch tariff := m.Tariff(id, d, Read, "orders"); rng.IntN(6) {
			case 0, 1, 2:
				n := rng.Int64N(500)
				tariff.Charge(n+7*b.Messages, n)
				sums[w] += n
			case 3:
				at := clock.now()
				n := rng.Int64N(100)
				tariff.Charge(n, n)
				clock.add(time.Duration(rng.Int64N(int64(window)) / 4))
				tariff.Refund(n, n, at)
				if now := clock.now().UnixNano() / int64(window); now != w {
					sums[w] += n // it was the other window's
				}
			case 4:
				clock.add(time.Duration(rng.Int64N(int64(window))))
			case 5:
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				var warning error
				if a, warning, err = OpenAccounts(AccountOptions{Path: path, Now: clock.now, Delay: time.Hour}); warning != nil || err != nil {
					t.Fatal(warning, err)
				}
				m = a.Meter(sessionFrom("10.0.0.1:1"))
			}
			now := clock.now().UnixNano() / int64(window)
			tariff := m.Tariff(id, d, Read, "orders")
			tariff.within()
			if got := tariff.counters[0].used.Load(); got != sums[now] {
				t.Fatalf("seed %d: %d used of %+v; want %d", seed, got, b, sums[now])
			}
			if got, want := m.Within(id, d, Read, "orders").Stops(), sums[now] >= b.Bytes+b.Messages; got != want {
				t.Fatalf("seed %d: denied %v with %d used of %+v", seed, got, sums[now], b)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a clean end what was charged a second ago is there: that is the bound.
func TestAKilledProcessLosesASecond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "budgets")
	synctest.Test(t, func(t *testing.T) {
		a, _, err := OpenAccounts(AccountOptions{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		d := allowing(budgetOf(access.Budget{Bytes: 1 << 30, Window: 365 * 24 * time.Hour}))
		tariff := a.Meter(sessionFrom("10.0.0.1:1")).Tariff(identified("User:erp"), d, Read, "orders")
		for i := range int64(10) {
			tariff.Charge(100, 0)
			time.Sleep(time.Second + 100*time.Millisecond)
			synctest.Wait()
			killed, _, err := OpenAccounts(AccountOptions{Path: path, Delay: time.Hour}) // as after kill -9
			if err != nil {
				t.Fatal(err)
			}
			again := killed.Meter(sessionFrom("10.0.0.1:1")).Tariff(identified("User:erp"), d, Read, "orders")
			if got := again.counters[0].used.Load(); got != 100*(i+1) {
				t.Fatalf("%d bytes are known; want %d", got, 100*(i+1))
			}
			if err := killed.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestABudgetFileThatIsNone(t *testing.T) {
	clock := newClock()
	for _, text := range []string{"", "nonsense", `{"version":2}`} {
		path := filepath.Join(t.TempDir(), "budgets")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, warning, err := OpenAccounts(AccountOptions{Path: path, Now: clock.now})
		if err != nil || warning == nil || !strings.Contains(warning.Error(), path+".corrupt") {
			t.Fatalf("%q: warning %v, error %v", text, warning, err)
		}
		if kept, err := os.ReadFile(path + ".corrupt"); err != nil || string(kept) != text {
			t.Errorf("%q is kept as %q, %v", text, kept, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNonsenseInABudgetFileIsLeftOut(t *testing.T) {
	clock := newClock()
	path := filepath.Join(t.TempDir(), "budgets")
	entry := func(window, start, unit string, amount, used int) string {
		return fmt.Sprintf(`{"cluster":"erp","key":"principal","value":"User:%s %s %s %d","unit":%q,"amount":%d,"window":%q,"start":%q,"used":%d}`, window, start, unit, used, unit, amount, window, start, used)
	}
	text := `{"version":1,"budgets":[` + strings.Join([]string{
		entry("1h0m0s", "2026-11-24T12:00:00Z", "bytes", 10, 5), // the good one
		entry("1h0m0s", "2026-11-24T11:00:00Z", "bytes", 10, 5), // over
		entry("1h0m0s", "2026-11-24T14:00:00Z", "bytes", 10, 5), // far ahead
		entry("1h0m0s", "2026-11-24T12:00:01Z", "bytes", 10, 5), // no beginning of a window
		entry("1h0m0s", "2026-11-24T12:00:00Z", "grams", 10, 5),
		entry("0s", "2026-11-24T12:00:00Z", "bytes", 10, 5),
		entry("long", "2026-11-24T12:00:00Z", "bytes", 10, 5),
		entry("1h0m0s", "2026-11-24T12:00:00Z", "bytes", 0, 5),
		entry("1h0m0s", "2026-11-24T12:00:00Z", "bytes", 10, -5),
	}, ",") + `]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := openAccounts(t, clock, path)
	if len(a.budgets.byKey) != 1 {
		t.Errorf("%d budgets; want the one that can be", len(a.budgets.byKey))
	}
	if s := a.Stats(); s.Budgets != 1 || s.Spent != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAnUnwritableFileIsSaid(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state", "budgets")
	said := make(chan error, 1)
	a, _, err := OpenAccounts(AccountOptions{Path: path, Delay: time.Millisecond, Failed: func(err error) {
		select {
		case said <- err:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	d := allowing(budgetOf(access.Budget{Bytes: 10, Window: time.Hour}))
	a.Meter(sessionFrom("10.0.0.1:1")).Tariff(nil, d, Read, "orders").Charge(1, 0)
	if err := <-said; !strings.Contains(err.Error(), path) {
		t.Errorf("it says %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil { // it was tried again
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Charges of many sessions, while windows end and the file is written: in the end nothing is lost.
func TestBudgetsFromManySides(t *testing.T) {
	clock := newClock()
	path := filepath.Join(t.TempDir(), "budgets")
	a, _, err := OpenAccounts(AccountOptions{Path: path, Now: clock.now, Delay: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	day := allowing(&access.Limits{Budgets: []access.Budget{
		{Bytes: 1 << 40, Window: 24 * time.Hour}, {Messages: 100, Window: time.Second},
	}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			m, id := a.Meter(sessionFrom(fmt.Sprintf("10.0.0.%d:1", i))), identified("User:erp")
			defer m.Close()
			for range 500 {
				m.Tariff(id, day, Read, "orders").Charge(3, 1)
				m.Within(id, day, Read, "orders")
				m.Epoch()
				clock.add(time.Millisecond)
			}
		})
	}
	all.Wait()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAccounts(t, clock, path)
	tariff := again.Meter(sessionFrom("10.0.0.1:1")).Tariff(identified("User:erp"), day, Read, "orders")
	if got := tariff.counters[0].used.Load(); got != 8*500*3 {
		t.Errorf("%d bytes; want %d", got, 8*500*3)
	}
}
