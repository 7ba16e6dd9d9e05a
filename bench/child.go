//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// childEnv marks a process of this binary that plays a part: its value is the part, as JSON.
const childEnv = "DOORKEEPER_BENCH_CHILD"

// A part is what a child process does. It prints one line of addresses when it is ready, answers each line on its
// standard input with its counts, and ends when that input does, so that none outlives the bench.
type part struct {
	Role     string `json:"role"`     // relay, broker or kfake
	Mode     string `json:"mode"`     // relay: splice, counted, copy or tls
	Upstream string `json:"upstream"` // relay
	LogBytes int    `json:"log"`      // broker: bytes in each topic
	Cert     string `json:"cert"`     // PEM files, where TLS is spoken
	Key      string `json:"key"`
	CA       string `json:"ca"`
}

// counts of a relay's system calls that moved bytes, and of those that found none.
type counts struct {
	Calls int64 `json:"calls"`
	Empty int64 `json:"empty"`
}

var counted struct{ calls, empty atomic.Int64 }

// play plays the part that the environment names, if any.
func play() (played bool, err error) {
	text := os.Getenv(childEnv)
	if text == "" {
		return false, nil
	}
	var p part
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return true, err
	}
	switch p.Role {
	case "relay":
		return true, p.relay()
	case "broker":
		return true, p.broker()
	case "kfake":
		return true, p.kfake()
	}
	return true, fmt.Errorf("unknown part %q", p.Role)
}

// serve prints the addresses and answers until the standard input ends.
func serve(addresses ...string) error {
	fmt.Println(strings.Join(addresses, " "))
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		text, err := json.Marshal(counts{counted.calls.Load(), counted.empty.Load()})
		if err != nil {
			return err
		}
		fmt.Println(string(text))
	}
	return in.Err()
}

// accept hands connections to serve, each on a goroutine, until the listener fails.
func accept(l net.Listener, serve func(*net.TCPConn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		go serve(c.(*net.TCPConn))
	}
}

// A process is a child that is measured, or one that is measured against.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser // of a part; nil for others
	out   *bufio.Reader
	log   string // file with what it said
	ended chan struct{}
}

// bounds of waiting for child processes.
const (
	startLimit = 60 * time.Second
	termLimit  = 5 * time.Second
)

// account is a user to run a child as; zero: as whom the bench runs.
type account struct{ uid, gid uint32 }

func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if a != (account{}) {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// startPart starts a child of this binary and returns the addresses that it prints.
func (b *bench) startPart(p part, as account) (*process, []string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(b.self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = as.attributes()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	proc := &process{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if err := b.launch(proc); err != nil {
		return nil, nil, err
	}
	line, err := proc.line()
	if err != nil {
		proc.stop()
		return nil, nil, fmt.Errorf("%s %s did not start: %w", p.Role, p.Mode, err)
	}
	return proc, strings.Fields(line), nil
}

// errInterrupted ends a run that was told to end.
var errInterrupted = errors.New("interrupted")

// launch starts the process, unless the run is to end.
func (b *bench) launch(p *process) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.interrupted {
		return errInterrupted
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	b.running = append(slices.DeleteFunc(b.running, (*process).exited), p)
	go func() {
		// The process's end is what matters; how it ended shows in what it did not do.
		_, _ = p.cmd.Process.Wait()
		close(p.ended)
	}()
	return nil
}

// interrupt ends all child processes, so that what is being measured fails, and starts no more.
func (b *bench) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupted = true
	for _, p := range b.running {
		if !p.exited() {
			_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
		}
	}
}

func (b *bench) isInterrupted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.interrupted
}

// line reads one line of a part's answers.
func (p *process) line() (string, error) {
	type answer struct {
		text string
		err  error
	}
	c := make(chan answer, 1)
	go func() {
		text, err := p.out.ReadString('\n')
		c <- answer{text, err}
	}()
	select {
	case a := <-c:
		return strings.TrimSpace(a.text), a.err
	case <-time.After(startLimit):
		return "", errors.New("no answer")
	}
}

// counts asks a part for its counts.
func (p *process) counts() (c counts, err error) {
	if _, err = io.WriteString(p.in, "counts\n"); err != nil {
		return c, err
	}
	text, err := p.line()
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(text), &c)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// exited says whether the process is gone.
func (p *process) exited() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// stop ends the process and its process group: politely, and if that takes too long, at once.
func (p *process) stop() {
	if p.in != nil {
		p.in.Close()
	} else {
		_ = syscall.Kill(-p.pid(), syscall.SIGTERM)
	}
	select {
	case <-p.ended:
	case <-time.After(termLimit):
	}
	// What the group's leader left behind, or the leader itself.
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.ended
}
