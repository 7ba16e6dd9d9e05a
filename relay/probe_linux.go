package relay

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Linux honours SO_PEEK_OFF on TCP since 6.9 for IPv4 and 6.12 for IPv6; it may be ported back, and a sandbox may
// refuse it. So it is tried, once for each family, on a loopback pair.
var (
	supports4 = sync.OnceValue(func() bool { return probe("tcp4", "127.0.0.1:0") })
	supports6 = sync.OnceValue(func() bool { return probe("tcp6", "[::1]:0") })
)

// Supported says whether this system has kernel mode, for IPv4 or IPv6. NewKernel asks for the connection's own.
func Supported() bool { return supports4() || supports6() }

// supports says whether sockets of c's family have kernel mode. The socket's domain decides, not the peer's address:
// a listener on all addresses accepts IPv4 on IPv6 sockets.
func supports(c syscall.RawConn) bool {
	domain := -1
	if c.Control(func(fd uintptr) { domain, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) }) != nil {
		return false
	}
	return domain == unix.AF_INET && supports4() || domain == unix.AF_INET6 && supports6()
}

// probe looks at the middle of six bytes, splices away what lies before, and looks again.
func probe(network, address string) bool {
	l, err := net.Listen(network, address)
	if err != nil {
		return false
	}
	defer l.Close()
	a, err := net.DialTimeout(network, l.Addr().String(), time.Second)
	if err != nil {
		return false
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		return false
	}
	defer b.Close()
	if _, err := io.WriteString(a, "abcdef"); err != nil {
		return false
	}
	raw, err := b.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	p := openPipe(pipeUseful)
	if p == nil {
		return false
	}
	defer p.close()
	_ = b.SetReadDeadline(time.Now().Add(time.Second))
	works := false
	err = raw.Read(func(fd uintptr) bool {
		if queued(fd) < 6 {
			return false
		}
		works = seen(fd, 3) == 'd' && moved(fd, p, 2) && seen(fd, 3) == 'f' && seen(fd, 0) == 'c'
		return true
	})
	return err == nil && works
}

// seen returns the byte at the offset in the receive queue, 0 if the system does not show it.
func seen(fd uintptr, offset int) byte {
	var b [1]byte
	if setPeek(fd, offset) != 0 {
		return 0
	}
	if n, e := peek(fd, b[:]); n != 1 || e != 0 {
		return 0
	}
	return b[0]
}

func moved(fd uintptr, p *pipe, n int) bool {
	m, err := splice(int(fd), p.w, n)
	return err == nil && m == n
}
