//go:build unix

package relay

import (
	"net"
	"syscall"
)

// rawRead returns the connection's raw side, for reading without a buffer in hand while waiting.
func rawRead(c *net.TCPConn) syscall.RawConn {
	raw, err := c.SyscallConn()
	if err != nil { // closed already: the ordinary way will say so
		return nil
	}
	return raw
}

// readFD reads once; the descriptor does not block.
func readFD(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
