package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/identity"
	"doorkeeper/quarantine"
	"doorkeeper/relay"

	"github.com/oklog/ulid/v2"
)

// A Proxy stands before clusters. All its methods may be called from any goroutine.
type Proxy struct {
	opt   Options
	log   *slog.Logger
	pool  *relay.Pool
	kept  *relay.Pool // lends nothing: accounts for what requests in flight keep, against the same limit
	pipes *relay.Pipes
	known *identity.Known

	limits   atomic.Pointer[Limits]
	timeouts atomic.Pointer[Timeouts]
	draining atomic.Bool

	transactions *transactions

	mu       sync.Mutex // guards what follows
	clusters map[string]*clusterState
	conns    map[*conn]struct{}
	sources  map[netip.Addr]int
	closed   bool

	totals totals
	alarms alarms
	serves sync.WaitGroup // one for each connection and each accept loop
	stop   chan struct{}  // ends the sweeper
	swept  chan struct{}
}

// knownPrincipals bounds the names that failed logins are compared with.
const knownPrincipals = 10000

// New returns a proxy that listens nowhere yet.
func New(o Options) *Proxy {
	if o.Quarantine == nil {
		o.Quarantine = quarantine.None()
	}
	p := &Proxy{
		opt: o, log: o.Log, pool: relay.NewPool(o.Limits.Buffers), kept: relay.NewPool(o.Limits.Buffers), pipes: relay.NewPipes(0),
		known:        identity.NewKnown(knownPrincipals),
		transactions: newTransactions(),
		clusters:     map[string]*clusterState{}, conns: map[*conn]struct{}{}, sources: map[netip.Addr]int{},
		stop: make(chan struct{}), swept: make(chan struct{}),
	}
	p.SetLimits(o.Limits)
	p.SetTimeouts(o.Timeouts)
	go p.sweep()
	return p
}

// SetLimits changes the limits; connections that are open keep the queue length that they began with.
func (p *Proxy) SetLimits(l Limits) {
	p.limits.Store(&l)
	p.pool.SetLimit(l.Buffers)
	p.kept.SetLimit(l.Buffers)
}

// SetTimeouts changes the timeouts, for open connections too.
func (p *Proxy) SetTimeouts(t Timeouts) { p.timeouts.Store(&t) }

// ErrBusy says that connections had to be cut because the drain's time was over.
var ErrBusy = errors.New("proxy: connections were still busy when the drain's time was over")

// Drain stops accepting, lets every connection reach the end of what is in flight, and closes it. When ctx ends first,
// the rest is cut and the error is ErrBusy.
func (p *Proxy) Drain(ctx context.Context) error {
	p.draining.Store(true)
	p.closeListeners()
	for _, c := range p.snapshot() {
		c.nudge()
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.open() > 0 {
		select {
		case <-ctx.Done():
			p.Close()
			return ErrBusy
		case <-tick.C:
		}
	}
	p.Close()
	return nil
}

// Close stops at once: listeners and connections are closed, and every goroutine has ended when it returns.
func (p *Proxy) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.serves.Wait()
		return
	}
	p.closed = true
	p.mu.Unlock()
	p.draining.Store(true)
	p.closeListeners()
	for _, c := range p.snapshot() {
		c.kill(causeStopped)
	}
	p.serves.Wait()
	close(p.stop)
	<-p.swept
	p.pipes.Close()
}

func (p *Proxy) closeListeners() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.clusters {
		for _, l := range s.listeners {
			l.close()
		}
	}
}

// admit counts a connection in, unless a limit forbids it; the word says which.
func (p *Proxy) admit(c *conn) (string, bool) {
	l := p.limits.Load()
	from := c.session.Peer.Addr()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed || p.draining.Load():
		return "draining", false
	case l.Connections > 0 && len(p.conns) >= l.Connections:
		return "limits.connections", false
	case l.PerSource > 0 && p.sources[from] >= l.PerSource:
		return "limits.connections_per_source", false
	}
	p.conns[c] = struct{}{}
	p.sources[from]++
	p.serves.Add(1)
	p.totals.sessions.Add(1)
	return "", true
}

// forget takes a connection out after its last act.
func (p *Proxy) forget(c *conn) {
	from := c.session.Peer.Addr()
	p.mu.Lock()
	delete(p.conns, c)
	if p.sources[from]--; p.sources[from] <= 0 {
		delete(p.sources, from)
	}
	p.totals.add(c)
	p.mu.Unlock()
	p.serves.Done()
}

func (p *Proxy) snapshot() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list()
}

// list is snapshot with mu held.
func (p *Proxy) list() []*conn {
	all := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}

func (p *Proxy) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func newID(now time.Time) ulid.ULID { return ulid.MustNew(ulid.Timestamp(now), rand.Reader) }
