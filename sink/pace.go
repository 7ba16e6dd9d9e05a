package sink

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Bounds of the time between two attempts.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
)

// A pace says when the far side may be tried again. While it fails one attempt is made at a time, by one of those that
// wait; the pauses between them double, with jitter, so that many proxies do not come back at the same moment.
type pace struct {
	turn chan struct{} // holds whoever tries while the far side fails

	mu       sync.Mutex // guards all below
	failures int
	next     time.Time
}

func newPace() *pace { return &pace{turn: make(chan struct{}, 1)} }

// enter waits until an attempt may be made. leave must be called after it.
func (p *pace) enter(ctx context.Context) (leave func(), err error) {
	if wait := p.wait(); wait < 0 {
		return func() {}, ctx.Err()
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if wait := p.wait(); wait > 0 {
		if err := sleep(ctx, wait); err != nil {
			<-p.turn
			return nil, err
		}
	}
	return func() { <-p.turn }, nil
}

// wait is how long to wait for the next attempt, under 0 where nothing fails.
func (p *pace) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures == 0 {
		return -1
	}
	return max(time.Until(p.next), 0)
}

// failed puts the next attempt off, at least for after. It returns how many there were in a row.
func (p *pace) failed(after time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := maxPause
	if p.failures < 9 { // 100 ms, doubled nine times, is more than the longest
		pause = min(firstPause<<p.failures, maxPause)
	}
	pause = pause/2 + rand.N(pause/2)
	p.failures++
	p.next = time.Now().Add(max(pause, min(after, maxAfter)))
	return p.failures
}

// maxAfter bounds what the far side can ask for.
const maxAfter = 5 * time.Minute

func (p *pace) succeeded() (before int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, p.failures = p.failures, 0
	return before
}
