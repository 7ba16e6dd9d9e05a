package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
)

// Direction of what a limit counts.
type Direction uint8

// Read is what goes to clients, Write what comes from them.
const (
	Read Direction = iota
	Write
)

// Names of limits, as a policy and the record's would.limit write them.
const (
	LimitFetchRate   = "fetch_bytes_per_second"
	LimitProduceRate = "produce_bytes_per_second"
	LimitBudgets     = "budgets"
	LimitReadFrom    = "read_from"
)

// A Meter is one session's view of the accounts. Both pumps of a connection may use it.
type Meter struct {
	accounts *Accounts
	session  *access.Session

	mu       sync.Mutex // guards what follows, where it does not say otherwise
	id       *access.Identity
	holder   holder
	account  *Account // nil until the first limit
	tariffs  map[tariffKey]*Tariff
	counters atomic.Pointer[[]*counter] // of them all; read without the lock
	past     atomic.Uint64              // epochs of those that were forgotten
	made     uint64                     // tariffs
	keys     []budgetKey
	plan     *Plan // the last one that was made
}

// maxTariffs bounds what one session remembers. Policies whose decisions are never the same twice fill it for nothing.
const maxTariffs = 4096

type tariffKey struct {
	decision  *access.Decision
	topic     string // where a budget is by topic
	direction Direction
}

// Meter returns the meter of a session, which the caller closes.
func (a *Accounts) Meter(s *access.Session) *Meter {
	return &Meter{accounts: a, session: s, tariffs: map[tariffKey]*Tariff{}}
}

// Now is the accounts' time.
func (m *Meter) Now() time.Time { return m.accounts.now() }

// Close ends the session's hold on its account.
func (m *Meter) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leave()
}

func (m *Meter) leave() {
	m.forget()
	if m.account != nil {
		m.accounts.leave(m.account)
		m.account = nil
	}
}

func (m *Meter) forget() {
	m.past.Add(m.sum() + 1)
	m.counters.Store(nil)
	clear(m.tariffs)
	m.plan = nil
}

// Tariff returns what a topic's data costs under a decision; nil if nothing is counted.
func (m *Meter) Tariff(id *access.Identity, d *access.Decision, dir Direction, topic string) *Tariff {
	if d == nil || d.Limits == nil || d.Verdict != access.Allow {
		return nil
	}
	k := tariffKey{decision: d, direction: dir}
	for i := range d.Limits.Budgets {
		if d.Limits.Budgets[i].Key == "topic" {
			k.topic = topic
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id != id || m.account == nil {
		m.identify(id)
	}
	t := m.tariffs[k]
	if t == nil || t.gone() {
		t = m.make(k)
	}
	return t
}

// identify goes over to another identity: a login, or one that was renewed.
func (m *Meter) identify(id *access.Identity) {
	h := holderOf(m.session, id)
	if m.id = id; m.account != nil {
		if h == m.holder {
			return
		}
		m.leave()
	}
	m.holder = h
	m.account = m.accounts.account(h.account())
}

func (m *Meter) make(k tariffKey) *Tariff {
	if len(m.tariffs) >= maxTariffs {
		m.forget()
	}
	l := k.decision.Limits
	t := &Tariff{accounts: m.accounts, decision: k.decision, direction: k.direction, bucket: &m.account.fetch}
	perSecond := l.FetchBytesPerSecond
	if k.direction == Write {
		perSecond, t.bucket = l.ProduceBytesPerSecond, &m.account.produce
	}
	t.rate = rateOf(perSecond, l.BurstBytes)
	wall := m.accounts.now().UnixNano()
	m.keys = m.holder.budgetKeys(k.decision, k.topic, m.keys[:0])
	for _, key := range m.keys {
		if c := m.accounts.budgets.counter(key, wall); !slices.Contains(t.counters, c) {
			t.counters = append(t.counters, c)
		}
	}
	m.watch(t.counters)
	m.made++
	t.seq = m.made
	m.tariffs[k] = t
	return t
}

// watch adds counters to those whose epochs are the session's.
func (m *Meter) watch(counters []*counter) {
	var all []*counter
	if known := m.counters.Load(); known != nil {
		all = *known
	}
	n := len(all)
	for _, c := range counters {
		if !slices.Contains(all, c) {
			all = append(all[:len(all):len(all)], c)
		}
	}
	if len(all) > n {
		m.counters.Store(&all)
	}
}

// Within returns the decision that holds now: d, or the denial of a budget that is spent.
func (m *Meter) Within(id *access.Identity, d *access.Decision, dir Direction, topic string) *access.Decision {
	if d == nil || d.Limits == nil || len(d.Limits.Budgets) == 0 {
		return d
	}
	if t := m.Tariff(id, d, dir, topic); t != nil {
		return t.within()
	}
	return d
}

// Epoch moves whenever a budget that this session knows is spent, or whole again.
func (m *Meter) Epoch() uint64 { return m.past.Load() + m.sum() }

func (m *Meter) sum() (n uint64) {
	all := m.counters.Load()
	if all == nil {
		return 0
	}
	var wall int64
	for _, c := range *all {
		if c.spent.Load() == 0 {
			continue
		}
		if wall == 0 {
			wall = m.accounts.now().UnixNano()
		}
		n += c.epoch(wall)
	}
	return n
}

// A Tariff is what one topic's data costs one session under one decision: which bucket and which budgets it is taken
// from. It may be used from any goroutine.
type Tariff struct {
	accounts  *Accounts
	decision  *access.Decision
	direction Direction
	seq       uint64 // in the order in which the session came to know them
	bucket    *Bucket
	rate      Rate
	counters  []*counter
	spent     atomic.Pointer[access.Decision] // made when a budget was found spent
	far       atomic.Pointer[access.Decision] // the denial of a read from too far back
	held      atomic.Pointer[access.Decision] // says that a rate that is only watched would have held it up
}

// order puts nil first.
func (t *Tariff) order() uint64 {
	if t == nil {
		return 0
	}
	return t.seq
}

func (t *Tariff) gone() bool {
	for _, c := range t.counters {
		if c.gone.Load() {
			return true
		}
	}
	return false
}

// Watched says whether its limits are only watched.
func (t *Tariff) Watched() bool { return t.decision.Limits.Watched }

// within returns the tariff's own decision, or what stands in its place while a budget is spent.
func (t *Tariff) within() *access.Decision {
	wall := t.accounts.now().UnixNano()
	for _, c := range t.counters {
		if c.isSpent(wall) {
			return t.denial(c)
		}
	}
	return t.decision
}

// denial is the decision that a spent budget makes. It is the same one until the window ends.
func (t *Tariff) denial(c *counter) *access.Decision {
	ends := c.ends()
	if d := t.spent.Load(); d != nil && d.NotAfter.Equal(ends) {
		return d
	}
	d := *t.decision
	if d.NotAfter.IsZero() || ends.Before(d.NotAfter) {
		d.NotAfter = ends
	}
	if t.Watched() {
		d.Would = &access.Would{Verdict: access.Deny, Limit: LimitBudgets, Rule: d.Rule}
	} else {
		d.Verdict, d.Enforced, d.Limits = access.Deny, true, nil
		d.Reason = fmt.Sprintf("the budget of %s is spent until %s; it counts this proxy alone", &c.key, ends.Format(time.RFC3339))
	}
	t.spent.Store(&d)
	return &d
}

// WouldWait is the decision as it is recorded when its rate, which is only watched, would have held the request up.
func (t *Tariff) WouldWait() *access.Decision {
	if d := t.held.Load(); d != nil {
		return d
	}
	d := *t.decision
	d.Would = &access.Would{Verdict: d.Verdict, Limit: LimitFetchRate, Rule: d.Rule}
	if t.direction == Write {
		d.Would.Limit = LimitProduceRate
	}
	t.held.Store(&d)
	return &d
}

// TooFar is the decision about a read from before what read_from leaves.
func (t *Tariff) TooFar() *access.Decision {
	if d := t.far.Load(); d != nil {
		return d
	}
	d := *t.decision
	if t.Watched() {
		d.Would = &access.Would{Verdict: access.Deny, Limit: LimitReadFrom, Rule: d.Rule}
	} else {
		d.Verdict, d.Enforced, d.Limits = access.Deny, true, nil
		d.Reason = "read_from: " + reachName(t.decision.Limits.ReadFrom)
	}
	t.far.Store(&d)
	return &d
}

func reachName(r *access.ReadFrom) string {
	var words []string
	if r.MaxBehind > 0 {
		words = append(words, fmt.Sprintf("at most %d messages behind the last", r.MaxBehind))
	}
	if r.MaxAge > 0 {
		words = append(words, "at most "+windowName(r.MaxAge)+" old")
	}
	return "reads may reach back " + strings.Join(words, ", and ")
}

// Charge takes from the budgets what is about to be handed on, and returns when: Refund wants to know. It allocates
// nothing and takes no lock, but at the turn of a window.
func (t *Tariff) Charge(bytes, messages int64) (at time.Time) {
	if len(t.counters) == 0 {
		return at
	}
	at = t.accounts.now()
	wall := at.UnixNano()
	for _, n := range t.counters {
		n.charge(wall, bytes, messages)
	}
	return at
}

// Refund gives back what was charged at a time and then was not handed on.
func (t *Tariff) Refund(bytes, messages int64, at time.Time) {
	wall := t.accounts.now().UnixNano()
	for _, n := range t.counters {
		n.giveBack(wall, at.UnixNano(), bytes, messages)
	}
}

// A Plan is what the limits of one request's decisions come to. It is immutable, and shared by requests with the same
// decisions.
type Plan struct {
	accounts *Accounts
	tariffs  []*Tariff
	bucket   *Bucket
	rate     Rate // the lowest that is enforced, or else that is watched
	counters []planned
	watched  bool // the rate is only watched
}

// planned is a budget of a plan. One that is not for all of the request must not choke the rest: see partFloor.
type planned struct {
	*counter
	all bool
}

// partFloor is what a request may bring at least while a budget that counts only a part of it is not spent, in bytes.
const partFloor = 64 << 10

// Plan returns the plan of the tariffs of a request's decisions, nil among them where nothing is counted. It is nil if
// they all are. tariffs is put in order, and each of them stands in it once afterwards.
func (m *Meter) Plan(tariffs []*Tariff) *Plan {
	slices.SortFunc(tariffs, func(a, b *Tariff) int { return cmp.Compare(a.order(), b.order()) })
	tariffs = slices.Compact(tariffs)
	if len(tariffs) == 0 || tariffs[len(tariffs)-1] == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plan != nil && slices.Equal(m.plan.tariffs, tariffs) {
		return m.plan
	}
	m.plan = newPlan(m.accounts, slices.Clone(tariffs))
	return m.plan
}

func newPlan(a *Accounts, tariffs []*Tariff) *Plan {
	p := &Plan{accounts: a, tariffs: tariffs}
	var watched Rate
	hits := map[*counter]int{}
	for _, t := range tariffs {
		switch {
		case t == nil:
			continue
		case t.Watched():
			watched = watched.Lower(t.rate)
		default:
			p.rate = p.rate.Lower(t.rate)
			for _, c := range t.counters {
				hits[c]++
			}
		}
		p.bucket = t.bucket
	}
	if !p.rate.Set() && watched.Set() {
		p.rate, p.watched = watched, true
	}
	for c := range maps.Keys(hits) {
		p.counters = append(p.counters, planned{c, hits[c] == len(tariffs)})
	}
	return p
}

// Rate is the rate that the request goes under.
func (p *Plan) Rate() Rate { return p.rate }

// WouldWait says that a rate which is only watched would hold the request up now.
func (p *Plan) WouldWait() bool {
	return p.watched && p.rated(p.accounts.mono(p.accounts.now())).Bytes == 0
}

// An Allowance is what may move now.
type Allowance struct {
	Bytes int64         // at most; 0: nothing, for Wait at least
	Wait  time.Duration // until it is worth another look
	Limit string        // which limit that is; "": none is near
}

// poll is how soon it is looked again where what is in flight, and not the time, decides.
const poll = 10 * time.Millisecond

// Allowance says how much the request may bring, if it goes now. All is what is asked for.
func (p *Plan) Allowance(all int64) Allowance {
	now := p.accounts.now()
	a := Allowance{Bytes: all}
	if p.rate.Set() && !p.watched {
		a.lower(p.rated(p.accounts.mono(now)))
	}
	wall := now.UnixNano()
	for _, c := range p.counters {
		left := c.left(wall)
		open := left - c.promised.Load()
		if left > 0 && !c.all {
			open = max(open, partFloor)
		}
		wait := poll
		if left <= 0 {
			wait = c.ends().Sub(now)
		}
		a.lower(Allowance{Bytes: open, Wait: wait, Limit: LimitBudgets})
	}
	return a
}

func (p *Plan) rated(now int64) Allowance {
	promised := p.bucket.promised.Load()
	a := Allowance{Bytes: p.bucket.left(now, p.rate) - promised, Limit: LimitFetchRate}
	if a.Bytes < p.rate.Step() {
		a.Bytes = 0
		if a.Wait = p.bucket.wait(now, p.rate.Step(), p.rate); a.Wait == 0 {
			a.Wait = poll
		}
	}
	return a
}

// lower takes over the stricter of two.
func (a *Allowance) lower(b Allowance) {
	switch {
	case b.Bytes <= 0 && a.Limit != "" && a.Bytes <= 0: // neither may: the longer wait counts
		if b.Wait > a.Wait {
			*a = b
		}
	case b.Bytes < a.Bytes:
		*a = b
	}
	a.Bytes = max(0, a.Bytes)
}

// Promise sets bytes aside for a request that goes on its way: the next one is allowed that much less. The caller takes
// it back when the answer was counted.
func (p *Plan) Promise(n int64) {
	if p.bucket != nil {
		p.bucket.promised.Add(n)
	}
	for _, c := range p.counters {
		c.promised.Add(n)
	}
}

// Spend takes bytes from the rate's bucket; below zero, it gives back. The bucket may go below zero once.
func (p *Plan) Spend(n int64) {
	if p.rate.Set() {
		p.bucket.charge(p.accounts.mono(p.accounts.now()), n, p.rate)
	}
}

// Debt is how long the rate's bucket takes to be at zero again; 0 where the rate is only watched.
func (p *Plan) Debt() time.Duration {
	if !p.rate.Set() || p.watched {
		return 0
	}
	return p.bucket.wait(p.accounts.mono(p.accounts.now()), 0, p.rate)
}
