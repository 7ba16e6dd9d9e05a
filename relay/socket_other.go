//go:build !linux

package relay

import "net"

// Queued returns 0: this system is not asked.
func (r *Reader) Queued() int { return 0 }

func (r *Reader) askQueued(uintptr) {}

// SocketInfo returns false: this system is not asked.
func SocketInfo(*net.TCPConn) (Info, bool) { return Info{}, false }
