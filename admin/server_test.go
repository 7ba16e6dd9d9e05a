package admin

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"doorkeeper/access"
	"doorkeeper/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a server on a Unix socket and on a TCP port, both real.
type fixture struct {
	t       *testing.T
	server  *Server
	journal *journal.Journal
	socket  string
	address string
	clients map[string]*http.Client
	drained atomic.Int32
	broken  atomic.Bool // a reload fails
	decrees decrees
}

func start(t *testing.T, uids map[uint32]Role) *fixture {
	t.Helper()
	f := &fixture{t: t, journal: journal.New(journal.Options{Proxy: "dk"}), socket: filepath.Join(t.TempDir(), "a.sock")}
	var tokens []Token
	for _, role := range []Role{Viewer, Responder, Operator, Payload} {
		tokens = append(tokens, Token{Name: "the " + string(role), Role: role, Sum: sha256.Sum256([]byte("secret of " + role))})
	}
	f.server = New(Options{
		Log: slog.New(slog.DiscardHandler), Journal: f.journal, UIDs: uids, Tokens: tokens, Pprof: true,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "doorkeeper_sessions 1\n") }),
		Sessions: func() []Session {
			return []Session{{ID: "02", Principal: "User:b"}, {ID: "01", Principal: "User:a\x1b[2J"}}
		},
		Ready: func() Readiness {
			return Readiness{Ready: !f.broken.Load(), Checks: map[string]string{"cluster erp": "ok"}}
		},
		Policy: func() PolicyStatus { return PolicyStatus{Mode: "enforce", Revision: "sha256:ab"} },
		Why: func(_ context.Context, q WhyQuery) (*Why, error) {
			if q.Ref != "" {
				return nil, fmt.Errorf("%w: %s", ErrNoRecord, q.Ref)
			}
			return &Why{Principal: q.Principal}, nil
		},
		Config: func() any { return map[string]string{"proxy_id": "dk"} },
		Reload: func(context.Context, Actor) (Change, error) {
			if f.broken.Load() {
				return Change{}, errors.New("doorkeeper.yaml:1:1: wrong")
			}
			return Change{Before: "a", After: "b"}, nil
		},
		Drain:       func(Actor) { f.drained.Add(1) },
		Quarantines: f.quarantines(),
		Grants:      f.grants(),
	})
	l, err := ListenSocket(f.socket)
	if err != nil {
		t.Fatal(err)
	}
	f.server.Serve(l, nil)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = tcp.Addr().String()
	f.server.Serve(tcp, nil)
	f.clients = map[string]*http.Client{
		"unix": {Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", f.socket)
		}}},
		"tcp": {Transport: &http.Transport{}},
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		f.server.Close(ctx)
		for _, c := range f.clients {
			c.CloseIdleConnections()
		}
	})
	return f
}

// open sends a request; token "" sends none.
func (f *fixture) open(network, method, path, token string) *http.Response {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.address+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := f.clients[network].Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (f *fixture) call(network, method, path, token string) (int, string) {
	f.t.Helper()
	resp := f.open(network, method, path, token)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestWhoMayDoWhat(t *testing.T) {
	f := start(t, nil)
	const viewer, responder, operator, payload = "secret of viewer", "secret of responder", "secret of operator", "secret of payload"
	for _, test := range []struct {
		network, method, path, token string
		want                         int
	}{
		{"tcp", "GET", "/healthz", "", 200},
		{"tcp", "GET", "/readyz", "", 200},
		{"tcp", "GET", "/metrics", "", 200},
		{"tcp", "GET", "/api/v1/sessions", "", 401},
		{"tcp", "GET", "/api/v1/sessions", "wrong", 401},
		{"tcp", "GET", "/api/v1/sessions", viewer, 200},
		{"tcp", "GET", "/api/v1/records", responder, 200},
		{"tcp", "GET", "/api/v1/records", payload, 200},
		{"tcp", "GET", "/api/v1/config", viewer, 200},
		{"tcp", "GET", "/api/v1/policy", "", 401},
		{"tcp", "GET", "/api/v1/policy", viewer, 200},
		{"tcp", "GET", "/api/v1/why?principal=User:a&operation=READ&resource=t", viewer, 200},
		{"tcp", "GET", "/api/v1/why?principal=User:a&operation=READ", viewer, 400},
		{"tcp", "GET", "/api/v1/why?ref=x&principal=User:a&operation=READ&resource=t", viewer, 400},
		{"tcp", "GET", "/api/v1/why?reff=x", viewer, 400},
		{"tcp", "GET", "/api/v1/why?ref=x", viewer, 404},
		{"tcp", "GET", "/api/v1/why?ref=x", "", 401},
		{"tcp", "GET", "/api/v1/quarantine", "", 401},
		{"tcp", "GET", "/api/v1/quarantine", viewer, 200},
		{"tcp", "GET", "/api/v1/quarantine?principal=x", viewer, 400},
		{"tcp", "POST", "/api/v1/quarantine", "", 401},
		{"tcp", "POST", "/api/v1/quarantine", viewer, 403},
		{"tcp", "POST", "/api/v1/quarantine", payload, 403},
		{"tcp", "POST", "/api/v1/quarantine", responder, 400}, // it may: the body is missing
		{"tcp", "DELETE", "/api/v1/quarantine?id=x", viewer, 403},
		{"tcp", "DELETE", "/api/v1/quarantine?id=x", payload, 403},
		{"tcp", "DELETE", "/api/v1/quarantine?id=x", responder, 404},
		{"tcp", "DELETE", "/api/v1/quarantine?id=x&force=1", responder, 400},
		{"tcp", "DELETE", "/api/v1/quarantine", operator, 400},
		{"tcp", "GET", "/api/v1/grants", viewer, 200},
		{"tcp", "GET", "/api/v1/grants", "", 401},
		{"tcp", "POST", "/api/v1/grants", responder, 403},
		{"tcp", "POST", "/api/v1/grants", operator, 400},
		{"tcp", "DELETE", "/api/v1/grants?id=x", responder, 403},
		{"tcp", "DELETE", "/api/v1/grants?id=x", operator, 404},
		{"tcp", "POST", "/api/v1/reload", viewer, 403},
		{"tcp", "POST", "/api/v1/reload", responder, 403},
		{"tcp", "POST", "/api/v1/reload", payload, 403},
		{"tcp", "POST", "/api/v1/reload", operator, 200},
		{"tcp", "POST", "/api/v1/drain", viewer, 403},
		{"tcp", "GET", "/debug/pprof/cmdline", viewer, 403},
		{"tcp", "GET", "/debug/pprof/cmdline", operator, 200},
		{"tcp", "GET", "/api/v1/reload", operator, 405},
		{"tcp", "GET", "/api/v1/nothing", operator, 404},
		{"unix", "GET", "/api/v1/sessions", "", 200},        // our own uid
		{"unix", "POST", "/api/v1/reload", "", 200},         // is an operator
		{"unix", "POST", "/api/v1/reload", viewer, 403},     // unless it shows a token
		{"unix", "GET", "/api/v1/sessions", "wrong", 401},   // and then that counts
		{"tcp", "GET", "/api/v1/sessions?x=1", viewer, 400}, // a typing error shall not select everything
		{"tcp", "GET", "/api/v1/sessions?group=x", viewer, 400},
		{"tcp", "GET", "/api/v1/records?since=x", viewer, 400},
		{"tcp", "GET", "/api/v1/records?after=x", viewer, 400},
		{"tcp", "GET", "/api/v1/records?last=-1", viewer, 400},
	} {
		status, body := f.call(test.network, test.method, test.path, test.token)
		if status != test.want {
			t.Errorf("%s %s over %s with %q: %d %s, want %d", test.method, test.path, test.network, test.token, status, body, test.want)
		}
		if status >= 400 && (status != 404 || strings.Contains(test.path, "why")) && status != 405 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%s %s: %d without a word why: %s", test.method, test.path, status, body)
		}
	}
	if f.drained.Load() != 0 {
		t.Error("a viewer drained the proxy")
	}
	if status, _ := f.call("unix", "POST", "/api/v1/drain", ""); status != 202 || f.drained.Load() != 1 {
		t.Errorf("drain: %d, called %d times", status, f.drained.Load())
	}
}

func TestUIDs(t *testing.T) {
	a := newAuth(map[uint32]Role{4000000001: Viewer}, nil)
	for _, test := range []struct {
		peer peerID
		role Role
	}{
		{peerID{uid: 0}, Operator},
		{peerID{uid: uint32(os.Geteuid())}, Operator},
		{peerID{uid: 4000000001}, Viewer},
		{peerID{uid: 4000000002}, ""},
		{peerID{uid: 0, err: errors.New("not known")}, ""},
	} {
		r, err := http.NewRequestWithContext(context.WithValue(t.Context(), peerKey{}, test.peer), "GET", "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		actor, err := a.identify(r)
		if actor.Role != test.role || (err == nil) != (test.role != "") {
			t.Errorf("%+v is %+v, %v; want role %q", test.peer, actor, err, test.role)
		}
	}
}

func TestSetTokens(t *testing.T) {
	f := start(t, nil)
	f.server.SetTokens([]Token{{Name: "new", Role: Viewer, Sum: sha256.Sum256([]byte("new"))}})
	if status, _ := f.call("tcp", "GET", "/api/v1/config", "secret of viewer"); status != 401 {
		t.Errorf("a token that is gone: %d, want 401", status)
	}
	if status, _ := f.call("tcp", "GET", "/api/v1/config", "new"); status != 200 {
		t.Errorf("a new token: %d, want 200", status)
	}
}

func TestNotReadyAndFailedReload(t *testing.T) {
	f := start(t, nil)
	f.broken.Store(true)
	if status, body := f.call("tcp", "GET", "/readyz", ""); status != 503 || !strings.Contains(body, `"cluster erp":"ok"`) {
		t.Errorf("readyz: %d %s", status, body)
	}
	if status, body := f.call("unix", "POST", "/api/v1/reload", ""); status != 422 || !strings.Contains(body, "doorkeeper.yaml:1:1") {
		t.Errorf("reload: %d %s", status, body)
	}
}

func TestSessions(t *testing.T) {
	f := start(t, nil)
	_, body := f.call("unix", "GET", "/api/v1/sessions", "")
	var got struct{ Sessions []Session }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions) != 2 || got.Sessions[0].ID != "01" {
		t.Errorf("got %+v, want two, the oldest first", got.Sessions)
	}
	if strings.Contains(body, "\x1b") {
		t.Error("an escape character came through unescaped")
	}
	if _, body = f.call("unix", "GET", "/api/v1/sessions?principal=User:x", ""); body != "{\"sessions\":[]}\n" {
		t.Errorf("none selected: %s", body)
	}
}

func (f *fixture) append(n int) {
	for range n {
		f.journal.Append(&access.Record{Kind: "access", Operation: "READ", Principal: fmt.Sprintf("User:%d", f.journal.Head().Seq+1)})
	}
}

// seqs reads the lines of a body and returns "seq operation" each.
func seqs(t *testing.T, body string) []string {
	t.Helper()
	var got []string
	for line := range strings.Lines(body) {
		var r access.Record
		if err := access.DecodeJSON([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, fmt.Sprintf("%d %s", r.Seq, r.Operation))
	}
	return got
}

func TestRecords(t *testing.T) {
	f := start(t, nil)
	f.append(5)
	id := f.journal.ID()
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"", []string{"1 READ", "2 READ", "3 READ", "4 READ", "5 READ"}},
		{"?after=" + id + ":4", []string{"5 READ", "6 QUERY"}},
		{"?after=" + id + ":99", nil},
		{"?last=2&operation=read", []string{"4 READ", "5 READ"}},
		{"?last=0", nil},
		{"?limit=2", []string{"1 READ", "2 READ"}},
		{"?principal=User:3&principal=User:5", []string{"3 READ", "5 READ"}},
		{"?until=24h", nil},
	} {
		status, body := f.call("unix", "GET", "/api/v1/records"+test.query, "")
		if status != 200 {
			t.Fatalf("%s: %d %s", test.query, status, body)
		}
		if diff := cmp.Diff(test.want, seqs(t, body)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.query, diff)
		}
	}
	_, body := f.call("unix", "GET", "/api/v1/records?after=01ARZ3NDEKTSV4RRFFQ69G5FAV:7&limit=2", "")
	if !strings.Contains(body, `"kind":"gap"`) {
		t.Errorf("after a position in another journal: %s, want a gap first", body)
	}
}

// Every reading is in the journal, with who read what, before the first record is sent.
func TestReadingIsRecorded(t *testing.T) {
	f := start(t, nil)
	f.call("tcp", "GET", "/api/v1/records?principal=User:erp", "secret of viewer")
	_, body := f.call("unix", "GET", "/api/v1/records?kind=control&limit=1", "")
	var r access.Record
	if err := access.DecodeJSON([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if r.Operation != "QUERY" || r.Reason != "principal=User:erp" || r.Actor.Name != "the viewer" || r.Actor.Role != "viewer" ||
		r.Actor.Method != "token" || !strings.HasPrefix(r.Actor.Source, "127.0.0.1:") {
		t.Errorf("recorded %v", &r)
	}
}

func TestFollow(t *testing.T) {
	f := start(t, nil)
	f.append(3)
	resp := f.open("unix", "GET", "/api/v1/records?follow=1&last=1&kind=access", "")
	if got, want := resp.Header.Get(PositionHeader), f.journal.ID()+":0"; got != want {
		t.Errorf("position %q, want %q", got, want)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		return seqs(t, lines.Text())[0]
	}
	if got := next(); got != "3 READ" {
		t.Errorf("first %s, want the last record there was", got)
	}
	f.append(1)
	if got := next(); got != "5 READ" { // 4 is the QUERY
		t.Errorf("then %s, want the next as it comes", got)
	}

	// After a cut, the next connection goes on without a hole and without a repetition.
	resp.Body.Close()
	f.append(2)
	resp = f.open("unix", "GET", "/api/v1/records?follow=1&kind=access&after="+f.journal.ID()+":5", "")
	lines = bufio.NewScanner(resp.Body)
	if a, b := next(), next(); a != "6 READ" || b != "7 READ" {
		t.Errorf("resumed with %s, %s", a, b)
	}
}

func TestFollowersAreBounded(t *testing.T) {
	f := start(t, nil)
	for range maxFollowers {
		if resp := f.open("unix", "GET", "/api/v1/records?follow=1", ""); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
	}
	if status, body := f.call("unix", "GET", "/api/v1/records?follow=1", ""); status != 503 {
		t.Errorf("one more: %d %s, want 503", status, body)
	}
	if status, _ := f.call("unix", "GET", "/api/v1/records", ""); status != 200 {
		t.Errorf("who does not follow: %d, want 200", status)
	}
}

// The server answers 431, or the connection is reset because it did not read the rest.
func TestHeadersAreBounded(t *testing.T) {
	f := start(t, nil)
	resp, err := f.clients["tcp"].Get("http://" + f.address + "/healthz?" + strings.Repeat("x", 2*maxHeader))
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes: %s, want a refusal", 2*maxHeader, resp.Status)
	}
}

func TestListenSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.sock")
	first, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(path); err == nil || !strings.Contains(err.Error(), "another process answers") {
		t.Errorf("a second listener: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	first.Close()
	again, err := ListenSocket(path)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	again.Close()

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(file); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file in the way: %v", err)
	}
}
