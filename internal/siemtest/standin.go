package siemtest

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A standIn is what all stand-ins have: a mood, a memory of what they took, and complaints about requests that do not
// keep the contract.
type standIn struct {
	mu         sync.Mutex
	rng        *rand.Rand // nil: calm
	took       map[string]int
	complaints []string
	poison     func(target string) bool
}

func newStandIn(rng *rand.Rand, poison func(target string) bool) standIn {
	if poison == nil {
		poison = func(string) bool { return false }
	}
	return standIn{rng: rng, took: map[string]int{}, poison: poison}
}

// Calm ends every mood: from here on the far side works.
func (s *standIn) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rng = nil
}

// Took says how often each record was taken, by its id.
func (s *standIn) Took() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]int, len(s.took))
	for id, n := range s.took {
		all[id] = n
	}
	return all
}

// Complaints are what was wrong with requests.
func (s *standIn) Complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.complaints...)
}

func (s *standIn) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, fmt.Sprintf(format, args...))
}

// chance is one in n of a moody far side.
func (s *standIn) chance(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng != nil && s.rng.IntN(n) == 0
}

func (s *standIn) upTo(d time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rng == nil {
		return 0
	}
	return time.Duration(s.rng.Int64N(int64(d)))
}

func (s *standIn) take(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[e.ID]++
}

// An event is what the stand-ins look at in a record.
type event struct {
	ID     string `json:"id"`
	Target string `json:"target"`
}

// failsBefore answers, or does not answer, a request that was not taken.
func (s *standIn) failsBefore(w http.ResponseWriter) bool {
	switch {
	case s.chance(12):
		drop(w)
	case s.chance(12):
		w.Header().Set("Retry-After", "3")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case s.chance(12):
		w.Header().Set("Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
		http.Error(w, "<html>no server</html>", http.StatusServiceUnavailable)
	case s.chance(12):
		http.Error(w, "", http.StatusBadGateway)
	default:
		return false
	}
	return true
}

// failsAfter loses the answer to a request that was taken.
func (s *standIn) failsAfter(w http.ResponseWriter) bool {
	switch {
	case s.chance(10):
		drop(w)
	case s.chance(10):
		http.Error(w, "taken, and then something broke", http.StatusInternalServerError)
	case s.chance(10):
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"text":"Succ`) // and the connection ends
	case s.chance(10):
		_, _ = io.WriteString(w, "<html>welcome to the load balancer</html>")
	default:
		return false
	}
	return true
}

// drop ends the connection without an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

// body reads a request's body, which may be compressed.
func body(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// lines splits what a newline ends.
func lines(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// Pipes is a network in memory: it works under testing/synctest, where real sockets do not.
type Pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes makes one.
func NewPipes() *Pipes { return &Pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Dial connects.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make it a net.Listener.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses connections from here on.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is no address.
func (p *Pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
