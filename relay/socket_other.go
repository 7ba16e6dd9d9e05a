//go:build !linux

package relay

import "net"

// Queued returns 0: this system is not asked.
func (r *Reader) Queued() int { return 0 }

func (r *Reader) askQueued(uintptr) {}

// SetLowWater does nothing here.
func (r *Reader) SetLowWater(int) {}

func (r *Reader) applyLowWater(uintptr) {}

// SocketInfo returns false: this system is not asked.
func SocketInfo(*net.TCPConn) (Info, bool) { return Info{}, false }
