package bundle

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A signer makes bundles and has the key that they are verified by.
type signer struct{ private, public []byte }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	}
}

// archive makes a bundle with one module, signed unless the signer is zero.
func (s signer) archive(t *testing.T, module string, metadata map[string]any) []byte {
	t.Helper()
	b := bundle.Bundle{
		Manifest: bundle.Manifest{Revision: "rev", Metadata: metadata},
		Data:     map[string]any{"roles": map[string]any{"erp": []any{"purchasing"}}},
		Modules:  []bundle.ModuleFile{{URL: "/policy.rego", Path: "/policy.rego", Raw: []byte(module)}},
	}
	b.Manifest.Init()
	if s.private != nil {
		if err := b.GenerateSignature(bundle.NewSigningConfig(string(s.private), "ES256", ""), "theirs", false); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const module = "package doorkeeper\n\ndecision := {\"allow\": true}\n"

// A server serves what it is told to.
type server struct {
	*httptest.Server
	answer http.HandlerFunc
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(archive []byte) {
	s.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) }
}

func (s *server) options(t *testing.T, by signer) Options {
	t.Helper()
	return Options{
		URL: s.URL, PublicKey: by.public, Poll: time.Minute, Dir: t.TempDir(),
		Client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func open(t *testing.T, o Options) *Source {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func takes(*Bundle) error { return nil }

func TestFetchKeepsTheLastGoodBundle(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	o := srv.options(t, by)
	issued := "2026-11-24T10:00:00Z"
	srv.serve(by.archive(t, module, map[string]any{"version": 7, "issued": issued}))
	s := open(t, o)
	if s.Current() != nil {
		t.Fatal("a bundle before there was any")
	}
	if err := s.Fetch(context.Background(), takes); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]*Source{"fetched": s, "after a restart": open(t, o)} {
		b := s.Current()
		if b == nil {
			t.Fatalf("%s: none", what)
		}
		if string(b.Files["policy.rego"]) != module || b.Version != 7 || b.Issued.Format(time.RFC3339) != issued || !b.Signed {
			t.Errorf("%s: %+v", what, b)
		}
		if _, ok := b.Data["roles"]; !ok {
			t.Errorf("%s: data %v", what, b.Data)
		}
	}
	if mode := mustStat(t, filepath.Join(o.Dir, lastGood)).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
}

func mustStat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Whatever the server does, the bundle in force stays, and the status says what is wrong.
func TestBadAnswersChangeNothing(t *testing.T) {
	by, other, srv := newSigner(t), newSigner(t), newServer(t)
	good := by.archive(t, module, map[string]any{"version": 7})
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	write := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"garbage":         {write([]byte("<html>")), "no bundle"},
		"nothing":         {write(nil), "no bundle"},
		"a flipped bit":   {write(flipped), ""},
		"a cut":           {write(good[:len(good)/2]), ""},
		"another's key":   {write(other.archive(t, module, map[string]any{"version": 8})), "verify"},
		"unsigned":        {write(signer{}.archive(t, module, map[string]any{"version": 8})), "not signed"},
		"a lower version": {write(by.archive(t, module, map[string]any{"version": 6})), "rollback"},
		"no version":      {write(by.archive(t, module, nil)), "rollback"},
		"a bad version":   {write(by.archive(t, module, map[string]any{"version": "8"})), "version"},
		"a bad date":      {write(by.archive(t, module, map[string]any{"version": 8, "issued": "now"})), "issued"},
		"bad Rego":        {write(by.archive(t, "package", map[string]any{"version": 8})), "load"},
		"an error":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "500"},
		"forbidden":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			srv.serve(good)
			s := open(t, srv.options(t, by))
			if err := s.Fetch(context.Background(), takes); err != nil {
				t.Fatal(err)
			}
			srv.answer = c.answer
			err := s.Fetch(context.Background(), func(b *Bundle) error { t.Errorf("%v was put in force", b); return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want something of %q", err, c.want)
			}
			if b := s.Current(); b == nil || b.Version != 7 {
				t.Errorf("in force: %v", b)
			}
			if s.Status().Problem == "" {
				t.Error("the status says nothing")
			}
			srv.serve(good)
			if err := s.Fetch(context.Background(), takes); err != nil || s.Status().Problem != "" {
				t.Errorf("after it: %v, %q", err, s.Status().Problem)
			}
		})
	}
}

// A server that accepts and says nothing costs one request's time, and the status says so; or it ends with the context.
func TestAServerThatHangs(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	release := make(chan struct{})
	srv.answer = func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}
	defer close(release)
	o := srv.options(t, by)
	o.Client = &http.Client{Timeout: 20 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	s := open(t, o)
	if err := s.Fetch(context.Background(), takes); err == nil || !strings.Contains(s.Status().Problem, "exceeded") {
		t.Errorf("%v, %q", err, s.Status().Problem)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s = open(t, srv.options(t, by))
	go func() {
		defer close(ended)
		s.Run(ctx, takes, func(error) {})
	}()
	cancel()
	<-ended
}

func TestARefusedBundleIsNotKept(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	o := srv.options(t, by)
	srv.serve(by.archive(t, module, nil))
	s := open(t, o)
	if err := s.Fetch(context.Background(), func(*Bundle) error { return errors.New("misspelt") }); err == nil || !strings.Contains(err.Error(), "misspelt") {
		t.Errorf("error %v", err)
	}
	if s.Current() != nil || open(t, o).Current() != nil {
		t.Error("it was kept")
	}
}

func TestChangedOnDiskIsAnError(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	o := srv.options(t, by)
	srv.serve(by.archive(t, module, nil))
	if err := open(t, o).Fetch(context.Background(), takes); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, lastGood), newSigner(t).archive(t, module, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), lastGood) {
		t.Errorf("error %v", err)
	}
}

func TestUnsignedAndRollbackByName(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	o := srv.options(t, by)
	o.Unsigned, o.PublicKey, o.AllowRollback = true, nil, true
	s := open(t, o)
	for _, version := range []int{7, 6} {
		srv.serve(signer{}.archive(t, module, map[string]any{"version": version}))
		if err := s.Fetch(context.Background(), takes); err != nil {
			t.Fatal(err)
		}
		if b := s.Current(); b.Version != int64(version) || b.Signed {
			t.Errorf("%+v", b)
		}
	}
}

func TestUnchangedIsNotPutInForceAgain(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	archive := by.archive(t, module, nil)
	var asked []string
	srv.answer = func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match")+" "+r.Header.Get("Authorization"))
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(archive)
	}
	o := srv.options(t, by)
	o.Token = func() (string, error) { return "t", nil }
	s, used := open(t, o), 0
	for range 3 {
		if err := s.Fetch(context.Background(), func(*Bundle) error { used++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if used != 1 || strings.Join(asked, ",") != ` Bearer t,"1" Bearer t,"1" Bearer t` {
		t.Errorf("used %d times, asked %q", used, asked)
	}
}

func TestOutdated(t *testing.T) {
	by, srv := newSigner(t), newServer(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	o := srv.options(t, by)
	o.MaxAge, o.Now = 24*time.Hour, func() time.Time { return now }
	srv.serve(by.archive(t, module, map[string]any{"version": 1, "issued": "2026-11-24T11:00:00Z"}))
	s := open(t, o)
	if err := s.Fetch(context.Background(), takes); err != nil {
		t.Fatal(err)
	}
	if s.Status().Outdated {
		t.Error("outdated after an hour")
	}
	if now = now.Add(24 * time.Hour); !s.Status().Outdated {
		t.Error("not outdated after 25 hours")
	}
	srv.serve(by.archive(t, module, map[string]any{"version": 2})) // one that does not say when it was issued
	if err := s.Fetch(context.Background(), takes); err != nil || s.Status().Outdated {
		t.Errorf("outdated when it came: %v", err)
	}
	if now = now.Add(25 * time.Hour); !s.Status().Outdated {
		t.Error("not outdated a day after the server confirmed it")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	key := newSigner(t).public
	good := Options{URL: "https://example.com/b.tar.gz", PublicKey: key, Poll: time.Second, Dir: t.TempDir()}
	for name, change := range map[string]func(*Options){
		"no address":    func(o *Options) { o.URL = "bundle.tar.gz" },
		"a file":        func(o *Options) { o.URL = "file:///etc/passwd" },
		"a password":    func(o *Options) { o.URL = "https://me:secret@example.com/b" },
		"no key":        func(o *Options) { o.PublicKey = nil },
		"a private key": func(o *Options) { o.PublicKey = newSigner(t).private },
		"no poll":       func(o *Options) { o.Poll = 0 },
	} {
		o := good
		change(&o)
		if _, err := Open(o); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error holds the secret: %v", name, err)
		}
	}
	if _, err := Open(good); err != nil {
		t.Error(err)
	}
}

// A token's own word for its algorithm must be one that the key's kind has: never "none", never a symmetric one.
func TestAlgorithmsOfOtherKinds(t *testing.T) {
	k, err := parseKey(newSigner(t).public)
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]bool{
		"eyJhbGciOiJFUzI1NiJ9.e.s": true,  // ES256
		"eyJhbGciOiJIUzI1NiJ9.e.s": false, // HS256
		"eyJhbGciOiJub25lIn0.e.s":  false, // none
		"eyJhbGciOiJSUzI1NiJ9.e.s": false, // RS256
		"x":                        false,
		"":                         false,
	} {
		if _, err := k.verification(token); (err == nil) != want {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// An archive that grows when it is unpacked is refused before it does.
func TestBombs(t *testing.T) {
	if _, err := read(bomb(t), nil); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("error %v", err)
	}
}
