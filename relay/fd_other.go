//go:build !unix

package relay

import (
	"net"
	"syscall"
)

// rawRead returns nil: on this system a socket is read like any net.Conn.
func rawRead(*net.TCPConn) syscall.RawConn { return nil }

func readFD(uintptr, []byte) (int, error) { return 0, syscall.EINVAL }
