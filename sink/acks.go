package sink

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Times of indexer acknowledgement. Splunk forgets an id once it has said yes, so that an answer that is lost makes the
// batch look lost, too: after ackTimeout it is sent again.
const (
	firstAsk   = 50 * time.Millisecond
	maxAsk     = time.Second
	ackTimeout = 2 * time.Minute
)

var errNoAck = errors.New("no indexer has acknowledged the batch in time: it is sent again")

// acks are the ids of one channel that wait for their acknowledgement. Those who wait take turns in asking, one for all:
// no goroutine of its own.
type acks struct {
	channel string
	ask     func(ctx context.Context, channel string, ids []int64) (map[string]bool, error)
	turn    chan struct{} // holds who asks

	mu      sync.Mutex
	waiting map[int64][]chan struct{} // closed when it is acknowledged; two of one id are a far side's mistake
	pause   time.Duration
}

func newAcks(ask func(context.Context, string, []int64) (map[string]bool, error)) *acks {
	return &acks{channel: uuid.NewString(), ask: ask, turn: make(chan struct{}, 1), waiting: map[int64][]chan struct{}{}, pause: firstAsk}
}

// wait returns nil when the id is acknowledged.
func (a *acks) wait(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, ackTimeout, errNoAck)
	defer cancel()
	done := make(chan struct{})
	a.enter(id, done)
	defer a.leave(id, done)
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case a.turn <- struct{}{}:
		}
		err := a.round(ctx, done)
		<-a.turn
		if err != nil {
			return err
		}
	}
}

func (a *acks) enter(id int64, done chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		a.pause = firstAsk
	}
	a.waiting[id] = append(a.waiting[id], done)
}

func (a *acks) leave(id int64, done chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, d := range a.waiting[id] {
		if d == done {
			a.waiting[id] = append(a.waiting[id][:i:i], a.waiting[id][i+1:]...)
		}
	}
	if len(a.waiting[id]) == 0 {
		delete(a.waiting, id)
	}
}

// round waits a little and asks once for all that wait. That asking failed is no error here: it is asked again, until
// the batches' time is over.
func (a *acks) round(ctx context.Context, done chan struct{}) error {
	select {
	case <-done: // by whoever had the turn before
		return nil
	default:
	}
	a.mu.Lock()
	pause := a.pause
	a.mu.Unlock()
	if sleep(ctx, pause) != nil {
		return context.Cause(ctx)
	}
	said, err := a.ask(ctx, a.channel, a.ids())
	if err != nil {
		said = nil
	}
	a.take(said)
	return nil
}

func (a *acks) ids() (ids []int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.waiting {
		ids = append(ids, id)
	}
	return ids
}

// take lets go who is acknowledged. While nobody is, it is asked ever more seldom.
func (a *acks) take(said map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pause = min(2*a.pause, maxAsk)
	for text, yes := range said {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !yes {
			continue
		}
		for _, done := range a.waiting[id] {
			close(done)
			a.pause = firstAsk
		}
		delete(a.waiting, id)
	}
}
