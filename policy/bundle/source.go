package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"doorkeeper/internal/disk"
)

// Options say where bundles come from and which are good (contracts: config, policy.bundle).
type Options struct {
	URL           string
	PublicKey     []byte                 // PEM; needed unless Unsigned
	Unsigned      bool                   // policy.bundle.insecure_unsigned
	AllowRollback bool                   // a lower version than the one in force is taken
	Poll          time.Duration          // how often the server is asked
	MaxAge        time.Duration          // how old a bundle may be, by its issued, else since the server confirmed it; 0: any age
	Token         func() (string, error) // bearer token, read anew for each request; nil: none
	Dir           string                 // where the last good bundle is kept, as it was received
	Client        *http.Client           // nil: one with a timeout
	Now           func() time.Time       // nil: time.Now
}

const (
	lastGood = "bundle.tar.gz"
	hangs    = 30 * time.Second // for one request, whatever the server does
)

// A Source brings bundles. Fetch and Run are for one goroutine; Status is for any.
type Source struct {
	opt Options
	key *publicKey

	mu      sync.Mutex // guards what follows
	current *Bundle    // in force; nil: none yet
	etag    string     // of current
	status  Status
}

// Status is what surfaces say of a source.
type Status struct {
	URL      string    // without what could be secret in it
	Checked  time.Time // when the server last answered as it should
	Loaded   time.Time // when the bundle in force came
	Bundle   string    // the one in force, for people; "": none
	Problem  string    // why the last try failed; "": it did not
	Outdated bool      // the bundle in force is older than MaxAge
}

// Open checks the options and loads the last good bundle, if there is one: it is verified again. Current then has it.
func Open(o Options) (*Source, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("policy.bundle.url %q is no http or https address", o.URL)
	case u.User != nil:
		return nil, errors.New("policy.bundle.url holds a password: use policy.bundle.token_file")
	case o.Poll <= 0:
		return nil, errors.New("policy.bundle.poll must be above 0")
	}
	if o.Client == nil {
		o.Client = defaultClient()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Source{opt: o, status: Status{URL: u.Redacted()}}
	if !o.Unsigned {
		if s.key, err = parseKey(o.PublicKey); err != nil {
			return nil, fmt.Errorf("policy.bundle.public_key_file: %w", err)
		}
	}
	return s, s.loadLast()
}

// defaultClient keeps no connection: a poll is rare, and its goroutines end with it.
func defaultClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	return &http.Client{Timeout: hangs, Transport: t}
}

// loadLast reads the last good bundle. One that does not verify any more is an error: somebody changed it, or the key.
func (s *Source) loadLast() error {
	path := filepath.Join(s.opt.Dir, lastGood)
	archive, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the last good bundle: %w", err)
	}
	b, err := read(archive, s.key)
	if err != nil {
		return fmt.Errorf("the last good bundle, %s: %w (remove the file to start with the server's)", path, err)
	}
	s.current = b
	return nil
}

// Current is the bundle in force, or the last good one before there is one; nil: none. It may be called on nil.
func (s *Source) Current() *Bundle {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Status says how the source fares.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.status
	if b := s.current; b != nil {
		t.Bundle, t.Outdated = b.String(), s.outdated(b)
	}
	return t
}

// outdated is called with mu held.
func (s *Source) outdated(b *Bundle) bool {
	since := b.Issued
	if since.IsZero() {
		since = s.status.Checked
	}
	return s.opt.MaxAge > 0 && s.opt.Now().Sub(since) > s.opt.MaxAge
}

// Fetch asks the server once, and has use put the bundle in force if it is a new one. Only then does it become the
// current and the last good one. The error says what failed; the bundle in force stays.
func (s *Source) Fetch(ctx context.Context, use func(*Bundle) error) error {
	err := s.fetch(ctx, use)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.status.Problem = err.Error()
		return err
	}
	s.status.Problem, s.status.Checked = "", s.opt.Now()
	return nil
}

func (s *Source) fetch(ctx context.Context, use func(*Bundle) error) error {
	archive, etag, err := s.get(ctx)
	if err != nil || archive == nil {
		return err
	}
	old := s.Current()
	if old != nil && bytes.Equal(archive, old.archive) {
		s.keep(old, etag)
		return nil
	}
	b, err := read(archive, s.key)
	if err != nil {
		return err
	}
	if old != nil && b.Version < old.Version && !s.opt.AllowRollback {
		return fmt.Errorf("the server has version %d, and %d is in force: a rollback needs policy.bundle.allow_rollback", b.Version, old.Version)
	}
	if err := use(b); err != nil {
		return fmt.Errorf("%v is refused: %w", b, err)
	}
	s.keep(b, etag)
	return s.persist(b)
}

func (s *Source) keep(b *Bundle, etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != b || s.status.Loaded.IsZero() {
		s.status.Loaded = s.opt.Now()
	}
	s.current, s.etag = b, etag
}

// get returns the server's archive, nil if it is the one we have.
func (s *Source) get(ctx context.Context) (archive []byte, etag string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.opt.URL, nil)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	known := s.etag
	s.mu.Unlock()
	if known != "" {
		r.Header.Set("If-None-Match", known)
	}
	if s.opt.Token != nil {
		token, err := s.opt.Token()
		if err != nil {
			return nil, "", fmt.Errorf("policy.bundle.token_file: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := s.opt.Client.Do(r)
	if err != nil {
		return nil, "", fmt.Errorf("the bundle server: %w", err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusNotModified:
		return nil, "", nil
	case http.StatusOK:
	default:
		return nil, "", fmt.Errorf("the bundle server answers %q", printable(answer.Status))
	}
	archive, err = io.ReadAll(io.LimitReader(answer.Body, maxBundle+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("the bundle server: %w", err)
	case len(archive) > maxBundle:
		return nil, "", fmt.Errorf("the bundle is larger than %d MiB", maxBundle>>20)
	}
	return archive, answer.Header.Get("ETag"), nil
}

// persist keeps the archive as it came, in one step.
func (s *Source) persist(b *Bundle) error {
	if err := os.MkdirAll(s.opt.Dir, 0o700); err != nil {
		return fmt.Errorf("%v is in force, but cannot be kept for the next start: %w", b, err)
	}
	if err := disk.Replace(filepath.Join(s.opt.Dir, lastGood), b.archive, 0o600); err != nil {
		return fmt.Errorf("%v is in force, but cannot be kept for the next start: %w", b, err)
	}
	return nil
}

// Run fetches until ctx ends: at once, then every Poll, with a tenth of it as jitter. tried hears what became of each try;
// it and use are called by Run's goroutine.
func (s *Source) Run(ctx context.Context, use func(*Bundle) error, tried func(error)) {
	for {
		if err := s.Fetch(ctx, use); ctx.Err() == nil {
			tried(err)
		}
		wait := s.opt.Poll + rand.N(s.opt.Poll/10+1)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
