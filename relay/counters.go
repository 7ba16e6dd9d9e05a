package relay

import "sync/atomic"

// Counters count what the movers of one direction of a connection do. One goroutine adds; any may take a snapshot.
type Counters struct {
	reads, writes, peeks, asks, splices, waits, userBytes, kernelBytes atomic.Int64
}

// Counts is a snapshot of Counters. Calls are system calls (on TLS over Records too; over another net.Conn its Read
// and Write calls), bytes are stream bytes handed to the destination.
type Counts struct {
	Reads   int64 // read calls that returned bytes; those that found nothing are Waits
	Writes  int64 // write and writev calls
	Peeks   int64 // looks into the receive queue in kernel mode; each is a setsockopt and a recv
	Asks    int64 // questions how much is queued, in kernel mode; each is an ioctl
	Splices int64 // splice calls, in and out
	Waits   int64 // times the mover had to wait for the source

	UserBytes   int64
	KernelBytes int64
}

// Snapshot returns the counts so far.
func (c *Counters) Snapshot() Counts {
	return Counts{
		Reads: c.reads.Load(), Writes: c.writes.Load(), Peeks: c.peeks.Load(), Asks: c.asks.Load(), Splices: c.splices.Load(),
		Waits: c.waits.Load(), UserBytes: c.userBytes.Load(), KernelBytes: c.kernelBytes.Load(),
	}
}

// Add returns the sum of both.
func (c Counts) Add(d Counts) Counts {
	c.Reads += d.Reads
	c.Writes += d.Writes
	c.Peeks += d.Peeks
	c.Asks += d.Asks
	c.Splices += d.Splices
	c.Waits += d.Waits
	c.UserBytes += d.UserBytes
	c.KernelBytes += d.KernelBytes
	return c
}
