package broker

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// NodeID is the broker's own.
const NodeID = 1

// A Broker serves on any number of listeners, and tells clients the address that they came to.
type Broker struct {
	topics  []*Topic
	lookups atomic.Int64 // Metadata requests

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*conn]struct{}
	produced  map[string][]Produced
	closed    bool
	wait      sync.WaitGroup
}

// Produced is a Produce request as it arrived whole.
type Produced struct {
	Bytes int64    // of the request, its length bytes not counted
	Sum   [32]byte // SHA-256 of those
}

// New makes a broker that has these topics.
func New(topics ...*Topic) *Broker {
	return &Broker{topics: topics, conns: map[*conn]struct{}{}, produced: map[string][]Produced{}}
}

// Serve accepts on l in the background.
func (b *Broker) Serve(l net.Listener) {
	b.mu.Lock()
	b.listeners = append(b.listeners, l)
	b.mu.Unlock()
	b.wait.Go(func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			b.begin(&conn{b: b, tcp: c.(*net.TCPConn)})
		}
	})
}

func (b *Broker) begin(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = c.tcp.Close()
		return
	}
	b.conns[c] = struct{}{}
	b.wait.Go(func() {
		defer b.end(c)
		c.in = bufio.NewReaderSize(c.tcp, 1<<10)
		for c.exchange() == nil { // an error is the end of the connection, on purpose in many tests
		}
	})
}

func (b *Broker) end(c *conn) {
	_ = c.tcp.Close()
	b.mu.Lock()
	delete(b.conns, c)
	b.mu.Unlock()
}

// Connections is how many are open.
func (b *Broker) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// Lookups is how many Metadata requests came.
func (b *Broker) Lookups() int64 { return b.lookups.Load() }

// Produced lists what a client has produced, in the order of arrival.
func (b *Broker) Produced(clientID string) []Produced {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Produced(nil), b.produced[clientID]...)
}

// Reset ends the connections of a client with a TCP reset and says how many there were.
func (b *Broker) Reset(clientID string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		if id := c.client.Load(); id != nil && *id == clientID {
			_ = c.tcp.SetLinger(0)
			_ = c.tcp.Close()
			n++
		}
	}
	return n
}

// Close ends everything and waits for it.
func (b *Broker) Close() {
	b.mu.Lock()
	b.closed = true
	for _, l := range b.listeners {
		_ = l.Close()
	}
	for c := range b.conns {
		_ = c.tcp.Close()
	}
	b.mu.Unlock()
	b.wait.Wait()
}

func (b *Broker) byName(name string) *Topic {
	for _, t := range b.topics {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (b *Broker) byID(id [16]byte) *Topic {
	for _, t := range b.topics {
		if t.ID == id {
			return t
		}
	}
	return nil
}

var versions = map[kmsg.Key][2]int16{
	kmsg.Produce: {3, ProduceVersion}, kmsg.Fetch: {4, FetchByID}, kmsg.Metadata: {0, 12}, kmsg.ApiVersions: {0, 4},
}
