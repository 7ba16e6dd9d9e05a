package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"doorkeeper/journal"
)

// Bounds of the server. Whoever reaches the open pages can use them up, and nothing else with them.
const (
	maxConnections = 256
	maxFollowers   = 64
	maxHeader      = 16 << 10
	maxBody        = 64 << 10
	writeTimeout   = 30 * time.Second // for an answer, and for each piece of one that goes on
)

// Options is what the API serves. All of it may be called from many goroutines.
type Options struct {
	Log     *slog.Logger
	Journal *journal.Journal
	UIDs    map[uint32]Role
	Tokens  []Token
	Pprof   bool

	Metrics  http.Handler
	Sessions func() []Session
	Ready    func() Readiness
	Config   func() any // as it may be shown: without secrets
	Policy   func() PolicyStatus
	Why      func(context.Context, WhyQuery) (*Why, error)
	Reload   func(context.Context, Actor) (Change, error)
	Drain    func(Actor) // begins; the process ends when it is done

	Quarantines Quarantines
	Grants      Grants
	Coverage    Coverages
}

// A Change is what a reload did: digests of the configuration before and after.
type Change struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// A Server serves the API on any number of listeners until Close.
type Server struct {
	opt       Options
	auth      *auth
	http      *http.Server
	slots     chan struct{} // one per connection
	followers chan struct{} // one per follower
	stop      context.CancelFunc
	serves    sync.WaitGroup
}

// New returns a server that listens nowhere yet.
func New(o Options) *Server {
	s := &Server{
		opt: o, auth: newAuth(o.UIDs, o.Tokens),
		slots: make(chan struct{}, maxConnections), followers: make(chan struct{}, maxFollowers),
	}
	base, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler:           http.MaxBytesHandler(s.routes(), maxBody),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout: writeTimeout, MaxHeaderBytes: maxHeader,
		ConnContext: withPeer,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// SetTokens replaces the tokens; requests under way go on.
func (s *Server) SetTokens(tokens []Token) { s.auth.tokens.Store(&tokens) }

// Serve answers on l until Close. tlsConfig may be nil.
func (s *Server) Serve(l net.Listener, tlsConfig *tls.Config) {
	l = &bounded{Listener: l, slots: s.slots}
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	s.serves.Go(func() {
		if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.opt.Log.Error("the admin API stopped listening", "address", l.Addr().String(), "error", err)
		}
	})
}

// lastWords is how long followers may take to read what a closed journal still has.
const lastWords = time.Second

// Close stops listening and lets requests finish within ctx. Followers end by themselves once the journal is closed
// and read, which is to come first; those that do not are cut.
func (s *Server) Close(ctx context.Context) {
	defer s.stop()
	grace, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	if s.http.Shutdown(grace) != nil {
		s.stop()
		if s.http.Shutdown(ctx) != nil {
			if err := s.http.Close(); err != nil {
				s.opt.Log.Debug("closing the admin API", "error", err)
			}
		}
	}
	s.serves.Wait()
}

// bounded accepts a connection only while a slot is free; the rest wait in the kernel's queue.
type bounded struct {
	net.Listener
	slots chan struct{}
}

func (b *bounded) Accept() (net.Conn, error) {
	b.slots <- struct{}{}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &counted{Conn: c, slots: b.slots}, nil
}

// counted gives its slot back when it is closed.
type counted struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}

// ListenSocket opens the Unix socket. A socket that a dead process left behind is removed; one that answers is not.
// Its mode lets everyone connect, since the peer's uid decides; the directory's mode is what keeps others out.
func ListenSocket(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c, dialErr := net.DialTimeout("unix", path, time.Second); dialErr == nil {
			c.Close()
			return nil, fmt.Errorf("another process answers on the admin socket %s: stop it, or set admin.socket", path)
		}
		if err := removeSocket(path); err != nil {
			return nil, err
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("opening the admin socket: %w", err)
	}
	return l, nil
}

func removeSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("opening the admin socket: %w", err)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is in the way of the admin socket, and is no socket: move it away, or set admin.socket", path)
	}
	return os.Remove(path)
}
