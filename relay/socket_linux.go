package relay

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below are raw because they never block and are made per batch: unix.Recvfrom allocates the address that
// nobody wants, and the scheduler need not know of a call of a microsecond.

func setInt(fd uintptr, level, option int, v int32) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, fd, uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), 4, 0)
	return e
}

// setPeek says where in the receive queue the next MSG_PEEK looks (socket(7), SO_PEEK_OFF).
func setPeek(fd uintptr, offset int) syscall.Errno {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, int32(offset))
}

// peek copies out of the receive queue and consumes nothing.
func peek(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

// queued returns how many bytes lie in the receive queue (tcp(7), SIOCINQ).
func queued(fd uintptr) int {
	var v int32
	_, _, e := syscall.RawSyscall(unix.SYS_IOCTL, fd, unix.TIOCINQ, uintptr(unsafe.Pointer(&v)))
	if e != 0 {
		return 0
	}
	return int(v)
}

// splice moves up to n bytes between a socket and a pipe, without waiting for either.
func splice(from, to, n int) (int, error) {
	for {
		m, err := unix.Splice(from, nil, to, nil, n, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
		if err != unix.EINTR {
			return int(m), err
		}
	}
}

func setLowWater(fd uintptr, n int) {
	_ = setInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, int32(n)) // a hint: without it there are more wake-ups
}

// SetLowWater is a hint, inside a frame of which n bytes at least are still to come: wait until so many are queued
// (SO_RCVLOWAT, socket(7)); 1 takes it back, which must come before the end of the frame is waited for. It saves
// wake-ups where one connection has the machine for itself, and holds back what comes slowly.
func (r *Reader) SetLowWater(n int) {
	if n = max(n, 1); r.raw == nil || n == r.lowWater {
		return
	}
	r.lowWater = n
	_ = r.raw.Control(r.lowFD)
}

func (r *Reader) applyLowWater(fd uintptr) { setLowWater(fd, r.lowWater) }

// Queued returns how many bytes of c's stream lie in its receive queue, 0 where that is not known.
func (r *Reader) Queued() int {
	if r.raw == nil {
		return 0
	}
	r.got = 0
	_ = r.raw.Control(r.queuedFD)
	return r.got
}

func (r *Reader) askQueued(fd uintptr) { r.got = queued(fd) }

// States of TCP_INFO (linux/tcp_states.h).
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// SocketInfo asks the kernel about c; false if it does not tell, or c is closed.
func SocketInfo(c *net.TCPConn) (Info, bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Info{}, false
	}
	var t *unix.TCPInfo
	if raw.Control(func(fd uintptr) { t, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }) != nil || err != nil {
		return Info{}, false
	}
	return Info{Acked: t.Bytes_acked, Unsent: t.Notsent_bytes, RTT: t.Rtt, Retrans: t.Total_retrans, Ended: t.State == tcpCloseWait || t.State == tcpClose}, true
}
