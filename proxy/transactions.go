package proxy

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Transaction is one that is open, as far as it passed here: until it ends, or the coordinator ends it, readers of
// committed data wait before its first message.
type Transaction struct {
	Cluster   string
	ID        string // transactional id
	Principal string
	Since     time.Time
	Until     time.Time // when the coordinator aborts it at the latest
}

// transactions watches which transactions are open, for people who are about to cut the producer off. It is bounded and
// may forget: nothing is decided by it.
type transactions struct {
	mu    sync.Mutex // guards what follows, and conn.transactions
	byID  map[transactionKey]*list.Element
	order *list.List // of *transaction, the one begun last at the end
}

type transactionKey struct{ cluster, id string }

// A transaction is a transactional id that was seen. What has no lock here belongs to transactions.mu.
type transaction struct {
	transactionKey
	principal string
	timeout   time.Duration
	since     time.Time
	open      atomic.Bool
	until     atomic.Int64 // Unix nanoseconds
}

// Bounds: transactional ids remembered in all and by session, and their length in bytes.
const (
	maxTransactions    = 10_000
	maxOfSession       = 16
	maxTransactionID   = 1024
	longestTransaction = 15 * time.Minute // transaction.max.timeout.ms of a broker, by default
)

func newTransactions() *transactions {
	return &transactions{byID: map[transactionKey]*list.Element{}, order: list.New()}
}

// asked takes notice of a request that goes to the broker. It is called for every Produce, and cheap for one without a
// transaction, or within the one that was seen last.
func (t *transactions) asked(c *conn, x *api.Exchange) {
	if x.TransactionalID == "" || len(x.TransactionalID) > maxTransactionID {
		return
	}
	switch kmsg.Key(x.API.Key) {
	case kmsg.Produce, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit:
		last := c.requests.transaction
		if last == nil || last.id != x.TransactionalID || !last.open.Load() || x.Received.UnixNano() >= last.until.Load() {
			c.requests.transaction = t.begin(c, x)
		}
	case kmsg.InitProducerID:
		if q, ok := x.Body.(*kmsg.InitProducerIDRequest); ok {
			t.init(c, x, time.Duration(q.TransactionTimeoutMillis)*time.Millisecond)
		}
	}
}

// begin notes that a transaction is open.
func (t *transactions) begin(c *conn, x *api.Exchange) *transaction {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.get(c, x)
	if !n.open.Load() || x.Received.UnixNano() >= n.until.Load() {
		n.principal, n.since = x.Identity.Principal, x.Received
		n.until.Store(x.Received.Add(n.timeout).UnixNano())
		n.open.Store(true)
	}
	if !slices.Contains(c.transactions, n) {
		if len(c.transactions) == maxOfSession {
			c.transactions = slices.Delete(c.transactions, 0, 1)
		}
		c.transactions = append(c.transactions, n)
	}
	return n
}

// init notes how long the transactions of an id may be.
func (t *transactions) init(c *conn, x *api.Exchange, timeout time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if timeout > 0 {
		t.get(c, x).timeout = min(timeout, longestTransaction)
	}
}

// get is called with mu held.
func (t *transactions) get(c *conn, x *api.Exchange) *transaction {
	key := transactionKey{c.session.Cluster, x.TransactionalID}
	if e := t.byID[key]; e != nil {
		t.order.MoveToBack(e)
		return e.Value.(*transaction)
	}
	if t.order.Len() >= maxTransactions {
		oldest := t.order.Remove(t.order.Front()).(*transaction)
		oldest.open.Store(false) // its end would not be noticed
		delete(t.byID, oldest.transactionKey)
	}
	n := &transaction{transactionKey: key, timeout: longestTransaction}
	t.byID[key] = t.order.PushBack(n)
	return n
}

// answered takes notice of an answer that ends a transaction: of EndTxn, or of InitProducerId, which aborts what the
// producer before has left open.
func (t *transactions) answered(c *conn, x *api.Exchange) {
	switch r := x.Answer.(type) {
	case *kmsg.EndTxnResponse:
		if r.ErrorCode != 0 {
			return
		}
	case *kmsg.InitProducerIDResponse:
		if r.ErrorCode != 0 || x.TransactionalID == "" {
			return
		}
	default:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.byID[transactionKey{c.session.Cluster, x.TransactionalID}]; e != nil {
		e.Value.(*transaction).open.Store(false)
	}
}

// of lists the open transactions that these connections wrote in.
func (t *transactions) of(conns []*conn, now time.Time) []Transaction {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[*transaction]bool{}
	var all []Transaction
	for _, c := range conns {
		for _, n := range c.transactions {
			if until := n.until.Load(); n.open.Load() && now.UnixNano() < until && !seen[n] {
				seen[n] = true
				all = append(all, Transaction{Cluster: n.cluster, ID: n.id, Principal: n.principal, Since: n.since, Until: time.Unix(0, until)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Transaction) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return all
}
