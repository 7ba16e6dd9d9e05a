package proxy

import (
	"errors"
	"sync"

	"doorkeeper/proxy/api"
)

// How an entry of the queue is answered.
type kind uint8

const (
	forwarded kind = iota // by the broker, under its correlation id
	silent                // by nobody: Produce with acks=0
	local                 // by us, when its turn comes
	own                   // by the broker, to us: a question of our own
	rawToken              // by the broker, without a header: a SASL token after SaslHandshake v0
)

// An entry is one request in flight.
type entry struct {
	kind        kind
	correlation int32
	x           *api.Exchange // nil for own and rawToken
	answer      []byte        // local: the whole frame, its length bytes included
	inquiry     *inquiry      // own: who wants the answer; nil: the names of topic ids
}

var errQueueClosed = errors.New("connection is ending")

// A fifo is the bounded queue of requests in flight: the request pump pushes, the response pump pops. It allocates
// its ring on the first push and grows it up to its limit.
type fifo struct {
	mu     sync.Mutex
	ring   []entry
	head   int
	n      int
	limit  int
	owed   bool // of what was popped, some was not handed to the client yet
	closed bool
	moved  chan struct{} // capacity 1: the response pump popped or handed over, or the queue was closed
}

func newFifo(limit int) *fifo { return &fifo{limit: max(1, limit), moved: make(chan struct{}, 1)} }

// tryPush appends e, and says whether there was room. It fails for good once the queue is closed.
func (q *fifo) tryPush(e entry) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, errQueueClosed
	}
	if q.n == q.limit {
		return false, nil
	}
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)%len(q.ring)] = e
	q.n++
	return true, nil
}

func (q *fifo) grow() {
	ring := make([]entry, min(q.limit, max(2, 2*len(q.ring))))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}

// wait blocks until the response pump has popped something or the queue is closed. Only the request pump calls it.
func (q *fifo) wait() { <-q.moved }

// drained blocks until the answers to everything pushed before have begun.
func (q *fifo) drained() error {
	return q.until(func() bool { return q.n == 0 })
}

// settled blocks until everything pushed before was answered, and the client's socket has the answers.
func (q *fifo) settled() error {
	return q.until(func() bool { return q.n == 0 && !q.owed })
}

// until blocks until is, which is called with mu held.
func (q *fifo) until(is func() bool) error {
	for {
		q.mu.Lock()
		done, closed := is(), q.closed
		q.mu.Unlock()
		switch {
		case closed:
			return errQueueClosed
		case done:
			return nil
		}
		q.wait()
	}
}

// first returns the oldest entry, false if nothing is in flight.
func (q *fifo) first() (entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return entry{}, false
	}
	return q.ring[q.head], true
}

// pop drops the oldest entry. Its answer is owed until settle.
func (q *fifo) pop() {
	q.mu.Lock()
	q.ring[q.head] = entry{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	q.owed = true
	q.mu.Unlock()
	q.signal()
}

// settle says that the client's socket has everything that was popped.
func (q *fifo) settle() {
	q.mu.Lock()
	was := q.owed
	q.owed = false
	q.mu.Unlock()
	if was {
		q.signal()
	}
}

// len returns how many requests are in flight.
func (q *fifo) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// isClosed says whether the queue has ended.
func (q *fifo) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close ends the queue: pushes fail, waits return. What is left in it can still be taken out.
func (q *fifo) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *fifo) signal() {
	select {
	case q.moved <- struct{}{}:
	default:
	}
}
