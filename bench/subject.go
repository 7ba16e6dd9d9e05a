//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A subject is one way from the clients to the broker, in one row.
type subject struct {
	name    string
	row     *row
	door    door          // where clients connect; set by start
	pids    []int         // whose CPU and memory are its own; none: direct
	started time.Duration // from the start of its process to its first answer
	proc    *process
	keeper  *doorkeeper // if it is doorkeeper
	counts  bool        // its process counts calls
	failed  error       // why it is out of this row
}

// Names of the subjects that the bench brings along. What ends in again is a second process of the same kind: what
// differs between the two is noise.
const (
	direct       = "direct"
	ioCopy       = "io.Copy"
	ioCopyAgain  = "io.Copy again"
	ioCopyCounts = "io.Copy counted"
	copy64       = "copy 64K"
	copy64Again  = "copy 64K again"
	tlsRelay     = "TLS relay"
	tlsAgain     = "TLS relay again"
	keeperName   = "doorkeeper"
	keeperAgain  = "doorkeeper again"

	// doorkeeper with a policy: estate.go
	keeperPolicy      = "under a policy"
	keeperPolicyAgain = "under a policy again"
	keeperBig         = "under a big policy"
	keeperRate        = "under a rate"
)

// keeps says whether a subject is doorkeeper.
func keeps(name string) bool {
	_, policy := estates[name]
	return policy || name == keeperName || name == keeperAgain
}

var relayModes = map[string]string{
	ioCopy: "splice", ioCopyAgain: "splice", ioCopyCounts: "counted", copy64: "copy", copy64Again: "copy",
	tlsRelay: "tls", tlsAgain: "tls",
}

// start starts the subject's process and waits for its first answer.
func (b *bench) start(s *subject) (err error) {
	upstream, err := b.upstream(s.row.tls)
	if err != nil {
		return err
	}
	s.door = door{}
	if s.row.tls {
		if s.door.tls, err = b.clientTLS(s.name == direct); err != nil {
			return err
		}
	}
	as := account{}
	if s.row.ordinary && os.Getuid() == 0 {
		as = nobody
	}
	began := time.Now()
	switch mode, relay := relayModes[s.name]; {
	case s.name == direct:
		s.door.address = upstream
		return s.door.alive()
	case relay:
		p := part{Role: "relay", Mode: mode, Upstream: upstream, Cert: b.certs.cert, Key: b.certs.key, CA: b.upstreamCA()}
		var addresses []string
		if s.proc, addresses, err = b.startPart(p, as); err != nil {
			return err
		}
		s.door.address, s.counts = addresses[0], mode == "counted" || mode == "copy"
	case keeps(s.name):
		err = b.startDoorkeeper(s, upstream, as)
	default:
		err = b.startPeer(s, upstream, as)
	}
	if err == nil {
		err = s.await()
	}
	if err != nil {
		s.stop()
		return err
	}
	s.started = time.Since(began)
	s.pids = family(s.proc.pid())
	if _, relay := relayModes[s.name]; !relay {
		return s.find(b, upstream)
	}
	return nil
}

// await tries until the subject passes a first answer on.
func (s *subject) await() error {
	var last error
	for until := time.Now().Add(startLimit); time.Now().Before(until); time.Sleep(500 * time.Microsecond) {
		if s.proc.exited() {
			return fmt.Errorf("it ended at once%s", s.proc.said())
		}
		if last = s.door.alive(); last == nil {
			return nil
		}
	}
	return fmt.Errorf("no answer within %v: %w%s", startLimit, last, s.proc.said())
}

// find goes to the broker that leads the bench's topics as clients do: by Metadata. A proxy that rewrites names a
// port of its own; one that does not is used where it listens.
func (s *subject) find(b *bench, upstream string) error {
	topic, err := b.filled(pingBatch, s.row.tls)
	if err != nil {
		return err
	}
	at, _, err := s.door.leader(topic.name)
	if err != nil {
		return fmt.Errorf("metadata: %w%s", err, s.proc.said())
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return err
	}
	if _, own, err := net.SplitHostPort(upstream); err != nil || own == port {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("it sends clients to %s, which is not this machine", at)
	}
	s.door.address = net.JoinHostPort("127.0.0.1", port)
	return s.door.alive()
}

func (s *subject) stop() {
	if s.proc != nil {
		s.proc.stop()
	}
	s.proc, s.pids, s.keeper, s.started = nil, nil, nil, 0
}

// said returns the end of a process's output, for an error.
func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	const most = 2000
	text = text[max(0, len(text)-most):]
	return "; it said:\n    " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ")
}

// A usage is what a subject used during a measurement. Counts below zero are not known.
type usage struct {
	known          bool
	cpu            time.Duration
	calls, empty   int64
	moved, spliced int64
	mallocs        int64
	decisions      int64
}

// A reading of a subject's meters.
type reading struct {
	cpu     time.Duration
	counts  counts
	moves   moves
	mallocs int64
}

// measure reads the subject's meters before and after do. CPU is read last before and first after, because reading
// the others costs the subject some.
func (s *subject) measure(do func() error) (u usage, took time.Duration, err error) {
	var before, after reading
	if before.counts, before.moves, err = s.meters(); err != nil {
		return u, 0, err
	}
	// What reading the allocations allocates is found by reading twice.
	first, err := s.mallocs()
	if err != nil {
		return u, 0, err
	}
	if before.mallocs, err = s.mallocs(); err != nil {
		return u, 0, err
	}
	if before.cpu, err = s.cpu(); err != nil {
		return u, 0, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return u, 0, err
	}
	took = time.Since(began)
	if after.cpu, err = s.cpu(); err != nil {
		return u, 0, err
	}
	if after.mallocs, err = s.mallocs(); err != nil {
		return u, 0, err
	}
	if after.counts, after.moves, err = s.meters(); err != nil {
		return u, 0, err
	}
	u = usage{known: len(s.pids) > 0, cpu: after.cpu - before.cpu, calls: -1, empty: -1, mallocs: -1, decisions: -1}
	switch {
	case s.counts:
		u.calls = after.counts.Calls - before.counts.Calls
		if relayModes[s.name] == "counted" {
			u.empty = after.counts.Empty - before.counts.Empty
		}
	case s.keeper != nil:
		u.calls = after.moves.calls - before.moves.calls
		u.moved = after.moves.bytes - before.moves.bytes
		u.spliced = after.moves.kernel - before.moves.kernel
		u.decisions = after.moves.decisions - before.moves.decisions
		u.mallocs = max(0, after.mallocs-before.mallocs-(before.mallocs-first))
	}
	return u, took, nil
}

func (s *subject) cpu() (sum time.Duration, err error) {
	for _, pid := range s.pids {
		t, err := cpuTime(pid)
		if err != nil {
			return 0, errors.Join(err, errors.New("the process has ended"+s.proc.said()))
		}
		sum += t
	}
	return sum, nil
}

func (s *subject) meters() (c counts, m moves, err error) {
	if s.counts {
		c, err = s.proc.counts()
	}
	if s.keeper != nil {
		m, err = s.keeper.moves()
	}
	return c, m, err
}

func (s *subject) mallocs() (int64, error) {
	if s.keeper == nil {
		return 0, nil
	}
	return s.keeper.mallocs()
}

// A peer is another proxy, given as a command line.
type peer struct{ name, command, tlsCommand string }

// startPeer starts a peer with its placeholders filled in.
func (b *bench) startPeer(s *subject, upstream string, as account) error {
	command := ""
	for _, p := range b.peers {
		if p.name == s.name {
			if command = p.command; s.row.tls {
				command = p.tlsCommand
			}
		}
	}
	dir, err := b.scratchFor(s.name, as)
	if err != nil {
		return err
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	port := ports[0]
	s.door.address = "127.0.0.1:" + strconv.Itoa(port)
	command = strings.NewReplacer(
		"{listen}", s.door.address, "{port}", strconv.Itoa(port), "{upstream}", upstream, "{dir}", dir,
		"{cert}", b.certs.cert, "{key}", b.certs.key, "{ca}", b.upstreamCA(),
	).Replace(command)
	// exec: the process that is measured and stopped is the command, not the shell.
	s.proc, err = b.startCommand(exec.Command("/bin/sh", "-c", "exec "+command), dir, as)
	return err
}

// startCommand starts a program that knows nothing of the bench; what it says goes to a file in dir.
func (b *bench) startCommand(cmd *exec.Cmd, dir string, as account) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = dir, log, log, as.attributes()
	p := &process{cmd: cmd, log: log.Name()}
	if err := b.launch(p); err != nil {
		return nil, err
	}
	return p, nil
}

// freePorts returns n different ports that were free just now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end: a closed one could come again
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
