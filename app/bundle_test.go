package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"doorkeeper/config"
)

// bundleServer serves a bundle with one module; nothing while it is empty.
type bundleServer struct {
	*httptest.Server
	archive atomic.Pointer[[]byte]
}

func newBundleServer(t *testing.T) *bundleServer {
	t.Helper()
	s := &bundleServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if b := s.archive.Load(); b != nil {
			_, _ = w.Write(*b)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *bundleServer) serve(t *testing.T, version int, module string) {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"/.manifest": fmt.Sprintf(`{"metadata":{"version":%d}}`, version), "/p.rego": module} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	archive := out.Bytes()
	s.archive.Store(&archive)
}

func (s *bundleServer) config() string {
	return yaml(listener("a", ""), "watch: false\npolicy: {deadline: 1s, bundle: {url: \""+s.URL+"/b.tar.gz\", insecure_unsigned: true, poll: 1s}}\n")
}

func TestBundleDecidesAndIsReplaced(t *testing.T) {
	h, s := newHome(t), newBundleServer(t)
	s.serve(t, 1, readers("erp"))
	r := h.start(s.config())
	if !r.may("User:erp", "orders") || r.may("User:crm", "orders") {
		t.Error("the first bundle does not decide")
	}
	s.serve(t, 2, readers("crm"))
	eventually(t, "the second bundle decides", func() bool { return r.may("User:crm", "orders") })
	s.serve(t, 3, "package doorkeeper\n\ndecision := {\"allow\": input.principle.name}\n")
	eventually(t, "the third is refused", func() bool { return strings.Contains(r.ready().Checks["bundle"], "principle") })
	s.serve(t, 1, readers("erp"))
	eventually(t, "a rollback is refused", func() bool { return strings.Contains(r.ready().Checks["bundle"], "rollback") })
	if !r.may("User:crm", "orders") || !r.ready().Ready {
		t.Errorf("the second bundle no longer decides: %+v", r.ready())
	}
	var after []string
	for _, p := range r.policies() {
		after = append(after, p.Target+" "+p.Outcome)
	}
	if len(after) < 2 || !strings.HasPrefix(after[0], s.URL) {
		t.Errorf("records %q", after)
	}
}

// TestBundleServerGoesWrong: the bundle in force stays, every surface says why there is no other, and none does any more when
// the server is well again.
func TestBundleServerGoesWrong(t *testing.T) {
	h, s := newHome(t), newBundleServer(t)
	s.serve(t, 1, readers("erp"))
	good := s.archive.Load()
	r := h.start(s.config())
	garbage := []byte("<html>404 not found</html>")
	for _, c := range []struct {
		name, words string
		breaks      func()
	}{
		{"garbage", "no bundle", func() { s.archive.Store(&garbage) }},
		{"silence", "503", func() { s.archive.Store(nil) }},
		{"a policy that does not load", "principle", func() {
			s.serve(t, 2, "package doorkeeper\n\ndecision := {\"allow\": input.principle.name}\n")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			records := len(r.policies())
			c.breaks()
			eventually(t, "it is noticed", func() bool { return strings.Contains(r.policyStatus().Bundle.Problem, c.words) })
			if !r.may("User:erp", "orders") || r.may("User:crm", "orders") {
				t.Error("the bundle before does not decide")
			}
			if got := r.ready(); !got.Ready || !strings.Contains(got.Checks["bundle"], c.words) {
				t.Errorf("ready: %+v", got)
			}
			if got := r.policyStats(); !got.BundleFailing {
				t.Errorf("metrics: %+v", got)
			}
			eventually(t, "the log says so", func() bool { return strings.Contains(h.log.String(), c.words) })
			eventually(t, "it is recorded", func() bool { return len(r.policies()) > records })
			if last := r.policies()[records]; last.Outcome != "failed" || !strings.Contains(last.Reason, c.words) || last.Before == "" || last.After != "" || last.Actor.Name != "bundle" {
				t.Errorf("recorded %v", last)
			}

			s.archive.Store(good)
			eventually(t, "all is well again", func() bool {
				p, ready := r.policyStatus(), r.ready()
				return p.Bundle.Problem == "" && p.Refused == "" && ready.Checks["bundle"] == "ok" && ready.Checks["policy"] == "ok" &&
					!r.policyStats().BundleFailing && !r.policyStats().Refused
			})
			if n := len(r.policies()); n != records+1 {
				t.Errorf("%d records of one failure", n-records)
			}
		})
	}
}

func TestBundleServerIsNotNeededTwice(t *testing.T) {
	h, s := newHome(t), newBundleServer(t)
	h.write("doorkeeper.yaml", s.config())
	c, err := config.Load(h.path("doorkeeper.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c, Options{Version: "test", Log: h.log}); err == nil || !strings.Contains(err.Error(), "policy.bundle") || !strings.Contains(err.Error(), "503") {
		t.Errorf("a start with no policy at all: %v", err)
	}
	s.serve(t, 1, readers("erp"))
	r := h.start(s.config())
	r.stop()
	s.archive.Store(nil)
	r = h.start(s.config())
	if !r.may("User:erp", "orders") || r.may("User:crm", "orders") {
		t.Error("the last good bundle does not decide")
	}
	eventually(t, "the server's silence shows", func() bool { return strings.Contains(r.ready().Checks["bundle"], "max_age") })
}
