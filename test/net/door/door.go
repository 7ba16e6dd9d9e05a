//go:build linux

// Package door runs doorkeeper and looks at it from outside: its memory, descriptors, metrics, log and records.
package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorkeeper/test/net/sandbox"

	"golang.org/x/sys/unix"
)

// patience is how long a start and a stop may take. The machine may be busy.
const patience = time.Minute

// A Door is a doorkeeper.
type Door struct {
	t       testing.TB
	opt     Options
	Dir     string // has its configuration and log
	State   string
	process *os.Process
	done    chan struct{} // closed when the process has ended
	exit    error
	http    *http.Client
}

// Start starts one that is stopped when the test ends, at the latest. A failed test shows the end of its log.
func Start(t testing.TB, o Options) *Door {
	t.Helper()
	dir, err := os.MkdirTemp(sandbox.Dir(), "door-")
	if err != nil {
		t.Fatal(err)
	}
	d := &Door{t: t, opt: o, Dir: dir, State: o.State}
	if d.State == "" {
		d.State = filepath.Join(dir, "state")
	}
	socket := o.Socket
	if socket == "" {
		socket = filepath.Join(d.State, "admin.sock")
	}
	d.http = &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	err = errors.Join(os.Chmod(dir, 0o711), os.MkdirAll(d.State, 0o700), os.Chown(d.State, int(o.UID), int(o.UID)),
		os.WriteFile(d.config(), []byte(o.config(d.State)), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Kill()
		if t.Failed() {
			t.Logf("doorkeeper's log, %s:\n%s", dir, tail(d.Log(), 40))
		}
	})
	d.Run()
	return d
}

func (d *Door) config() string  { return filepath.Join(d.Dir, "doorkeeper.yaml") }
func (d *Door) logFile() string { return filepath.Join(d.Dir, "log") }

// Run starts the process, after Stop or Kill once more, and waits until it is ready.
func (d *Door) Run() {
	d.t.Helper()
	out, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(sandbox.Binary(), "run", "-c", d.config())
	if n := d.opt.Files; n > 0 {
		cmd = exec.Command("prlimit", append([]string{fmt.Sprintf("--nofile=%d:%d", n, n)}, cmd.Args...)...)
	}
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, d.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if d.opt.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: d.opt.UID, Gid: d.opt.UID}
	}
	d.done = make(chan struct{})
	started := make(chan error)
	go func() { // its thread lives as long as the process, which dies with it
		defer close(d.done)
		runtime.LockOSThread()
		err := d.opt.Namespace.Enter()
		if err == nil {
			err = cmd.Start()
		}
		if started <- err; err == nil {
			d.exit = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		d.t.Fatal(err)
	}
	d.process = cmd.Process
	d.await()
}

func (d *Door) await() {
	d.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, err := d.Get("/readyz")
		if err == nil {
			return
		}
		select {
		case <-d.done:
			d.t.Fatalf("doorkeeper ended at its start: %v", d.exit)
		default:
		}
		if time.Now().After(end) {
			d.t.Fatalf("doorkeeper is not ready: %v", err)
		}
	}
}

// PID is the process.
func (d *Door) PID() int { return d.process.Pid }

// Alive fails the test if the process has ended.
func (d *Door) Alive() {
	d.t.Helper()
	select {
	case <-d.done:
		d.t.Fatalf("doorkeeper has ended: %v", d.exit)
	default:
	}
}

// Stop ends it as an operator does, which must succeed.
func (d *Door) Stop() {
	d.t.Helper()
	d.Terminate()()
}

// Terminate asks it to end, and returns a function that waits until it has, which must succeed.
func (d *Door) Terminate() (wait func()) {
	d.t.Helper()
	d.Alive()
	_ = d.process.Signal(unix.SIGTERM)
	return func() {
		d.t.Helper()
		select {
		case <-d.done:
			if d.exit != nil {
				d.t.Errorf("doorkeeper's end: %v", d.exit)
			}
		case <-time.After(patience):
			d.Kill()
			d.t.Error("doorkeeper does not end after SIGTERM")
		}
	}
}

// Kill ends it without a warning.
func (d *Door) Kill() {
	if d.process != nil {
		_ = d.process.Kill() // has ended: as good
		<-d.done
	}
}

// Log is its log so far, a line each.
func (d *Door) Log() []string {
	text, err := os.ReadFile(d.logFile())
	if err != nil {
		d.t.Error(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Logged counts the lines that have all of the words.
func (d *Door) Logged(words ...string) (n int) {
	for _, line := range d.Log() {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			n++
		}
	}
	return n
}

func tail(lines []string, n int) string {
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Until waits until the condition holds and fails the test if it never does.
func (d *Door) Until(limit time.Duration, what string, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(20 * time.Millisecond) {
		d.Alive()
		if time.Now().After(end) {
			d.t.Fatalf("after %v: still not: %s", limit, what)
		}
	}
}

var errStatus = errors.New("admin API")

func statusError(path, status, body string) error {
	return fmt.Errorf("%w: %s: %s: %s", errStatus, path, status, strings.TrimSpace(body))
}
