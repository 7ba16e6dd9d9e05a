//go:build !linux

package relay

import "net"

// A Kernel does not exist on this system.
type Kernel struct {
	LowWater int // nothing waits here
}

// Supported returns false.
func Supported() bool { return false }

// NewKernel returns nil.
func NewKernel(_, _ *net.TCPConn, _ *Pipes, _ *Counters) *Kernel { return nil }

// Run hands back to user mode.
func (k *Kernel) Run(Scanner) (Reason, error) { return Declined, nil }

// Close does nothing.
func (k *Kernel) Close() {}
