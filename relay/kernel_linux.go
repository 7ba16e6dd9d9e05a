package relay

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Sizes in kernel mode, in bytes.
const (
	window   = 1 << 20 // looked ahead at most: what the pipe takes at once
	peekSize = 256     // looked at per header; grows if the Scanner wants more
)

// errStuck says that bytes which were seen in the receive queue can be neither moved nor waited for: the sender uses
// TCP's urgent data, or the system is out of memory.
var errStuck = errors.New("relay: bytes in the receive queue cannot be moved")

// A Kernel is kernel mode for one direction: it peeks at headers in the source's receive queue, as far ahead as the
// queue reaches, and splices the whole run through a pipe into the destination.
//
// What holds between the steps (offsets count from the head of the receive queue):
//
//   - The Scanner stands at offset ahead. The bytes up to there passed Scan or Skip and lie in the queue: it is never
//     let further than FIONREAD reaches. So they can be moved without waiting.
//   - What is moved is at most ahead bytes and the Scanner's opaque bytes behind them, which are skipped only once
//     they are moved. So when ahead is 0 the Scanner stands where the socket does, and user mode can go on.
//   - It waits for the source only after the source said EAGAIN, with the pipe empty and given back, and ahead 0.
//     The netpoller's edge is cleared before the callback runs, so that waiting for any other reason ("too little to
//     be worth it") could miss the end of the stream, which comes as an edge once.
//   - A peek moves the peek offset on, and splice leaves it behind: it is set absolutely before each peek.
//   - A pipe that is not empty is closed, never given back.
//
// A Kernel belongs to one goroutine. Deadlines may be set from any, on either socket: Run returns Woken and keeps its
// state, be it bytes in the pipe, and goes on when called again.
type Kernel struct {
	// LowWater, if set, lets a wait in the middle of a frame last until so many bytes are queued, or the frame's rest
	// (SO_RCVLOWAT, socket(7)). It saves wake-ups where one connection has the machine for itself, and holds back what
	// comes slowly. The end of the stream and resets are seen at once all the same.
	LowWater int

	source, sink syscall.RawConn
	pipes        *Pipes
	count        *Counters
	readFD       func(fd uintptr) bool // callbacks as values: a method value made at each call would allocate
	writeFD      func(fd uintptr) bool
	lowFD        func(fd uintptr)

	s      Scanner
	pipe   *pipe
	inPipe int // handed over next
	ahead  int
	look   []byte // what a peek copies to: first, or more for a Scanner that wants more
	first  [peekSize]byte
	low    int // the socket's low-water mark

	// What the last callback found.
	reason   Reason
	err      error
	stop     bool  // reason and err hold
	moved    int   // bytes handed over by the last write callback
	writeErr error // what ended it
}

// NewKernel returns kernel mode from source to sink, or nil if the system or the address family does not have it.
// Counters may be nil.
func NewKernel(source, sink *net.TCPConn, pipes *Pipes, count *Counters) *Kernel {
	from, err := source.SyscallConn()
	if err != nil || !supports(from) {
		return nil
	}
	to, err := sink.SyscallConn()
	if err != nil {
		return nil
	}
	if count == nil {
		count = new(Counters)
	}
	k := &Kernel{source: from, sink: to, pipes: pipes, count: count, low: 1}
	k.readFD, k.writeFD, k.lowFD = k.read, k.write, k.resetLow
	return k
}

// Run moves bytes until the Scanner declines, the stream ends, a deadline passes or something fails. With Declined
// and NoPipe all that passed the Scanner was handed over, and user mode goes on where the Scanner stands. After any
// reason but Woken, Declined and NoPipe, Close must follow. A Reader on the source must be empty before Run.
func (k *Kernel) Run(s Scanner) (Reason, error) {
	k.s = s
	defer k.leave()
	k.look = k.first[:]
	for {
		if reason, err := k.flush(); err != nil {
			return reason, err
		}
		if k.stop && k.ahead == 0 {
			k.stop = false
			return k.reason, k.err
		}
		k.stop = false
		if err := k.source.Read(k.readFD); err != nil {
			return failed(SourceFailed, err)
		}
		if k.stop && k.reason != Declined && k.reason != Ended {
			k.stop = false
			return k.reason, k.err
		}
	}
}

// Close discards what is in the pipe. It does not close the connections.
func (k *Kernel) Close() {
	if k.pipe != nil && k.inPipe > 0 {
		k.pipes.discard(k.pipe)
		k.pipe, k.inPipe = nil, 0
	}
	k.ahead = 0
	k.rest()
}

// leave restores what user mode expects.
func (k *Kernel) leave() {
	k.rest()
	if k.low != 1 {
		_ = k.source.Control(k.lowFD)
	}
}

func (k *Kernel) resetLow(fd uintptr) { k.setLow(fd, 1) }

func (k *Kernel) setLow(fd uintptr, n int) {
	if n != k.low {
		setLowWater(fd, n)
		k.low = n
	}
}

// waitMark returns the low-water mark to wait with: never beyond the open frame, and not for what is soon complete.
func (k *Kernel) waitMark() int {
	left, _ := k.s.Kernel()
	if k.LowWater == 0 || left < minLeft {
		return 1
	}
	return int(min(int64(k.LowWater), left))
}

// rest gives the pipe back once it is empty and nothing is waiting to go through it.
func (k *Kernel) rest() {
	if k.pipe != nil && k.inPipe == 0 && k.ahead == 0 {
		k.pipes.put(k.pipe)
		k.pipe = nil
	}
}

func failed(r Reason, err error) (Reason, error) {
	if isDeadline(err) {
		return Woken, os.ErrDeadlineExceeded
	}
	return r, err
}

// end notes why the callback stops; Run sees to it.
func (k *Kernel) end(r Reason, err error) {
	k.reason, k.err, k.stop = r, err, true
}

// read is the callback of the source's RawConn.Read: it looks ahead and splices until the queue is drained or the
// pipe nearly full. False waits.
func (k *Kernel) read(fd uintptr) bool {
	for {
		if k.pipe != nil && k.inPipe >= k.pipe.size-k.pipe.size/16 {
			return true
		}
		have := k.queued(fd)
		if have == 0 {
			return k.drained(fd, 0)
		}
		if k.pipe == nil {
			if k.pipe = k.pipes.take(); k.pipe == nil {
				k.end(NoPipe, nil)
				return true
			}
		}
		short := k.walk(fd, have)
		if k.stop && k.reason != Declined {
			return true
		}
		due := int64(k.ahead)
		if !k.stop {
			due += k.s.Opaque()
		}
		if due == 0 {
			if k.stop {
				return true
			}
			return k.drained(fd, short)
		}
		if !k.fill(fd, int(min(due, window))) || k.stop {
			return true
		}
	}
}

// walk lets the Scanner see one header after the other, as far as the queue reaches: have bytes. It returns how many
// bytes it showed last in vain, because the rest of the element is still to come.
func (k *Kernel) walk(fd uintptr, have int) (short int) {
	for k.ahead < min(have, window) {
		if o := k.s.Opaque(); o > 0 {
			if o >= int64(min(have, window)-k.ahead) {
				return 0 // no header behind it is there yet: it is moved first, and skipped then
			}
			k.s.Skip(o)
			k.ahead += int(o)
		}
		if _, ok := k.s.Kernel(); !ok {
			k.end(Declined, nil)
			return 0
		}
		p := k.peekAhead(fd)
		if k.stop || len(p) == 0 {
			return 0
		}
		n, err := k.s.Scan(p)
		if err != nil {
			k.end(ScanFailed, err)
			return 0
		}
		k.ahead += n
		if n > 0 {
			continue
		}
		if _, ok := k.s.Kernel(); !ok {
			k.end(Declined, nil)
			return 0
		}
		if len(p) < len(k.look) {
			return len(p)
		}
		if len(k.look) >= MaxElement {
			k.end(ScanFailed, ErrElement)
			return 0
		}
		k.look = make([]byte, 2*len(k.look))
	}
	return 0
}

// peekAhead returns what lies behind the bytes that passed.
func (k *Kernel) peekAhead(fd uintptr) []byte {
	if e := setPeek(fd, k.ahead); e != 0 {
		k.end(SourceFailed, e)
		return nil
	}
	n, e := peek(fd, k.look)
	k.count.peeks.Add(1)
	if e != 0 && e != syscall.EAGAIN {
		k.end(SourceFailed, e)
		return nil
	}
	if e != 0 {
		n = 0
	}
	return k.look[:n]
}

func (k *Kernel) queued(fd uintptr) int {
	k.count.asks.Add(1)
	return queued(fd)
}

// drained decides what an exhausted queue means: the pipe is to be flushed, the stream ended, or it is time to wait.
// The first seen bytes of the queue were shown to the Scanner in vain. Only EAGAIN from behind them permits to wait.
func (k *Kernel) drained(fd uintptr, seen int) bool {
	if k.inPipe > 0 {
		return true
	}
	if k.ahead > 0 {
		k.end(SourceFailed, errStuck)
		return true
	}
	if _, ok := k.s.Kernel(); !ok {
		k.end(Declined, nil)
		return true
	}
	k.rest()
	if e := setPeek(fd, seen); e != 0 {
		k.end(SourceFailed, e)
		return true
	}
	k.count.peeks.Add(1)
	switch n, e := peek(fd, k.look[:1]); {
	case e == syscall.EAGAIN:
		// Raising the mark now misses nothing: what came in between has raised the edge already.
		k.setLow(fd, k.waitMark())
		k.count.waits.Add(1)
		return false
	case e != 0:
		k.end(SourceFailed, e)
	case n == 0:
		k.end(Ended, io.EOF)
	case k.queued(fd) <= seen: // urgent data: peeked over, but neither counted nor spliced
		k.end(SourceFailed, errStuck)
	}
	return true // or more has come in the meantime: look again
}

// fill splices up to n bytes into the pipe. False: the pipe is to be flushed first, or the move failed.
func (k *Kernel) fill(fd uintptr, n int) bool {
	m, err := splice(int(fd), k.pipe.w, n)
	k.count.splices.Add(1)
	switch {
	case errors.Is(err, syscall.EAGAIN) && k.inPipe > 0: // the pipe has no slot left
		return false
	case errors.Is(err, syscall.EAGAIN) || err == nil && m == 0:
		k.end(SourceFailed, errStuck)
		return false
	case err != nil:
		k.end(SourceFailed, err)
		return false
	}
	k.inPipe += m
	k.ahead -= m
	if k.ahead < 0 {
		k.s.Skip(int64(-k.ahead))
		k.ahead = 0
	}
	return true
}

// flush hands the pipe's content to the sink, and tells the Scanner after each hand-over, before it waits for room.
func (k *Kernel) flush() (Reason, error) {
	if k.inPipe > 0 {
		if err := k.s.Commit(); err != nil {
			return ScanFailed, err
		}
	}
	for k.inPipe > 0 {
		k.moved, k.writeErr = 0, nil
		err := k.sink.Write(k.writeFD)
		if k.moved > 0 {
			k.count.kernelBytes.Add(int64(k.moved))
			if err := k.s.Release(int64(k.moved)); err != nil {
				return ScanFailed, err
			}
		}
		if err == nil {
			err = k.writeErr
		}
		if err != nil {
			return failed(SinkFailed, err)
		}
	}
	return 0, nil
}

// write is the callback of the sink's RawConn.Write. It returns true once it moved something: Release comes before
// the wait. False waits.
func (k *Kernel) write(fd uintptr) bool {
	for k.inPipe > 0 {
		n, err := splice(k.pipe.r, int(fd), k.inPipe)
		k.count.splices.Add(1)
		if errors.Is(err, syscall.EAGAIN) {
			return k.moved > 0
		}
		if err != nil || n == 0 {
			k.writeErr = cmp.Or(err, io.ErrNoProgress)
			return true
		}
		k.inPipe -= n
		k.moved += n
	}
	return true
}
