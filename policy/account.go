package policy

import (
	"container/list"
	"sync"
	"time"

	"doorkeeper/access"
)

// AccountOptions say where budgets are kept.
type AccountOptions struct {
	Path   string           // the file of the budgets; "": they do not survive this process
	Delay  time.Duration    // how long a charge may be unwritten; 0: a second
	Now    func() time.Time // nil: time.Now
	Failed func(error)      // told when the file cannot be written; may be nil
}

// Accounts count what principals move, and say what the limits of their decisions leave them. They outlive policies: a
// reload changes limits, not what was used of them.
//
// They count what passed this process. Two proxies before one cluster give everybody twice the rate and the budget.
//
// What a process did not live to write down is forgotten: with kill -9 the charges of the last second (Delay, and a
// twentieth more of what writing takes when there are very many).
type Accounts struct {
	now     func() time.Time
	start   time.Time
	budgets budgets
	path    string

	mu   sync.Mutex
	byID map[accountID]*Account
	idle list.List // of *Account that no session holds, oldest first
	max  int
}

// maxAccounts bounds the accounts of principals that have no session; the oldest is closed first.
const maxAccounts = 100_000

type accountID struct{ cluster, principal string }

// An Account is one principal's: its buckets. Sessions without an identity of their own have the account of their
// source.
type Account struct {
	id       accountID
	fetch    Bucket
	produce  Bucket
	sessions int           // that hold it
	resting  *list.Element // in idle; nil while a session holds it
}

// OpenAccounts reads the budgets that were kept. warning says that the file could not be understood and was set aside.
func OpenAccounts(o AccountOptions) (a *Accounts, warning, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Delay <= 0 {
		o.Delay = time.Second
	}
	a = &Accounts{now: o.Now, start: o.Now(), path: o.Path, byID: map[accountID]*Account{}, max: maxAccounts}
	a.budgets.byKey, a.budgets.limit = map[budgetKey]*counter{}, maxCounters
	if o.Path == "" {
		return a, nil, nil
	}
	f, warning, err := readBudgets(o.Path)
	if err != nil {
		return nil, warning, err
	}
	a.budgets.restore(f, a.start.UnixNano())
	a.budgets.keep = newKeeper(o.Delay, a.write, o.Failed)
	return a, warning, nil
}

func (a *Accounts) write() error { return writeBudgets(a.path, a.budgets.snapshot(a.now().UnixNano())) }

// Close writes the budgets down for the last time.
func (a *Accounts) Close() error {
	if a.budgets.keep == nil {
		return nil
	}
	return a.budgets.keep.close()
}

// AccountStats are what telemetry shows.
type AccountStats struct {
	Principals int // with an account
	Budgets    int // with a counter
	Spent      int // of them, those with nothing left now
}

// Stats counts. It takes time in proportion to the budgets.
func (a *Accounts) Stats() AccountStats {
	a.mu.Lock()
	s := AccountStats{Principals: len(a.byID)}
	a.mu.Unlock()
	wall := a.now().UnixNano()
	a.budgets.mu.Lock()
	defer a.budgets.mu.Unlock()
	s.Budgets = len(a.budgets.byKey)
	for _, c := range a.budgets.byKey {
		if c.isSpent(wall) {
			s.Spent++
		}
	}
	return s
}

// mono is the accounts' clock for rates: nanoseconds since they were opened, whatever is done to the wall clock.
func (a *Accounts) mono(now time.Time) int64 { return int64(now.Sub(a.start)) }

// account finds or opens an account for one session more.
func (a *Accounts) account(id accountID) *Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.byID[id]
	if acc == nil {
		acc = &Account{id: id}
		a.byID[id] = acc
	}
	acc.sessions++
	if acc.resting != nil {
		a.idle.Remove(acc.resting)
		acc.resting = nil
	}
	return acc
}

// leave ends a session's hold on an account.
func (a *Accounts) leave(acc *Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if acc.sessions--; acc.sessions > 0 {
		return
	}
	acc.resting = a.idle.PushBack(acc)
	for a.idle.Len() > a.max {
		a.evict()
	}
}

// evictLook is how many idle accounts are looked at for one without a debt, which loses nothing.
const evictLook = 16

func (a *Accounts) evict() {
	now := a.mono(a.now())
	out := a.idle.Front()
	for e, n := out, 0; e != nil && n < evictLook; e, n = e.Next(), n+1 {
		if acc := e.Value.(*Account); acc.fetch.full.Load() <= now && acc.produce.full.Load() <= now {
			out = e
			break
		}
	}
	acc := a.idle.Remove(out).(*Account)
	delete(a.byID, acc.id)
}

// A holder is who pays: what the keys of budgets can name.
type holder struct {
	cluster     string
	principal   string
	source      string
	certificate string
	shared      bool // the principal is anybody's: nobody authenticated, or nobody knows as whom
}

func holderOf(s *access.Session, id *access.Identity) holder {
	h := holder{cluster: s.Cluster, source: s.Source.Addr().String(), shared: true}
	if id == nil {
		return h
	}
	h.principal = id.Principal
	h.shared = id.Principal == access.Anonymous || id.Source == access.None || id.Source == access.Unverified
	if id.TLS != nil {
		h.certificate = id.TLS.Fingerprint
	}
	return h
}

// account is whose buckets these are. A source's cannot be mistaken for a principal's, whose name has a type.
func (h *holder) account() accountID {
	if h.shared {
		return accountID{h.cluster, "source " + h.source}
	}
	return accountID{h.cluster, h.principal}
}

// Used sums up what is used of all budgets in their open windows, by unit.
func (a *Accounts) Used() map[string]int64 {
	used := map[string]int64{}
	for _, b := range a.budgets.snapshot(a.now().UnixNano()).Budgets {
		used[b.Unit] += b.Used
	}
	return used
}
