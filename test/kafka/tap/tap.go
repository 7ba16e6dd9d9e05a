// Package tap stands between a client and a broker or doorkeeper, passes bytes on and keeps them all, in order: the
// truth of what was on the wire.
package tap

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"doorkeeper/internal/conversation"
)

// A Recorder keeps the connections of any number of taps.
type Recorder struct {
	mu    sync.Mutex
	conns []*Conn
}

// Conns returns the connections so far, in the order in which they were opened.
func (r *Recorder) Conns() []*Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Conn(nil), r.conns...)
}

// Wait waits until every connection so far has ended, or for the time given. It says whether they all have.
func (r *Recorder) Wait(limit time.Duration) bool {
	deadline := time.After(limit)
	for _, c := range r.Conns() {
		select {
		case <-c.done:
		case <-deadline:
			return false
		}
	}
	return true
}

// A Conn is one connection through a tap.
type Conn struct {
	Node   int32          // the broker behind it; -1 for a bootstrap address
	Listen string         // host:port that the client connected to
	Client netip.AddrPort // the client's end
	Peer   netip.AddrPort // the tap's own end toward the server: what the server takes for the client
	Opened time.Time      // before the tap connected to the server

	mu     sync.Mutex
	chunks []conversation.Chunk
	reset  bool // one side ended it with a reset: bytes may have been lost behind it
	done   chan struct{}
}

// Chunks returns what has passed. The bytes are shared: nobody changes them.
func (c *Conn) Chunks() []conversation.Chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]conversation.Chunk(nil), c.chunks...)
}

// Ended says whether the connection is over, and whether by a reset.
func (c *Conn) Ended() (ended, reset bool) {
	select {
	case <-c.done:
		ended = true
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return ended, c.reset
}

func (c *Conn) keep(from conversation.Direction, p []byte) {
	data := append([]byte(nil), p...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chunks = append(c.chunks, conversation.Chunk{From: from, Data: data})
}

// A Tap listens on one address and passes on to another.
type Tap struct {
	listener net.Listener
	target   string
	node     int32
	security *Security
	recorder *Recorder
	wait     sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{}
	closed   bool
}

// Security makes a tap end the client's TLS with Server's certificate and open TLS of its own to the server. It then
// keeps what is inside. Client returns the configuration for a client that showed the certificate with this common
// name ("" without one).
type Security struct {
	Server *tls.Config
	Client func(commonName string) *tls.Config
}

// Listen starts a tap. node says which broker the target is, -1 if it may be any. security is nil for plain TCP.
func Listen(address, target string, node int32, security *Security, r *Recorder) (*Tap, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	t := &Tap{listener: l, target: target, node: node, security: security, recorder: r, open: map[net.Conn]struct{}{}}
	t.wait.Add(1)
	go t.accept()
	return t, nil
}

// Close stops listening, ends the connections and waits for them.
func (t *Tap) Close() {
	t.listener.Close()
	t.mu.Lock()
	t.closed = true
	for c := range t.open {
		c.Close()
	}
	t.mu.Unlock()
	t.wait.Wait()
}

func (t *Tap) accept() {
	defer t.wait.Done()
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return
		}
		t.wait.Add(1)
		go func() {
			defer t.wait.Done()
			t.serve(client)
		}()
	}
}

// track notes a socket that Close has to end; it says no when Close has passed.
func (t *Tap) track(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.open[c] = struct{}{}
	}
	return !t.closed
}

func (t *Tap) forget(c net.Conn) {
	c.Close()
	t.mu.Lock()
	delete(t.open, c)
	t.mu.Unlock()
}

func (t *Tap) serve(client net.Conn) {
	defer t.forget(client)
	opened := time.Now()
	server, err := net.DialTimeout("tcp", t.target, 10*time.Second)
	if err != nil {
		return
	}
	defer t.forget(server)
	if !t.track(client) || !t.track(server) {
		return
	}
	c := &Conn{
		Node: t.node, Listen: client.LocalAddr().String(), Opened: opened, done: make(chan struct{}),
		Client: client.RemoteAddr().(*net.TCPAddr).AddrPort(), Peer: server.LocalAddr().(*net.TCPAddr).AddrPort(),
	}
	t.recorder.mu.Lock()
	t.recorder.conns = append(t.recorder.conns, c)
	t.recorder.mu.Unlock()
	defer close(c.done)
	inner, outer := client, server
	if t.security != nil {
		if inner, outer, err = t.security.wrap(client, server); err != nil {
			return
		}
	}
	c.pass(inner, outer)
}

func (s *Security) wrap(client, server net.Conn) (inner, outer net.Conn, err error) {
	in := tls.Server(client, s.Server)
	if err := in.Handshake(); err != nil {
		return nil, nil, err
	}
	name := ""
	if certs := in.ConnectionState().PeerCertificates; len(certs) > 0 {
		name = certs[0].Subject.CommonName
	}
	out := tls.Client(server, s.Client(name))
	return in, out, out.Handshake()
}

// pass copies both ways until both have ended. An end of one direction is passed on as such, so that a client that
// leaves does not keep the tap from reading all that the server had already written.
func (c *Conn) pass(client, server net.Conn) {
	var wait sync.WaitGroup
	wait.Add(2)
	go func() { defer wait.Done(); c.copy(conversation.FromClient, server, client) }()
	go func() { defer wait.Done(); c.copy(conversation.FromBroker, client, server) }()
	wait.Wait()
}

// copy keeps what it read before it passes it on. After the destination is gone it goes on reading.
func (c *Conn) copy(from conversation.Direction, dst, src net.Conn) {
	buf := make([]byte, 128<<10)
	var writeErr error
	for {
		n, err := src.Read(buf)
		if n > 0 {
			c.keep(from, buf[:n])
			if writeErr == nil {
				_, writeErr = dst.Write(buf[:n])
			}
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && errors.Is(err, syscall.ECONNRESET) {
			c.mu.Lock()
			c.reset = true
			c.mu.Unlock()
			abort(dst)
			return
		}
		if half, ok := dst.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		return
	}
}

// abort passes a reset on.
func abort(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}
