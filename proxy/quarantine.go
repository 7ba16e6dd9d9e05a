package proxy

import (
	"slices"
	"strings"
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/cluster"
	"doorkeeper/journal"
	"doorkeeper/protocol"
	"doorkeeper/proxy/api"
	"doorkeeper/quarantine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// How a quarantine reaches connections. The order on both sides is what makes it certain: Store.Add puts it in force
// before Cut looks at the connections, and a connection notes what has become known of it (identity, settled, client id)
// before it looks at what is in force. So one of the two sees the other.
//
//   - Open sessions: Cut.
//   - A login: when the broker says success (gate.success), answered SASL_AUTHENTICATION_FAILED in its place.
//   - Without a login: at the first request that settles who this is (gate.passes). Until then ApiVersions is answered,
//     for nobody knows yet whether a login follows, which is to be told why it fails.
//   - Every request, for its client id (requests.barred).
//   - Quarantines of some operations or topics: every decision (limited).

// A limited decider asks the quarantines before the policy. They stand above every policy and mode.
type limited struct {
	api.Decider
	store  *quarantine.Store
	tokens *cluster.Cluster   // knows whose a delegation token is
	who    quarantine.Subject // what the accept says
}

func (p *Proxy) decider(s *access.Session, c *cluster.Cluster) *limited {
	return &limited{p.opt.Policy.Session(s), p.opt.Quarantine, c, quarantine.Subject{Source: s.Source.Addr(), Session: s.ID.String()}}
}

// owned turns the subject of a delegation token into that of its owner, whose session it is too; false if it is none, or
// nobody knows the owner.
func (l *limited) owned(who *quarantine.Subject) bool {
	id, ok := strings.CutPrefix(who.Principal, "Token:")
	if !ok {
		return false
	}
	owner, ok := l.tokens.TokenOwner(id)
	if ok {
		who.Principal = owner
	}
	return ok
}

// Decide implements api.Decider.
func (l *limited) Decide(r *access.Request, a *access.Action) *access.Decision {
	if d := l.Decreed(r, a); d != nil {
		return d
	}
	return l.Decider.Decide(r, a)
}

// Decreed implements api.Decreed.
func (l *limited) Decreed(r *access.Request, a *access.Action) *access.Decision {
	set := l.store.Set()
	if !set.Limits() {
		return nil
	}
	who := l.who
	who.Know(r.Identity, r.Client)
	about := means(r, a)
	d := set.Decide(&who, about)
	if d == nil && l.owned(&who) {
		d = set.Decide(&who, about)
	}
	return d
}

// means is the action that a quarantine is asked about. A follower's Fetch is a read like any other, although Kafka asks its
// authorizer for CLUSTER_ACTION alone, and nothing of the topic.
func means(r *access.Request, a *access.Action) *access.Action {
	if a.Operation != access.OpNone || a.Type != access.ResTopic || kmsg.Key(r.API) != kmsg.Fetch {
		return a
	}
	read := *a
	read.Operation = access.OpRead
	return &read
}

// Epoch implements api.Decider. Both epochs only grow, so their sum moves when one of them does.
func (l *limited) Epoch(id *access.Identity) uint64 { return l.Decider.Epoch(id) + l.store.Epoch() }

// Watches implements api.Watches.
func (l *limited) Watches() bool { return !l.store.Set().Limits() && api.Watches(l.Decider) }

// subject is what is known of the session. A principal counts once it is settled: before, the connection may be about to
// log in.
func (c *conn) subject() quarantine.Subject {
	who := c.decider.who
	settled := c.settled.Load() // before the identity, which is stored first
	who.Know(c.identity.Load(), c.who.Load())
	if !settled {
		who.Principal = ""
	}
	return who
}

// concerned says whether a quarantine is about the session: about it as it is now, or under a client id it had lately,
// whose requests may be in flight.
func (c *conn) concerned(q *quarantine.Quarantine) bool {
	who := c.subject()
	if said := c.said.Load(); q.ClientID != "" && said != nil && slices.Contains(*said, q.ClientID) {
		who.ClientID = q.ClientID
	}
	return q.Concerns(&who) || c.decider.owned(&who) && q.Concerns(&who)
}

// barred looks for a quarantine of the session, once it is settled whose it is.
func (c *conn) barred() *quarantine.Quarantine {
	set := c.p.opt.Quarantine.Set()
	if set == nil || !c.settled.Load() {
		return nil
	}
	who := c.subject()
	q := set.Bars(&who)
	if q == nil && c.decider.owned(&who) {
		q = set.Bars(&who)
	}
	return q
}

// saidMost is how many client ids of a session are remembered.
const saidMost = 8

// says remembers a client id. The request pump alone calls it.
func (c *conn) says(id string) {
	var all []string
	if said := c.said.Load(); said != nil {
		if slices.Contains(*said, id) {
			return
		}
		all = (*said)[max(0, len(*said)+1-saidMost):]
	}
	all = append(slices.Clone(all), id)
	c.said.Store(&all)
}

// A look is what the request pump has looked at last: while nothing of it changes, nobody new can be barred.
type look struct {
	set    *quarantine.Set
	client *access.Client
}

// barred ends the session if a quarantine is about it, as it speaks now. It costs next to nothing while there is none,
// or nothing has changed.
func (q *requests) barred() error {
	now := look{q.c.p.opt.Quarantine.Set(), q.client}
	if now.set == nil || now == q.looked || !q.c.settled.Load() {
		return nil
	}
	if by := q.c.barred(); by != nil {
		q.c.p.totals.refusedLogins.Add(1)
		q.c.cut(quarantined(by))
		return errQueueClosed
	}
	q.looked = now
	return nil
}

// quarantined is the cause of a session's end.
func quarantined(q *quarantine.Quarantine) *cause { return &cause{word: "quarantined", by: q} }

// errBarred is a login that the broker accepted and a quarantine does not.
type errBarred struct{ by *quarantine.Quarantine }

func (e errBarred) Error() string { return "the login is quarantined" }

// saslAuthenticationFailed is what a broker answers a login that fails (KIP-152).
const saslAuthenticationFailed = 58

// refuse records a login that the broker accepted and a quarantine does not. Called by whoever owns the log.
func (g *gate) refuse(c *conn, id *access.Identity, by *quarantine.Quarantine) error {
	c.p.totals.refusedLogins.Add(1)
	c.log.Event(&access.Record{
		Kind: journal.KindAuthn, Operation: journal.OpFailure, Mechanism: id.Auth, Error: protocol.ErrorName(saslAuthenticationFailed),
		Principal: id.Principal, PrincipalSource: id.Source, Auth: id.Auth,
		Decision: access.Deny.String(), Rule: by.Rule(), Reason: by.Reason,
	})
	return errBarred{by}
}

// refuseLogin puts a failure in the place of the broker's success. The connection ends once the client has it. What it
// says names the quarantine, so that nobody looks for the reason at the broker, and tells nobody else what it is about.
func (s *responses) refuseLogin(x *api.Exchange, n int, by *quarantine.Quarantine) {
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.SetVersion(x.Version)
	text := "Authentication failed: doorkeeper, " + by.Rule()
	r.ErrorCode, r.ErrorMessage = saslAuthenticationFailed, &text
	frame := localFrame(x, r)
	s.replace(n, frame)
	s.reader.Pass(int64(len(frame)))
	x.Account(s.c.log, int64(len(frame)), false)
	s.c.end(quarantined(by))
	s.c.queue.close() // before the entry goes: the request pump waits for that, and shall find that it is over
	s.pop()
	x.Free()
}

// A Concern is what a quarantine is about at the moment.
type Concern struct {
	Sessions     []SessionInfo
	Transactions []Transaction // theirs, and open: readers of committed data wait for their end
}

// Concerned says what Cut would end, or, of a limited quarantine, whose actions it would deny.
func (p *Proxy) Concerned(q *quarantine.Quarantine) Concern {
	_, what := p.concerned(q)
	return what
}

// Cut ends every session that a quarantine, which is in force by now, is about. When it returns, no byte is handed to
// any of them. A limited quarantine ends none.
func (p *Proxy) Cut(q *quarantine.Quarantine) Concern {
	conns, what := p.concerned(q)
	if q.Limited() {
		return what
	}
	why := quarantined(q)
	for _, c := range conns { // first, so that those who still move bytes take no time from those who close
		c.halt(why)
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(conns, max(1, len(conns)/cutters)) {
		wg.Go(func() {
			for _, c := range part {
				c.cut(why)
			}
		})
	}
	wg.Wait()
	return what
}

// cutters is about how many goroutines cut: each cut waits for the pumps of one connection to let its sockets go.
const cutters = 64

func (p *Proxy) concerned(q *quarantine.Quarantine) (conns []*conn, what Concern) {
	for _, c := range p.snapshot() {
		if c.concerned(q) {
			conns = append(conns, c)
			what.Sessions = append(what.Sessions, c.info())
		}
	}
	slices.SortFunc(what.Sessions, func(a, b SessionInfo) int { return a.Opened.Compare(b.Opened) })
	what.Transactions = p.transactions.of(conns, time.Now())
	return conns, what
}
