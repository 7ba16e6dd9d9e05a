package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/internal/kafkatest"
)

// get asks the admin socket.
func (r *running) get(path string) (int, string) {
	r.home.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.Config().Admin.Socket)
	}}}
	req, err := http.NewRequestWithContext(r.home.t.Context(), "GET", "http://x"+path, nil)
	if err != nil {
		r.home.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		r.home.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.home.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestLife: a message through a real proxy, as sessions, records and metrics show it, until the drain.
func TestLife(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"purchasing"}})
	h := newHome(t)
	text := strings.Replace(yaml(listener("plain", ""), "watch: false\n"), "127.0.0.1:1\"", fake.Addrs[0]+"\"", 1)
	r := h.start(text)

	client, err := kgo.NewClient(kgo.SeedBrokers(r.address("plain")), kgo.ClientID("erp-app"), kgo.ConsumeTopics("purchasing"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "purchasing", Value: []byte("order")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := client.PollFetches(ctx).NumRecords(); got != 1 {
		t.Fatalf("%d records through the proxy", got)
	}

	if status, body := r.get("/readyz"); status != 200 {
		t.Errorf("readyz: %d %s", status, body)
	}
	_, body := r.get("/api/v1/sessions?client_id=erp-app")
	var sessions struct{ Sessions []admin.Session }
	if err := json.Unmarshal([]byte(body), &sessions); err != nil || len(sessions.Sessions) == 0 || sessions.Sessions[0].Proxy != "dk" {
		t.Errorf("sessions: %v, %s", err, body)
	}
	if _, body := r.get("/metrics"); !strings.Contains(body, `doorkeeper_requests_total{api="Fetch",decision="allow"}`) {
		t.Errorf("metrics lack fetches:\n%s", body)
	}
	if _, body := r.get("/api/v1/config"); !strings.Contains(body, `"proxy_id":"dk"`) {
		t.Errorf("config: %s", body)
	}
	client.Close()
	r.stop()

	records := readRecords(t, h.path("state/access.jsonl"))
	first, last := records[0], records[len(records)-1]
	if first.Operation != opStart || first.After == "" || first.Digests.GetBinary() == "" || !strings.Contains(first.Reason, "journal: bounded") {
		t.Errorf("first record: %v", first)
	}
	if last.Operation != opStop || last.Actor.GetName() != "test" || last.Reason != "drained" || last.Counts["access"] == 0 {
		t.Errorf("last record: %v", last)
	}
	var read, written bool
	for i, record := range records {
		if record.Seq != int64(i+1) {
			t.Fatalf("record %d has seq %d", i+1, record.Seq)
		}
		read = read || record.Operation == "READ" && record.Resource == "purchasing" && record.GetMessages() == 1
		written = written || record.Operation == "WRITE" && record.Resource == "purchasing"
	}
	if !read || !written {
		t.Errorf("read %v, written %v in %d records", read, written, len(records))
	}
	if info, err := os.Stat(h.path("state")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state_dir: %v, %v", info.Mode(), err)
	}
}

func readRecords(t *testing.T, file string) []*access.Record {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*access.Record
	for line := range strings.Lines(string(text)) {
		r := &access.Record{}
		if err := access.DecodeJSON([]byte(line), r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestSecondProxyRefusesToStart(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	_, err := Open(r.Config(), Options{Log: io.Discard})
	mustContain(t, err, "another doorkeeper (process", "set state_dir")
	if _, err := net.Dial("tcp", r.address("a")); err != nil {
		t.Errorf("the first was harmed: %v", err)
	}
	r.stop()
	again := h.start(yaml(listener("a", ""), "watch: false\n"))
	again.stop()
}

func TestStateDirectory(t *testing.T) {
	for name, test := range map[string]struct {
		mode  os.FileMode
		files []string
		fails bool
	}{
		"new":          {0, nil, false},
		"empty, open":  {0o755, nil, false},
		"ours, open":   {0o755, []string{"lock", "access.jsonl"}, false},
		"closed":       {0o700, []string{"something"}, false},
		"somebody's":   {0o777, []string{"something"}, true},
		"a home, open": {0o750, []string{".profile"}, true},
	} {
		dir := filepath.Join(t.TempDir(), "state")
		if test.mode != 0 {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, test.mode); err != nil { // past the umask
				t.Fatal(err)
			}
		}
		for _, f := range test.files {
			if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := openState(dir)
		if test.fails {
			mustContain(t, err, "is open to others", "chmod 700")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenFailsWhole: what fails to open leaves nothing behind (TestMain looks for goroutines), and says why in the
// journal's sink.
func TestOpenFailsWhole(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h := newHome(t)
	for name, test := range map[string]struct{ text, word string }{
		"listener": {yaml("      - {name: a, address: \""+taken.Addr().String()+"\", first_port: 19100}\n", ""), "opening the listeners"},
		"admin":    {yaml(listener("a", ""), "admin: {address: \""+taken.Addr().String()+"\"}\n"), "opening admin.address"},
		"socket":   {yaml(listener("a", ""), "admin: {socket: ../s.pem}\n"), "is in the way of the admin socket"},
		"sink":     {yaml(listener("a", ""), "sinks: [{name: x, type: file, path: s.pem/x}]\n"), "sink x"},
		"mapping":  {yaml(listener("a", ", principal_mapping: [\"RULE:x\"]"), ""), "doorkeeper.yaml:8:"},
	} {
		h.write("doorkeeper.yaml", test.text)
		c, err := config.Load(h.path("doorkeeper.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(c, Options{Log: io.Discard})
		t.Log(name)
		mustContain(t, err, test.word)
	}
	h.start(yaml(listener("a", ""), "")).stop() // the state directory is free again
	var reasons []string
	for _, r := range readRecords(t, h.path("state/access.jsonl")) {
		if r.Operation == opStop {
			reasons = append(reasons, r.Reason)
		}
	}
	if len(reasons) != 6 || !strings.HasPrefix(reasons[0], "did not start: ") {
		t.Errorf("STOP records: %q, want five of the failed starts, and the last", reasons)
	}
}

// TestDrainIsBounded: a request that a broker never answers is cut at the end of timeouts.drain, or at a second signal.
func TestDrainIsBounded(t *testing.T) {
	for name, drain := range map[string]string{"timeouts.drain": "200ms", "second signal": "1h"} {
		t.Run(name, func(t *testing.T) {
			broker, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			h := newHome(t)
			text := yaml(listener("a", ""), "watch: false\ntimeouts: {drain: "+drain+"}\n")
			h.write("doorkeeper.yaml", strings.Replace(text, "127.0.0.1:1\"", broker.Addr().String()+"\"", 1))
			c, err := config.Load(h.path("doorkeeper.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			a, err := Open(c, Options{Log: h.log})
			if err != nil {
				t.Fatal(err)
			}
			r := &running{App: a, home: h}
			conn, err := net.Dial("tcp", r.address("a"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			// ApiVersions v0: length 10, key 18, version 0, correlation id 1, client id null.
			if _, err := conn.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the request is in flight", func() bool { s := r.sessions(); return len(s) == 1 && s[0].InFlight == 1 })
			abort := make(chan struct{})
			if name == "second signal" {
				close(abort)
			}
			a.Drain(Signal("SIGTERM"))
			if err := a.Serve(context.Background(), abort); !errors.Is(err, ErrCut) {
				t.Errorf("%v, want ErrCut", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, test := range []struct {
		configured, descriptors, want int
		warns                         bool
	}{
		{20000, 65536, 20000, false},
		{20000, 1024, 256, true},
		{0, 1024, 256, false},
		{100, 1024, 100, false},
		{100, 10, 1, true},
	} {
		log.Reset()
		got := limits(config.Limits{Connections: test.configured}, test.descriptors, logger)
		if got.Connections != test.want || (log.Len() > 0) != test.warns {
			t.Errorf("%+v: %d connections, log %q", test, got.Connections, log.String())
		}
	}
	n, err := descriptors()
	if err != nil || n < 1 {
		t.Errorf("descriptors: %d, %v", n, err)
	}
}

func TestLogFormat(t *testing.T) {
	for _, test := range []struct {
		c    config.Log
		want string
	}{
		{config.Log{Level: "info", Format: "auto"}, `{"time"`}, // a buffer is no terminal
		{config.Log{Level: "info", Format: "json"}, `{"time"`},
		{config.Log{Level: "info", Format: "text"}, `time=`},
		{config.Log{Level: "error", Format: "text"}, ``},
	} {
		var b bytes.Buffer
		newLog(&b, test.c).Info("hello", "client", "\x1b[2J")
		if !strings.HasPrefix(b.String(), test.want) || test.want == "" && b.Len() > 0 || strings.Contains(b.String(), "\x1b") {
			t.Errorf("%+v: %q", test.c, b.String())
		}
	}
}
