//go:build linux

package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyBuffer of the relay that copies.
const copyBuffer = 64 << 10

// relay accepts connections and joins each with one to the upstream, in the part's mode.
func (p part) relay() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	join := map[string]func(to, from net.Conn) error{
		"splice":  splice,
		"counted": countedSplice,
		"copy":    copyLoop,
		"tls":     splice,
	}[p.Mode]
	if join == nil {
		return errors.New("unknown relay mode " + p.Mode)
	}
	var server, client *tls.Config
	if p.Mode == "tls" {
		if server, client, err = p.tls(); err != nil {
			return err
		}
	}
	go accept(l, func(c *net.TCPConn) {
		defer closeQuietly(c)
		u, err := net.Dial("tcp4", p.Upstream)
		if err != nil {
			return
		}
		defer closeQuietly(u)
		var left, right net.Conn = c, u
		if server != nil {
			left, right = tls.Server(c, server), tls.Client(u, client)
		}
		done := make(chan struct{})
		go func() {
			_ = join(right, left)
			close(done)
		}()
		_ = join(left, right) // either end closes both: a bench has no use for half-closed connections
		closeQuietly(c)
		closeQuietly(u)
		<-done
	})
	return serve(l.Addr().String())
}

// closeQuietly closes a connection that is done with, or that is closed to end a copy.
func closeQuietly(c net.Conn) { _ = c.Close() }

// splice is io.Copy, which splices between bare TCP connections, and copies with 32 KiB between TLS ones.
func splice(to, from net.Conn) error {
	_, err := io.Copy(to, from)
	return err
}

// copyLoop reads and writes through a buffer of 64 KiB.
func copyLoop(to, from net.Conn) error {
	buffer := make([]byte, copyBuffer)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		counted.calls.Add(2)
		if _, err := to.Write(buffer[:n]); err != nil {
			return err
		}
	}
}

// pipeSize is what Go's splice asks for.
const pipeSize = 1 << 20

// countedSplice makes the system calls that io.Copy makes, in its order (internal/poll/splice_linux.go of Go 1.26),
// and counts them, which io.Copy cannot be made to do.
func countedSplice(to, from net.Conn) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return err
	}
	defer func() { _ = errors.Join(unix.Close(pipe[0]), unix.Close(pipe[1])) }()
	// Refused to an ordinary user who has many: the pipe stays small, as Go's does.
	_, _ = unix.FcntlInt(uintptr(pipe[0]), unix.F_SETPIPE_SZ, pipeSize)
	source, err := from.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	sink, err := to.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var in int64
	var failed error
	drain := func(fd uintptr) bool {
		in, failed = spliceOnce(int(fd), pipe[1], pipeSize)
		return !errors.Is(failed, syscall.EAGAIN)
	}
	pump := func(fd uintptr) bool {
		for in > 0 {
			var n int64
			if n, failed = spliceOnce(pipe[0], int(fd), int(in)); failed != nil {
				return !errors.Is(failed, syscall.EAGAIN)
			}
			in -= n
		}
		return true
	}
	for {
		if err := errors.Join(source.Read(drain), failed); err != nil || in == 0 {
			return err
		}
		if err := errors.Join(sink.Write(pump), failed); err != nil {
			return err
		}
	}
}

func spliceOnce(from, to, n int) (int64, error) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_NONBLOCK)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			counted.empty.Add(1)
			return 0, err
		}
		counted.calls.Add(1)
		return moved, nil
	}
}
