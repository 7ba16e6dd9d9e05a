package app

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/journal"
)

func TestMain(m *testing.M) {
	kafkatest.Run()
	goleak.VerifyTestMain(m)
}

// home is a directory with a configuration and what it names.
type home struct {
	t   *testing.T
	dir string
	ca  *kafkatest.CA
	log *logBuffer
}

// newHome has s.pem, s.key and ca.pem. The state directory is short, for the socket's sake.
func newHome(t *testing.T) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "dk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &home{t: t, dir: dir, ca: kafkatest.NewCA(t), log: &logBuffer{}}
	h.write("ca.pem", string(h.ca.PEM))
	h.issue("s", "first")
	return h
}

// issue writes a certificate and its key.
func (h *home) issue(name, subject string) {
	h.t.Helper()
	_, cert, key := h.ca.Issue(pkix.Name{CommonName: subject})
	h.write(name+".pem", string(cert))
	h.write(name+".key", string(key))
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// write replaces a file as programs do that take care: by a rename.
func (h *home) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name)+".new", []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(h.path(name)+".new", h.path(name)); err != nil {
		h.t.Fatal(err)
	}
}

// listener is a line of a cluster's listeners. Its brokers' ports are free at first, and then the same for the same name.
func listener(name, more string) string {
	first := brokerPorts[name]
	for first == 0 {
		if n := 21000 + rand.IntN(900)*10; free(n, 10) {
			first = n
		}
	}
	brokerPorts[name] = first
	return fmt.Sprintf("      - {name: %s, address: \"127.0.0.1:0\", first_port: %d%s}\n", name, first, more)
}

var brokerPorts = map[string]int{}

// free says whether n ports in a row have no listener.
func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// yaml is a configuration with the given listeners; more holds further top-level keys. Nothing listens at the broker.
func yaml(listeners, more string) string {
	return "proxy_id: dk\nstate_dir: state\nlog: {format: json}\n" + more +
		"clusters:\n  - name: erp\n    bootstrap: [\"127.0.0.1:1\"]\n    listeners:\n" + listeners
}

// running is an app that a test has started.
type running struct {
	*App
	home *home
	done chan error
}

func (h *home) start(text string) *running {
	h.t.Helper()
	h.write("doorkeeper.yaml", text)
	c, err := config.Load(h.path("doorkeeper.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := Open(c, Options{Version: "test", Log: h.log})
	if err != nil {
		h.t.Fatal(err)
	}
	r := &running{App: a, home: h, done: make(chan error, 1)}
	go func() { r.done <- a.Serve(context.Background(), nil) }()
	h.t.Cleanup(func() {
		r.stop()
		if h.t.Failed() {
			h.t.Logf("log:\n%s", h.log)
		}
	})
	return r
}

func (r *running) stop() {
	r.Drain(admin.Actor{Name: "test", Method: "test"})
	if err := <-r.done; err != nil {
		r.home.t.Error(err)
	}
	r.done <- nil // for the next stop
}

// address is where a listener's clients bootstrap.
func (r *running) address(listener string) string {
	r.home.t.Helper()
	for _, l := range r.Addresses() {
		if l.Listener == listener && l.Node < 0 {
			return l.Address.String()
		}
	}
	r.home.t.Fatalf("listener %s does not listen", listener)
	return ""
}

// control lists the control records so far, as "OPERATION target outcome".
func (r *running) control() []*access.Record {
	var all []*access.Record
	head := r.journal.Head()
	for record := range r.journal.Follow(context.Background(), journal.Position{}) {
		if record.Kind == journal.KindControl {
			all = append(all, record)
		}
		if record.Seq >= head.Seq {
			break
		}
	}
	return all
}

// reloads are the RELOAD records so far.
func (r *running) reloads() []*access.Record {
	var all []*access.Record
	for _, record := range r.control() {
		if record.Operation == opReload {
			all = append(all, record)
		}
	}
	return all
}

// reload is what SIGHUP does.
func (r *running) reload() error {
	_, err := r.Reload(context.Background(), Signal("SIGHUP"))
	return err
}

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func mustContain(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}
