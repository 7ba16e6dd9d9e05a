//go:build linux

package net

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
	"doorkeeper/test/net/sandbox"

	"golang.org/x/sys/unix"
)

// With the disk of state_dir full, traffic goes on, for the journal has its next segments already; the sink says so, and
// catches up once there is room.
func TestFullDisk(t *testing.T) {
	state, err := os.MkdirTemp(sandbox.Dir(), "small-")
	must(t, err)
	must(t, unix.Mount("tmpfs", state, "tmpfs", 0, "size=256m,mode=700"))
	t.Cleanup(func() { must(t, unix.Unmount(state, unix.MNT_DETACH)) }) // the proxy's own cleanup comes before
	topic := broker.NewTopic("orders", 64*kib, 8*mib)
	serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One(), State: state})

	read := func(i int) (string, *client.Reading) {
		c := dial(t, fmt.Sprint("reader-", i))
		must(t, c.Versions())
		_, err := c.Nodes(topic) // learned, so that the cluster's file is written, too
		must(t, err)
		r, err := c.Fetch(topic, 0, mib)
		must(t, err)
		must(t, r.Rest())
		must(t, c.Close())
		return c.Source, r
	}
	readings := map[string]*client.Reading{}
	source, r := read(0)
	readings[source] = r
	d.Closed(source)

	ballast := filepath.Join(state, "ballast")
	fill(t, ballast)
	for i := range 20 {
		source, r := read(1 + i)
		readings[source] = r
	}
	d.Until(time.Minute, "the sink has failed", func() bool {
		m := d.Metrics()
		return m.Sum("doorkeeper_sink_errors_total", `sink="local"`) > 0 && m.Sum("doorkeeper_sink_failing", `sink="local"`) == 1
	})
	source, r = read(21)
	readings[source] = r
	if n := d.Logged("ERROR", "sink cannot deliver", "access.jsonl", "no space left on device"); n != 1 {
		t.Errorf("%d lines say that the sink cannot deliver, and why", n)
	}
	if n := d.Logged(`"ERROR"`) + d.Logged(`"WARN"`); n > 10 {
		t.Errorf("%d errors and warnings in the log", n)
	}
	if lag := d.Metrics().Sum("doorkeeper_sink_lag", `sink="local"`); lag == 0 {
		t.Error("the sink's lag is 0")
	}

	must(t, os.Remove(ballast))
	sessions := d.Closed(keys(readings)...)
	for source, r := range readings {
		if err := exact(sessions[source], r); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	for i, r := range d.Records() {
		if r.Seq != int64(i+1) {
			t.Fatalf("record %d has seq %d: one is lost or doubled", i+1, r.Seq)
		}
	}
	if d.Metrics().Sum("doorkeeper_sink_failing") != 0 || d.Logged("sink delivers again") != 1 {
		t.Error("nothing says that the sink delivers again")
	}
	d.Stop()
}

func keys(m map[string]*client.Reading) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// fill writes until there is no room left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4*kib))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// Whoever is another user has no rights on the admin socket, but those that the configuration gives.
func TestAdminSocketOfOthers(t *testing.T) {
	const viewer, stranger, operator = 65533, nobody, 65532
	serve(t)
	open, err := os.MkdirTemp(sandbox.Dir(), "open-")
	must(t, err)
	must(t, os.Chmod(open, 0o755))
	socket := filepath.Join(open, "admin.sock")
	d := door.Start(t, door.Options{
		Clusters: door.One(), Socket: socket, UIDs: fmt.Sprintf("{%d: viewer, %d: operator}", viewer, operator),
	})
	for _, c := range []struct {
		uid           uint32
		request, says string
	}{
		{stranger, "GET /healthz", "200"},
		{stranger, "GET /api/v1/sessions", "401"},
		{stranger, "GET /api/v1/records", "401"},
		{stranger, "GET /api/v1/config", "401"},
		{stranger, "POST /api/v1/reload", "401"},
		{stranger, "POST /api/v1/drain", "401"},
		{stranger, "GET /debug/pprof/heap", "401"},
		{viewer, "GET /api/v1/sessions", "200"},
		{viewer, "POST /api/v1/reload", "403"},
		{viewer, "POST /api/v1/drain", "403"},
		{viewer, "GET /debug/pprof/heap", "403"},
		{operator, "POST /api/v1/reload", "200"},
		{0, "GET /api/v1/sessions", "200"},
	} {
		if got := asUser(t, c.uid, socket, c.request); !strings.HasPrefix(got, "HTTP/1.1 "+c.says) {
			t.Errorf("uid %d, %s: not %s but %s", c.uid, c.request, c.says, got)
		}
	}
	// In state_dir, where the socket is by default, they do not even find it.
	d.Stop()
	d = door.Start(t, door.Options{Clusters: door.One()})
	if got := asUser(t, stranger, filepath.Join(d.State, "admin.sock"), "GET /healthz"); !strings.Contains(got, "permission denied") {
		t.Errorf("in state_dir: %s", got)
	}
	d.Alive()
}

// asUser makes a request of the socket in a process of that user, and returns its first line.
func asUser(t *testing.T, uid uint32, socket, request string) string {
	t.Helper()
	cmd := sandbox.Helper("ask", "SOCKET="+socket, "REQUEST="+request)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Pdeathsig: unix.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprint(err, ": ", string(out))
	}
	return string(out)
}

// ask is the helper behind asUser.
func ask() error {
	c, err := dialUnix(os.Getenv("SOCKET"))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: doorkeeper\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", os.Getenv("REQUEST")); err != nil {
		return err
	}
	text, err := io.ReadAll(c)
	line, _, _ := bytes.Cut(text, []byte("\r\n"))
	fmt.Println(string(line))
	return err
}
