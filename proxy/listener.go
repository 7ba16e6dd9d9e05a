package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
)

// A listener is one configured listener: the bootstrap address and, with ports routing, one address for every broker
// that the cluster has named. Each has an accept loop, counted in Proxy.serves, that ends when the address is closed.
type listener struct {
	p    *Proxy
	s    *clusterState
	name string
	spec atomic.Pointer[ListenerSpec]

	mu      sync.Mutex // guards what follows
	host    string     // part of the address that nodes share
	bound   map[int32]net.Listener
	failed  map[int32]error // nodes whose port could not be bound
	started bool
	closed  bool
}

// bootstrap is the node id of the address that clients bootstrap from.
const bootstrap = -1

// newListener binds the bootstrap address and those of the nodes that are known from before. On an error the caller
// closes what it gets.
func newListener(p *Proxy, s *clusterState, spec ListenerSpec) (*listener, error) {
	host, _, err := net.SplitHostPort(spec.Address)
	if err != nil {
		return nil, err
	}
	l := &listener{p: p, s: s, name: spec.Name, host: host, bound: map[int32]net.Listener{}, failed: map[int32]error{}}
	l.spec.Store(&spec)
	if err := l.bind(bootstrap, spec.Address); err != nil {
		return l, err
	}
	for _, n := range s.cluster.Nodes() {
		if _, err := l.node(n.ID); err != nil {
			return l, err
		}
	}
	return l, nil
}

// bind listens on an address and, once the listener serves, accepts there. It is called with mu held, but for the first.
func (l *listener) bind(node int32, address string) error {
	if l.closed {
		return net.ErrClosed
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	l.bound[node] = ln
	if l.started {
		l.accepting(node, ln)
	}
	return nil
}

// start begins to accept.
func (l *listener) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
	for node, ln := range l.bound {
		l.accepting(node, ln)
	}
}

func (l *listener) accepting(node int32, ln net.Listener) {
	l.p.serves.Add(1)
	go l.accept(node, ln)
}

// close stops accepting. Connections go on.
func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, ln := range l.bound {
		_ = ln.Close() // an error means that it is closed
	}
}

// node returns the port of a broker and makes sure that something listens there.
func (l *listener) node(id int32) (int32, error) {
	first := l.spec.Load().FirstPort
	port := first + int(id)
	if id < 0 || port > 65535 {
		return 0, fmt.Errorf("broker %d has no port: first_port %d + %d is beyond 65535", id, first, id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.bound[id]; ok {
		return int32(port), nil
	}
	if err := l.bind(id, net.JoinHostPort(l.host, strconv.Itoa(port))); err != nil {
		l.failed[id] = err
		return 0, fmt.Errorf("no listener for broker %d: %w", id, err)
	}
	delete(l.failed, id)
	return int32(port), nil
}

func (l *listener) ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for id, err := range l.failed {
		errs = append(errs, fmt.Errorf("broker %d: %w", id, err))
	}
	return errors.Join(errs...)
}

func (l *listener) addresses() []ListenerAddr {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []ListenerAddr
	for node, ln := range l.bound {
		all = append(all, ListenerAddr{Cluster: l.s.name, Listener: l.name, Address: ln.Addr(), Node: node})
	}
	return all
}

// accept takes connections until the address is closed. An error of accept itself (no descriptors left) is waited out.
func (l *listener) accept(node int32, ln net.Listener) {
	defer l.p.serves.Done()
	for wait := time.Duration(0); ; {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			l.p.log.Error("cannot accept a connection; trying again", "listener", l.name, "address", ln.Addr().String(), "error", err, "wait", wait)
			time.Sleep(wait)
			continue
		}
		wait = 0
		l.take(node, nc.(*net.TCPConn))
	}
}

// take starts serving one connection, or turns it away.
func (l *listener) take(node int32, raw *net.TCPConn) {
	now := time.Now()
	peer, local := addrPort(raw.RemoteAddr()), addrPort(raw.LocalAddr())
	c := newConn(l, raw, &access.Session{
		ID: newID(now), Opened: now, Proxy: l.p.opt.ProxyID, Cluster: l.s.name, Listener: l.name,
		Source: peer, SourceFrom: "tcp", Peer: peer, Local: local, Broker: node,
	})
	if which, ok := l.p.admit(c); !ok {
		l.p.totals.turnedAway.Add(1)
		l.p.alarm(slog.LevelWarn, "connection turned away", "listener", l.name, "client", peer.String(), "limit", which)
		_ = raw.Close()
		return
	}
	go c.serve()
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
