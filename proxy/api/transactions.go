package api

import (
	"container/list"
	"strings"
	"sync"
	"time"

	"doorkeeper/access"
)

// Transactions remember who was allowed to write under which transactional id, for as long as a transaction that they
// began may be open. One per cluster, shared by its connections: a producer ends a transaction on another connection than
// the one on which it wrote. It is bounded; the one that was used longest ago goes.
type Transactions struct {
	mu     sync.Mutex
	of     map[transaction]*list.Element
	recent list.List // of *allowedTransaction, the last used in front
}

type transaction struct{ principal, id string }

type allowedTransaction struct {
	transaction
	timeout time.Duration
	last    time.Time
}

const (
	maxTransactions = 10_000
	// Java's default, for a producer whose InitProducerId another proxy saw, and the longest that brokers allow by theirs.
	usualTimeout   = time.Minute
	maxTxnID       = 512 // bytes of an id that is remembered
	longestTimeout = 15 * time.Minute
)

// use notes that an id was used with the right to. timeout is the transaction's, 0 if this request does not say.
func (t *Transactions) use(k transaction, now time.Time, timeout time.Duration) {
	if len(k.id) > maxTxnID {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.of[k]; e != nil {
		a := e.Value.(*allowedTransaction)
		a.last = now
		if timeout > 0 {
			a.timeout = min(timeout, longestTimeout)
		}
		t.recent.MoveToFront(e)
		return
	}
	if t.of == nil {
		t.of = make(map[transaction]*list.Element)
	}
	if len(t.of) >= maxTransactions {
		oldest := t.recent.Back()
		delete(t.of, t.recent.Remove(oldest).(*allowedTransaction).transaction)
	}
	if timeout <= 0 {
		timeout = usualTimeout
	}
	k.id = strings.Clone(k.id)
	t.of[k] = t.recent.PushFront(&allowedTransaction{k, min(timeout, longestTimeout), now})
}

// open says whether a transaction under the id may still be open.
func (t *Transactions) open(k transaction, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.of[k]
	if e == nil {
		return false
	}
	a := e.Value.(*allowedTransaction)
	return now.Sub(a.last) <= a.timeout
}

// used notes an action on a transactional id that was allowed.
func (x *Exchange) used(k *Ask, timeout time.Duration) {
	if t := x.Env.Transactions; t != nil && k.Type == access.ResTransactionalID && k.Operation == access.OpWrite && k.Decision.Verdict == access.Allow {
		t.use(transaction{x.principal(), k.Name}, x.Received, timeout)
	}
}

// began notes how long a transaction of this InitProducerId may be open.
func (x *Exchange) began(timeout time.Duration) {
	if len(x.Actions) > 0 {
		x.used(&x.Actions[len(x.Actions)-1], timeout)
	}
}

// mayAbort says whether the principal may have a transaction open that it was allowed to begin.
func (x *Exchange) mayAbort() bool {
	t := x.Env.Transactions
	return t != nil && t.open(transaction{x.principal(), x.TransactionalID}, x.Received)
}
