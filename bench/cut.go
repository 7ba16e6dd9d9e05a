//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A cutLoad has clients that are being sent more than they take, half of whom do not read at all, and quarantines them with
// the command, as somebody would who is in a hurry.
type cutLoad struct {
	conns  int
	answer int // bytes
}

func (l cutLoad) columns() []metric { return []metric{cutMillis, cutBytes, cutResets} }

func (l cutLoad) run(b *bench, s *subject) (values, error) {
	topic, err := b.filled(slowBatch, s.row.tls)
	if err != nil {
		return nil, err
	}
	var stuck []*net.TCPConn
	var wait sync.WaitGroup
	defer wait.Wait()
	for i := range l.conns {
		r, err := s.door.newReader(topic, l.answer, 0)
		if err != nil {
			return nil, err
		}
		defer r.c.Close()
		nc := r.c.(*net.TCPConn)
		if err := nc.SetReadBuffer(64 << 10); err != nil {
			return nil, err
		}
		_, rest, err := r.ask()
		if err != nil {
			return nil, err
		}
		if i%2 == 1 {
			stuck = append(stuck, nc)
			continue
		}
		wait.Go(func() { r.readOn(rest) })
	}
	time.Sleep(time.Second) // every buffer on the way is full

	began := time.Now()
	said, err := exec.Command(b.doorkeeper, "quarantine", "add", benchPrincipal, "--reason", "bench", "--yes",
		"--admin", filepath.Join(s.keeper.dir, "admin.sock")).CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("quarantine add: %w: %s", err, said)
	}
	v := values{cutMillis: float64(took.Microseconds()) / 1e3, cutBytes: 0, cutResets: 0}
	var has []int
	for _, nc := range stuck {
		n, err := queued(nc)
		if err != nil {
			return nil, err
		}
		has = append(has, n)
	}
	time.Sleep(100 * time.Millisecond)
	for i, nc := range stuck {
		got, ended := drain(nc)
		v[cutBytes] += float64(got - has[i])
		if ended {
			v[cutResets]++
		}
	}
	return v, nil
}

// readOn reads, at a pace that a machine has left for so many, until the connection ends.
func (r *reader) readOn(rest int) {
	for {
		for rest > 0 {
			n, err := r.throw.once(min(rest, 64<<10))
			if err != nil {
				return
			}
			rest -= n
			time.Sleep(10 * time.Millisecond)
		}
		var err error
		if _, rest, err = r.ask(); err != nil {
			return
		}
	}
}

// queued is how many bytes the kernel has for a socket's reader.
func queued(nc *net.TCPConn) (n int, err error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return 0, err
	}
	e := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if e != nil {
		return 0, e
	}
	return n, err
}

// drain reads what comes until the connection ends, or until nothing comes for a second.
func drain(nc *net.TCPConn) (n int, ended bool) {
	buf := make([]byte, 64<<10)
	for {
		if err := nc.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return n, false
		}
		got, err := nc.Read(buf)
		n += got
		if err != nil {
			return n, errors.Is(err, syscall.ECONNRESET)
		}
	}
}
