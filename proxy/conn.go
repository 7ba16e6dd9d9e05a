package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/proxy/api"
	"doorkeeper/quarantine"
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
	decider *limited
	env     api.Env
	limits  *limits         // nil: there are none
	ctx     context.Context // ends with the session: handshake and dial wait under it
	cancel  context.CancelFunc

	// Set by the handshake, before anything is read.
	client  net.Conn       // raw, or TLS over it
	records *relay.Records // between the two; nil on plaintext
	log     *journal.Log

	// Set by dial, before the response pump starts.
	up    upstream
	ended chan struct{} // closed when the response pump has ended

	// Read and written by both pumps and the sweeper.
	identity atomic.Pointer[access.Identity]
	settled  atomic.Bool // whose session it is: the identity is not provisional any more
	who      atomic.Pointer[access.Client]
	said     atomic.Pointer[[]string] // client ids, the last ones
	cause    atomic.Pointer[cause]
	sockets  atomic.Pointer[net.TCPConn] // the upstream socket, for kill
	meter    meter
	due      atomic.Int64 // when the log has something to do next, Unix nanoseconds; 0: nothing
	lastAPI  atomic.Int32
	since    atomic.Int64 // when the wait for a first request, or for the end of SASL, began, Unix nanoseconds; 0: over

	resets  atomic.Bool // the session was cut: sockets are closed so that nothing in them is delivered
	closing sync.Mutex  // whoever closes the sockets; who finds it free knows that they are closed, not being closed
	dialing sync.Mutex  // held while a broker is dialled

	requests     requests
	responses    responses
	transactions []*transaction // guarded by Proxy.transactions
	watch        watch          // the sweeper's
	acked        atomic.Int64   // bytes that the client's TCP had acknowledged at the end, -1: not known
}

// A meter counts a connection's bytes and says what the pumps are at. Each field has one writer.
type meter struct {
	clientIn, clientOut, brokerIn, brokerOut atomic.Int64
	request, response                        activity
}

// What a pump waits for, as far as somebody may be too slow at it.
const (
	resting int32 = iota // a frame's first byte, or the other pump
	reading              // the rest of a frame
	writing              // room in the other side's socket
)

type activity struct{ v atomic.Int32 }

func (a *activity) set(v int32) {
	if a.v.Load() != v { // mostly it is
		a.v.Store(v)
	}
}

func (a *activity) get() int32 { return a.v.Load() }

// openOr is reading if a frame is open, else resting.
func openOr(open bool) int32 {
	if open {
		return reading
	}
	return resting
}

// A cause is why a session ended. What is not expected in the life of a session is logged as a warning.
type cause struct {
	word string
	err  error
	warn bool
	by   *quarantine.Quarantine // what cut the session, if one did
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
	causeDenied  = &cause{word: "a Produce with acks=0 was not let pass"}
	causeDrained = &cause{word: "drained"}
	causeStopped = &cause{word: "proxy stopped"}
	causeSilent  = &cause{word: "no request within timeouts.handshake"}
	causeFrame   = &cause{word: "request too slow for timeouts.frame", warn: true}
	causeStall   = &cause{word: "no byte moved within timeouts.stall", warn: true}
)

func newConn(l *listener, raw *net.TCPConn, s *access.Session) *conn {
	c := &conn{p: l.p, l: l, s: l.s, session: s, raw: raw, queue: newFifo(l.p.limits.Load().InFlight), decider: l.p.decider(s, l.s.cluster)}
	c.env = api.Env{
		Cluster: l.s.cluster, Route: portsRoute{l, s.Local}, Decider: recordedDecider{c.decider, l.p.opt.Journal}, Law: c.decider, Memory: l.p.kept, Now: time.Now,
		Transactions: &l.s.transactions, AutoCreate: &l.s.autoCreate, Refer: func(call *access.Call) *access.Reference { return l.p.opt.Journal.Refer(s, call) },
	}
	c.limit()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.since.Store(s.Opened.UnixNano())
	c.requests.c, c.responses.c = c, c
	return c
}

// serve is the connection's first goroutine: handshake, then the request pump, then the end of everything.
func (c *conn) serve() {
	defer c.p.forget(c)
	defer c.give(c.guard)
	defer c.release()
	if err := c.handshake(); err != nil {
		if c.p.draining.Load() {
			c.end(causeDrained)
		}
		c.kill(&cause{word: "TLS handshake failed", err: err})
		return
	}
	c.open()
	err := c.guarded(c.requests.run)
	c.end(c.requests.why(err))
	c.close(err)
}

// open begins the session's records. A certificate is a login of its own; without one, who it is shows later.
func (c *conn) open() {
	id := c.identity.Load()
	known := id
	if id.Source == access.None {
		known = &access.Identity{TLS: id.TLS}
	}
	c.log = c.p.opt.Journal.Session(c.session, known)
	c.log.Identify(id, c.who.Load())
	if id.Source == access.Mapped {
		c.authn(id, "SUCCESS", "")
	}
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
	c.p.alarm(slog.LevelError, "internal error: connection closed", "session", c.session.ID.String(), "error", fmt.Sprint(r), "stack", string(debug.Stack()))
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

// end notes why the session ends; only the first reason counts, and end says whether this is it.
func (c *conn) end(why *cause) bool {
	if why == nil || !c.cause.CompareAndSwap(nil, why) {
		return false
	}
	args := []any{"session", c.session.ID.String(), "listener", c.l.name, "client", c.session.Source.String(), "cause", why.String()}
	if id := c.identity.Load(); id != nil {
		args = append(args, "principal", id.Principal)
	}
	if why.by != nil {
		args = append(args, "rule", why.by.Rule(), "reason", why.by.Reason)
	}
	if why.warn {
		c.p.totals.faults.Add(1)
		c.p.alarm(slog.LevelWarn, "connection closed", args...)
	} else {
		c.p.log.Debug("connection closed", args...)
	}
	return true
}

// kill ends the session at once, from any goroutine: both sockets are closed, and the pumps find out.
func (c *conn) kill(why *cause) {
	c.end(why)
	c.cancel()
	c.queue.close()
	c.closeSockets()
}

// closeSockets closes both sockets. Close returns once nobody uses the descriptor any more, but only to who closes it first:
// hence the lock.
func (c *conn) closeSockets() {
	c.closing.Lock()
	defer c.closing.Unlock()
	c.drop(c.raw)
	if up := c.sockets.Load(); up != nil {
		c.drop(up)
	}
}

// drop closes one socket; an error means that it is closed already. Of a session that is cut nothing is delivered any more
// that lies in the socket, whoever comes to close it.
func (c *conn) drop(s *net.TCPConn) {
	if c.resets.Load() {
		_ = relay.Reset(s)
	} else {
		_ = s.Close()
	}
}

// cut ends the session so that neither side gets another byte: what lies in buffers, pipes and sockets is discarded (after
// a plain close a peer would receive all that the kernel holds), and nothing is handed to a socket once cut has returned.
// Any goroutine may call it, but none from inside a mover.
func (c *conn) cut(why *cause) {
	c.halt(why)
	c.closeSockets()
	c.cancel()
	c.dialing.Lock() // a dial under way has given up
	defer c.dialing.Unlock()
}

// halt is the first half of cut: the pumps stop, and whoever closes the sockets from now on discards what is in them.
func (c *conn) halt(why *cause) {
	if c.end(why) && why.by != nil {
		c.p.totals.cut.Add(1)
	}
	c.resets.Store(true)
	c.queue.close()
	c.acknowledged() // while there is a socket to ask
	_ = c.raw.SetDeadline(past)
	if up := c.sockets.Load(); up != nil {
		_ = up.SetDeadline(past)
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

// How long the other direction has, once one has ended well, and how long a client has to read its last answers.
const (
	lingers = 5 * time.Second
	parting = time.Second
)

// close brings the session down after the request pump: what is in flight has its time to finish, then everything is
// closed, accounted and given up.
func (c *conn) close(err error) {
	if c.ended != nil {
		c.part(err)
		c.acknowledged()
		c.kill(nil)
		<-c.ended
	}
	c.leftovers()
	c.requests.account(c.log)
	c.requests.gate.lost(c)
	c.log.Close(c.summary())
	c.kill(nil)
}

// summary is how the session ended. Its byte counts are the sockets' own: under TLS, what TLS made of the pumps' bytes.
func (c *conn) summary() journal.CloseInfo {
	m := &c.meter
	i := journal.CloseInfo{
		ClientIn: m.clientIn.Load(), ClientOut: m.clientOut.Load(),
		BrokerIn: m.brokerIn.Load(), BrokerOut: m.brokerOut.Load(), ClientAcked: c.acked.Load(),
	}
	why := c.cause.Load()
	if i.Cause = why.String(); why.by != nil {
		i.Rule, i.Reason = why.by.Rule(), why.by.Reason
	}
	if c.records != nil {
		i.ClientIn, i.ClientOut = c.records.Moved()
	}
	if c.up.records != nil {
		i.BrokerIn, i.BrokerOut = c.up.records.Moved()
	}
	return i
}

// part gives each side what is still due to it, after the request pump has ended with err.
func (c *conn) part(err error) {
	late := time.AfterFunc(lingers, func() { c.kill(nil) })
	defer late.Stop()
	var bad errFrame
	switch {
	case errors.Is(err, io.EOF):
		closeWrite(c.up.conn)
		_ = c.queue.settled() // or the broker has closed: as good
		return
	case errors.Is(err, errBroker), errors.Is(err, errQueueClosed):
		<-c.ended // what the broker said last is handed on
	case errors.As(err, &bad) && !errors.Is(err, api.ErrNoRoom):
		_ = c.queue.settled() // what was asked before it is answered, as by a broker; an error means that this is over, too
	case !errors.Is(err, errDrained):
		return
	}
	c.drop(c.up.raw)
	<-c.ended // the response pump has told the client
	c.requests.linger()
}

// acknowledged asks what the client's TCP has acknowledged, while there is a socket to ask; what was known before stays.
func (c *conn) acknowledged() {
	if info, ok := relay.SocketInfo(c.raw); ok {
		c.acked.Store(int64(info.Acked))
	} else {
		c.acked.CompareAndSwap(0, -1)
	}
}

// release gives up what the connection holds, whether or not it was served.
func (c *conn) release() {
	c.cancel()
	if c.ended != nil { // after a panic nobody has waited for it
		c.kill(nil)
		<-c.ended
	}
	c.requests.free()
	if c.limits != nil {
		c.limits.meter.Close()
	}
	for _, r := range []*relay.Records{c.records, c.up.records} {
		if r != nil {
			r.Release()
		}
	}
}

// How long a pump waits for others to give buffers back before its frame is given up, and between two looks.
const (
	roomWait = 2 * time.Second
	roomLook = 20 * time.Millisecond
)

// awaitsRoom waits a moment, and says whether to try again: since is when the wait for this room began, zero before.
func (c *conn) awaitsRoom(since *time.Time) bool {
	now := time.Now()
	if since.IsZero() {
		*since = now
	}
	if now.Sub(*since) >= roomWait {
		return false
	}
	select {
	case <-c.ctx.Done():
		return false
	case <-time.After(roomLook):
		return true
	}
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
	ctx, cancel := context.WithTimeout(c.ctx, c.p.timeouts.Load().Dial)
	defer cancel()
	if err := c.dialBroker(ctx); err != nil {
		return err
	}
	c.requests.w = relay.NewWriter(c.up.conn, c.p.pool, &c.requests.count)
	c.responses.start()
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		defer c.give(c.guard)
		c.end(c.responses.why(c.guarded(c.responses.run)))
		c.responses.finish()
	}()
	return nil
}

// dialBroker connects to the broker. Who ended the session, and then has had the lock, knows that no dial is under way.
func (c *conn) dialBroker(ctx context.Context) error {
	c.dialing.Lock()
	defer c.dialing.Unlock()
	up, err := c.s.dial(ctx, c.session.Broker, c.p.pool)
	if err != nil {
		return err
	}
	c.up = up
	c.session.Upstream, c.session.Remote = addrPort(up.raw.LocalAddr()), addrPort(up.raw.RemoteAddr())
	c.sockets.Store(up.raw)
	if c.cause.Load() != nil { // killed meanwhile
		c.drop(up.raw)
		return errQueueClosed
	}
	return nil
}
