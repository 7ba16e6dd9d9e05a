package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"
)

// A conn is one session: the client's connection, and the broker's behind it.
//
// Invariants:
//   - The response pump starts after dial; until then, and after it has ended, serve owns what is the pump's.
//   - The first cause given is the session's; everything after it only clears up.
//   - Both sockets may be closed by anyone (kill); only serve gives the conn up.
type conn struct {
	// Set at accept, never changed.
	p       *Proxy
	l       *listener
	s       *clusterState
	session *access.Session
	raw     *net.TCPConn // the client's socket
	queue   *fifo
	env     api.Env

	// Set by the handshake, before anything is read.
	client net.Conn // raw, or TLS over it
	log    *journal.Log

	// Set by dial, before the response pump starts.
	upstream net.Conn
	upRaw    *net.TCPConn
	ended    chan struct{} // closed when the response pump has ended

	// Read and written by both pumps and the sweeper.
	identity atomic.Pointer[access.Identity]
	who      atomic.Pointer[access.Client]
	cause    atomic.Pointer[cause]
	sockets  atomic.Pointer[net.TCPConn] // the upstream socket, for kill
	meter    meter
	due      atomic.Int64 // when the log has something to do next, Unix nanoseconds; 0: nothing
	lastAPI  atomic.Int32
	settled  atomic.Bool // the handshake's time does not count any more

	requests  requests
	responses responses
	watch     watch // the sweeper's
}

// A meter counts a connection's bytes and the pumps' open frames. Each field has one writer.
type meter struct {
	clientIn, clientOut, brokerIn, brokerOut atomic.Int64
	requestOpen, responseOpen                atomic.Bool // a frame has begun and not ended
}

// A cause is why a session ended. What is not expected in the life of a session is logged as a warning.
type cause struct {
	word string
	err  error
	warn bool
}

func (c *cause) String() string {
	if c.err == nil {
		return c.word
	}
	return c.word + ": " + c.err.Error()
}

var (
	causeClient  = &cause{word: "client closed"}
	causeBroker  = &cause{word: "broker closed"}
	causeDrained = &cause{word: "drained"}
	causeStopped = &cause{word: "proxy stopped"}
	causeSilent  = &cause{word: "no request within timeouts.handshake"}
	causeFrame   = &cause{word: "request too slow for timeouts.frame", warn: true}
	causeStall   = &cause{word: "no byte moved within timeouts.stall", warn: true}
)

func newConn(l *listener, raw *net.TCPConn, s *access.Session) *conn {
	c := &conn{p: l.p, l: l, s: l.s, session: s, raw: raw, queue: newFifo(l.p.limits.Load().InFlight)}
	c.env = api.Env{Cluster: l.s.cluster, Route: portsRoute{l, s.Local}, Decider: l.p.opt.Decider}
	c.requests.c, c.responses.c = c, c
	return c
}

// serve is the connection's first goroutine: handshake, then the request pump, then the end of everything.
func (c *conn) serve() {
	defer c.p.forget(c)
	defer c.give(c.guard)
	if err := c.handshake(); err != nil {
		c.end(&cause{word: "TLS handshake failed", err: err})
		c.kill(nil)
		return
	}
	c.log = c.p.opt.Journal.Session(c.session)
	c.log.Identify(c.identity.Load(), c.who.Load())
	err := c.guarded(c.requests.run)
	c.end(c.requests.why(err))
	c.close(err)
}

// give runs f in a deferred call, so that recover works in it.
func (c *conn) give(f func(any)) {
	if r := recover(); r != nil {
		f(r)
	}
}

// guard ends the connection whose goroutine panicked. No panic may cross a connection.
func (c *conn) guard(r any) {
	c.end(&cause{word: "internal error", err: fmt.Errorf("%v", r), warn: true})
	c.p.log.Error("internal error: connection closed", "session", c.session.ID.String(), "error", fmt.Sprint(r), "stack", string(debug.Stack()))
	c.kill(nil)
}

// guarded runs a pump and turns its panic into an error.
func (c *conn) guarded(pump func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.guard(r)
			err = errQueueClosed
		}
	}()
	return pump()
}

// end notes why the session ends; only the first reason counts.
func (c *conn) end(why *cause) {
	if why == nil || !c.cause.CompareAndSwap(nil, why) {
		return
	}
	args := []any{"session", c.session.ID.String(), "listener", c.l.name, "client", c.session.Source.String(), "cause", why.String()}
	if id := c.identity.Load(); id != nil {
		args = append(args, "principal", id.Principal)
	}
	if why.warn {
		c.p.totals.faults.Add(1)
		c.p.log.Warn("connection closed", args...)
	} else {
		c.p.log.Debug("connection closed", args...)
	}
}

// kill ends the session at once, from any goroutine: both sockets are closed, and the pumps find out.
func (c *conn) kill(why *cause) {
	c.end(why)
	c.queue.close()
	_ = c.raw.Close() // closed already: as good
	if up := c.sockets.Load(); up != nil {
		_ = up.Close()
	}
}

// nudge wakes both pumps out of a wait for bytes, so that they look around.
func (c *conn) nudge() {
	_ = c.raw.SetReadDeadline(past)
	c.nudgeResponses()
}

func (c *conn) nudgeResponses() {
	if up := c.sockets.Load(); up != nil {
		_ = up.SetReadDeadline(past)
	}
}

var past = time.Unix(1, 0)

// lingers is how long the other direction has, once one has ended well.
const lingers = 5 * time.Second

// close brings the session down after the request pump: the broker's side has its time to finish, then everything is
// closed, accounted and given up.
func (c *conn) close(err error) {
	if c.ended != nil {
		if errors.Is(err, io.EOF) {
			closeWrite(c.upstream)
			t := time.AfterFunc(lingers, func() { c.kill(nil) })
			<-c.ended
			t.Stop()
		}
		c.kill(nil)
		<-c.ended
	}
	c.leftovers()
	c.requests.gate.lost(c)
	info := journal.CloseInfo{
		Cause: c.cause.Load().String(), ClientIn: c.meter.clientIn.Load(), ClientOut: c.meter.clientOut.Load(),
		BrokerIn: c.meter.brokerIn.Load(), BrokerOut: c.meter.brokerOut.Load(), ClientAcked: c.responses.acked,
	}
	if c.ended == nil {
		info.ClientAcked = 0
	}
	c.log.Close(info)
	c.kill(nil)
	c.requests.free()
}

// leftovers accounts for what was in flight and will have no answer.
func (c *conn) leftovers() {
	for {
		e, ok := c.queue.first()
		if !ok {
			return
		}
		if e.x != nil {
			e.x.Abandon(c.log)
			e.x.Free()
		}
		c.queue.pop()
	}
}

// closeWrite says to the other side that nothing more comes.
func closeWrite(nc net.Conn) {
	if w, ok := nc.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite() // the connection is going away either way
	}
}

// dial connects to the broker and starts the response pump.
func (c *conn) dial() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.p.timeouts.Load().Dial)
	defer cancel()
	raw, nc, err := c.s.dial(ctx, c.session.Broker, c.p.pool)
	if err != nil {
		return err
	}
	c.upRaw, c.upstream = raw, nc
	c.session.Upstream, c.session.Remote = addrPort(raw.LocalAddr()), addrPort(raw.RemoteAddr())
	c.sockets.Store(raw)
	if c.cause.Load() != nil { // killed meanwhile
		_ = raw.Close()
		return errQueueClosed
	}
	c.requests.w = relay.NewWriter(nc, c.p.pool, &c.requests.count)
	c.responses.start()
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		c.end(c.responses.why(c.guarded(c.responses.run)))
		c.responses.finish()
	}()
	return nil
}
