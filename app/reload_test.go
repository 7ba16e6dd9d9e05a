package app

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/access"
	"doorkeeper/config"
)

// subject is the name in the certificate that a listener shows.
func subject(t *testing.T, h *home, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: h.ca.Pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

const tlsListener = ", tls: {cert_file: s.pem, key_file: s.key}"

func TestReloadAddsAndRemovesListeners(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	old := r.address("a")

	h.write("doorkeeper.yaml", yaml(listener("b", tlsListener), "watch: false\nlimits: {connections: 7}\n"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := subject(t, h, r.address("b")); got != "first" {
		t.Errorf("the new listener shows %q", got)
	}
	if conn, err := net.Dial("tcp", old); err == nil {
		conn.Close()
		t.Error("the removed listener still accepts")
	}
	reloads := r.reloads()
	if len(reloads) != 1 {
		t.Fatalf("records: %v", reloads)
	}
	record := reloads[0]
	if record.Before == record.After || record.After != r.Config().Digest() || record.Actor.Method != "signal" || record.Target != h.path("doorkeeper.yaml") {
		t.Errorf("recorded %v", record)
	}
}

// TestReloadIsAllOrNothing: whatever is wrong, the running configuration, its listeners and its sinks stay.
func TestReloadIsAllOrNothing(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address, before := r.address("a"), r.Config().Digest()
	for name, test := range map[string]struct{ text, word string }{
		"no YAML":            {"{", ""},
		"unknown key":        {yaml(listener("a", ""), "polisy: {}\n"), "unknown key"},
		"frozen key":         {yaml(listener("a", ""), "watch: true\nadmin: {pprof: true}\n"), "admin.pprof, watch cannot change"},
		"port in use":        {yaml(listener("a", "")+"      - {name: b, address: \""+taken.Addr().String()+"\", first_port: 19100}\n", "watch: false\nsinks: [{name: new, type: file, path: new.jsonl}]\n"), "listener b"},
		"moved listener":     {yaml("      - {name: a, address: \"127.0.0.1:19\", first_port: 19200}\n", "watch: false\n"), "cannot change while it serves"},
		"no such mapping":    {yaml(listener("a", ", principal_mapping: [\"RULE:x\"]"), "watch: false\n"), "principal_mapping"},
		"sink without place": {yaml(listener("a", ""), "watch: false\nsinks: [{name: new, type: file, path: doorkeeper.yaml/x}]\n"), "sink new"},
	} {
		h.write("doorkeeper.yaml", test.text)
		mustContain(t, r.reload(), test.word)
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("%s: the listener is gone: %v", name, err)
			continue
		}
		conn.Close()
		if got := r.Config().Digest(); got != before {
			t.Errorf("%s: configuration %s is in force", name, got)
		}
		reloads := r.reloads()
		if last := reloads[len(reloads)-1]; last.Outcome != "failed" || last.Before != before || last.After != "" || !strings.Contains(last.Reason, test.word) {
			t.Errorf("%s: recorded %v", name, last)
		}
	}
	if got := r.reloads(); len(got) != 7 || r.App.reloads.stats().Refused != 7 {
		t.Errorf("%d records, %+v", len(got), r.App.reloads.stats())
	}
	if list := r.sinks.list(); len(list) != 1 || list[0].config.Name != "local" {
		t.Errorf("sinks: %v", list)
	}
}

func TestSinksReload(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	kept := r.sinks.list()[0].Sink
	h.write("doorkeeper.yaml", yaml(listener("a", ""), "watch: false\nsinks:\n  - {name: local, type: file, path: state/access.jsonl}\n  - {name: second, type: file, path: second.jsonl}\n"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if list := r.sinks.list(); len(list) != 2 || list[0].Sink != kept {
		t.Errorf("sinks: %v, want the first one kept", list)
	}
	h.write("doorkeeper.yaml", yaml(listener("a", ""), "watch: false\nsinks: [{name: second, type: file, path: second.jsonl}]\n"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	r.stop()
	for file, want := range map[string][]string{
		"state/access.jsonl": {"START", "RELOAD"},
		"second.jsonl":       {"START", "RELOAD", "RELOAD", "STOP"},
	} {
		text, err := os.ReadFile(h.path(file))
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, word := range want {
			next := strings.Index(string(text)[at:], `"operation":"`+word+`"`)
			if next < 0 {
				t.Errorf("%s lacks %s in %v:\n%s", file, word, want, text)
				break
			}
			at += next + 1
		}
	}
}

// TestSinkChangesWhileItRuns: the sink that replaces it goes on at its place, in the same file.
func TestSinkChangesWhileItRuns(t *testing.T) {
	h := newHome(t)
	text := "watch: false\nsinks: [{name: local, type: file, path: state/access.jsonl%s}]\n"
	r := h.start(yaml(listener("a", ""), fmt.Sprintf(text, "")))
	h.write("doorkeeper.yaml", yaml(listener("a", ""), fmt.Sprintf(text, ", rotate: {keep: 1}, filter: {kind: [access]}")))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	r.stop()
	lines, err := os.ReadFile(h.path("state/access.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(lines)) {
		record := new(access.Record)
		if err := access.DecodeJSON([]byte(line), record); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(record.Seq, record.Operation))
	}
	if diff := cmp.Diff([]string{"1START", "2RELOAD", "3STOP"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCertificatesReloadByThemselves(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", tlsListener), ""))
	if got := subject(t, h, r.address("a")); got != "first" {
		t.Fatalf("shows %q", got)
	}
	// The configuration is broken at the same time: the certificate does not wait for it.
	h.write("doorkeeper.yaml", "polisy: {}\n")
	h.issue("s", "second")
	eventually(t, "the new certificate is shown", func() bool { return subject(t, h, r.address("a")) == "second" })

	// A certificate without its key changes nothing, and says so.
	h.write("s.key", "no key\n")
	eventually(t, "the broken key is noticed", func() bool {
		c := r.certificates()
		return len(c) == 1 && c[0].Stale && strings.Contains(h.log.String(), "the ones before stay in use")
	})
	if got := subject(t, h, r.address("a")); got != "second" {
		t.Errorf("with a broken key it shows %q", got)
	}
	h.issue("s", "third")
	eventually(t, "the third certificate is shown", func() bool { return subject(t, h, r.address("a")) == "third" })
	if r.certificates()[0].Stale {
		t.Error("still stale")
	}
	var done, failed int
	for _, record := range r.reloads() {
		if record.Target == h.path("s.pem") && record.Outcome == "failed" {
			failed++
		} else if record.Target == h.path("s.pem") {
			done++
		}
	}
	if done != 2 || failed != 1 {
		t.Errorf("%d done, %d failed; want 2 and 1", done, failed)
	}
}

// A connection that is open survives both its certificate's and its listener's end.
func TestConnectionsSurviveReloads(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", tlsListener), "watch: false\n"))
	conn, err := tls.Dial("tcp", r.address("a"), &tls.Config{RootCAs: h.ca.Pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "the session is there", func() bool { return len(r.sessions()) == 1 })
	h.issue("s", "second")
	h.write("doorkeeper.yaml", yaml(listener("b", ""), "watch: false\n"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.sessions(); len(got) != 1 || got[0].Listener != "a" {
		t.Errorf("sessions after the reload: %+v", got)
	}
}

func TestWatchNoticesTheFile(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), ""))
	h.write("doorkeeper.yaml", yaml(listener("a", "")+listener("b", ""), ""))
	eventually(t, "the change is recorded", func() bool { return len(r.reloads()) == 1 })
	r.address("b")
	if got := r.reloads()[0]; got.Actor.Method != "watch" {
		t.Errorf("recorded %v", got)
	}
}

// TestWatchKubernetes: a ConfigMap is a directory of symlinks through ..data, which is swapped.
func TestWatchKubernetes(t *testing.T) {
	h := newHome(t)
	version := func(name, text string) {
		t.Helper()
		if err := os.Mkdir(h.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
		h.write(name+"/doorkeeper.yaml", text)
		if err := os.Symlink(name, h.path("..data.new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(h.path("..data.new"), h.path("..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..one", yaml(listener("a", ""), ""))
	if err := os.Symlink("..data/doorkeeper.yaml", h.path("doorkeeper.yaml")); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(h.path("doorkeeper.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(c, Options{Version: "test", Log: h.log})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{App: a, home: h, done: make(chan error, 1)}
	go func() { r.done <- a.Serve(context.Background(), nil) }()
	defer r.stop()
	for _, name := range []string{"..two", "..three"} { // twice: the watch moves along
		before := len(r.reloads())
		version(name, yaml(listener("a", ""), "limits: {in_flight: "+map[string]string{"..two": "2", "..three": "3"}[name]+"}\n"))
		eventually(t, name+" is read", func() bool { return len(r.reloads()) == before+1 })
	}
	if got := r.Config().Limits.InFlight; got != 3 {
		t.Errorf("in_flight is %d", got)
	}
}

func TestTokensReload(t *testing.T) {
	h := newHome(t)
	token := func(secret string) {
		sum := sha256.Sum256([]byte(secret))
		h.write("tokens.yaml", "- {name: soc, role: viewer, sha256: "+hex.EncodeToString(sum[:])+"}\n")
	}
	token("one")
	port := freePort(t)
	r := h.start(yaml(listener("a", ""), "watch: false\nadmin: {address: \""+port+"\", tokens_file: tokens.yaml}\n"))
	status := func(secret string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+port+"/api/v1/config", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if one, two := status("one"), status("two"); one != 200 || two != 401 {
		t.Errorf("before: %d, %d", one, two)
	}
	token("two")
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if one, two := status("one"), status("two"); one != 401 || two != 200 {
		t.Errorf("after: %d, %d", one, two)
	}
	h.write("tokens.yaml", "- nonsense\n")
	if r.reload() == nil {
		t.Error("a broken tokens file is accepted")
	}
	if status("two") != 200 {
		t.Error("a broken tokens file took the tokens away")
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
