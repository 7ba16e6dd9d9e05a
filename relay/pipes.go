package relay

import "sync"

// Sizes of kernel pipes, in bytes. An unprivileged user has 64 pipes of 1 MiB (pipe(7), pipe-user-pages-soft); later
// ones get 8 KiB, and splicing through those costs more than copying.
const (
	pipeSize    = 1 << 20
	pipeUseful  = 256 << 10
	pipesAtMost = 48 // leaves an ordinary user's other programs some
	pipeRetry   = 1024
)

// A Pipes is a bounded store of kernel pipes. A mover takes one for as long as bytes lie in it. It is a list and no
// sync.Pool, which would drop pipes at a collection without closing them. Methods may be called from any goroutine.
type Pipes struct {
	mu      sync.Mutex
	idle    []*pipe
	open    int // idle and taken
	limit   int
	size    int // to ask for; smaller only in tests, to see what an ordinary user sees
	small   int // loans refused since the system gave a pipe too small to use
	refused int64
	closed  bool
}

// PipeStats says how many pipes are open, how many of those are idle, and how often none was to be had.
type PipeStats struct {
	Open, Idle int
	Refused    int64
}

// NewPipes returns a store that opens up to limit pipes; 0 is 48.
func NewPipes(limit int) *Pipes {
	if limit <= 0 {
		limit = pipesAtMost
	}
	return &Pipes{limit: limit, size: pipeSize}
}

// Stats returns the numbers of the moment.
func (p *Pipes) Stats() PipeStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PipeStats{Open: p.open, Idle: len(p.idle), Refused: p.refused}
}

// Close closes the idle pipes; those on loan close as they come back. No further ones are lent.
func (p *Pipes) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, q := range p.idle {
		q.close()
		p.open--
	}
	p.idle = nil
}

// take lends an empty pipe, or nil: then user mode it is.
func (p *Pipes) take() *pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		q := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return q
	}
	if !p.closed && p.open < p.limit && !p.backOff() {
		if q := openPipe(p.size); q != nil && q.size >= pipeUseful {
			p.small = 0
			p.open++
			return q
		} else if q != nil {
			q.close()
		}
		p.small = 1
	}
	p.refused++
	return nil
}

// backOff spares the system calls of asking again and again for what was refused a moment ago.
func (p *Pipes) backOff() bool {
	if p.small == 0 {
		return false
	}
	p.small = (p.small + 1) % pipeRetry
	return p.small != 0
}

// put takes a pipe back. One that is not empty must not come back: discard it.
func (p *Pipes) put(q *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		q.close()
		p.open--
		return
	}
	p.idle = append(p.idle, q)
}

// discard closes a pipe together with the bytes in it, which then reach nobody.
func (p *Pipes) discard(q *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.close()
	p.open--
}
