package proxy

import (
	"encoding/binary"
	"fmt"
	"io"

	"doorkeeper/relay"

	"github.com/valyala/bytebufferpool"
)

// beginStream opens an answer that carries records. It is never held whole, with one exception: up to 64 KiB where
// broker endpoints may stand behind the records, so that they can be rewritten; in a larger one they are hidden.
func (s *responses) beginStream(e entry, p []byte, size int) (bool, error) {
	if e.x.EndpointsBehind() && size <= maxHeld {
		return s.onHeldStream(e, p, size)
	}
	s.reader.Pass(4)
	s.answering(e.x)
	s.messages = 0
	s.reader.Begin(e.x, int64(size), true)
	s.streamed = int64(4 + size)
	s.pop()
	if s.heads = e.x.Heads(); !s.heads {
		s.take(4)
	}
	return true, nil
}

// onHead begins an answer whose head may change: its length bytes, in front of p, were held back for that.
func (s *responses) onHead(p []byte) (bool, error) {
	n, err := s.reader.Scan(p[4:])
	if err != nil {
		return false, errAnswer{err}
	}
	if !s.reader.Headed() {
		s.r.Want(s.at - s.added + 4 + s.reader.Want())
		return false, nil
	}
	s.heads = false
	if s.reader.Edited() {
		n -= s.replaceHead(p[4:], int(s.streamed)-4)
	} else {
		n += 4
	}
	s.take(n)
	if left, _ := s.reader.Open(); left == 0 {
		s.endStream(s.streamed)
	}
	return true, nil
}

// replaceHead gives the writer the head of a frame of size bytes as the client shall see it, and returns how many bytes of
// the frame it stands for.
func (s *responses) replaceHead(frame []byte, size int) int {
	buf := bytebufferpool.Get()
	out, n := s.reader.HeadEdit(append(buf.B[:0], 0, 0, 0, 0), frame)
	binary.BigEndian.PutUint32(out, uint32(size-n+len(out)-4))
	buf.B = out
	s.made = append(s.made, buf)
	s.replace(4+n, out)
	return n
}

// onStream goes on with the open answer.
func (s *responses) onStream(p []byte) (bool, error) {
	if s.heads {
		return s.onHead(p)
	}
	n, err := s.reader.Scan(p)
	if err != nil {
		return false, errAnswer{err}
	}
	s.take(n)
	if left, _ := s.reader.Open(); left == 0 {
		s.endStream(s.streamed)
		return true, nil
	}
	if n == 0 {
		s.r.Want(s.at - s.added + s.reader.Want())
	}
	return n > 0 && n < len(p), nil
}

// endStream ends the open answer, a frame of size bytes with its length bytes.
func (s *responses) endStream(size int64) {
	s.copies = false
	s.r.Want(0)
	x := s.reader.Done()
	s.trace(x, size)
	x.Free()
}

// onHeldStream handles an answer with records that is held whole.
func (s *responses) onHeldStream(e entry, p []byte, size int) (bool, error) {
	if ok, err := s.held(p, size); err != nil || !ok {
		return false, err
	}
	frame := p[4 : 4+size]
	s.pop() // from here on the exchange is the reader's
	s.reader.Pass(4)
	s.answering(e.x)
	s.messages = 0
	s.reader.Begin(e.x, int64(size), false)
	for at := 0; at < size; {
		n, err := s.reader.Scan(frame[at:])
		if err != nil {
			return false, errAnswer{err}
		}
		if at += n; n == 0 {
			return false, errAnswer{fmt.Errorf("%s answer ends in the middle", e.x.API.Name())}
		}
	}
	switch {
	case s.reader.Endpoints():
		if err := s.rewriteStream(e, frame); err != nil {
			return false, err
		}
	case s.reader.Edited():
		n := s.replaceHead(frame, size)
		s.take(size - n)
	default:
		s.take(4 + size)
	}
	s.endStream(int64(4 + size))
	return true, nil
}

// rewriteStream gives the writer a frame in which broker endpoints are rewritten, and the head if that changes too.
func (s *responses) rewriteStream(e entry, frame []byte) error {
	buf := bytebufferpool.Get()
	out, err := s.reader.Rewrite(append(buf.B[:0], 0, 0, 0, 0), frame, e.x)
	if err != nil {
		bytebufferpool.Put(buf)
		return errAnswer{err}
	}
	buf.B = out
	s.made = append(s.made, buf)
	s.reader.Pass(int64(len(out) - 4 - len(frame))) // the endpoints come behind the records: only the end has moved
	if !s.reader.Edited() {
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		s.replace(4+len(frame), out)
		return nil
	}
	n := s.replaceHead(out[4:], len(out)-4)
	s.w.Add(out[4+n:])
	s.at += len(frame) - n
	s.added = s.at
	return nil
}

// kernelLeft is how much of a frame kernel mode must have moved before it gives way to small batches, in bytes.
const kernelLeft = 128 << 10

// useKernel says whether kernel mode takes over now. It must be between two reads with nothing in the buffer.
func (s *responses) useKernel() bool {
	if !s.splices || s.moving {
		return s.moving
	}
	if s.r.Len() > 0 || s.passing > 0 {
		return false
	}
	left, open := s.reader.Open()
	switch {
	case s.gauge.Mode == relay.ModeKernel:
		s.moving = !s.declined && !(open && s.reader.Tail())
	case open && !s.copies && s.gauge.Ready(left) && !s.reader.Tail():
		s.moving = s.gauge.Choose(left, s.r.Queued())
	case !open && !s.copies && !s.declined && s.gauge.Ready(s.streamed):
		s.moving = true // the last answer was large: the next one's head decides
	}
	if !s.moving {
		s.declined = false
	} else if s.kernel == nil {
		s.moving = s.makeKernel()
	}
	return s.moving
}

// makeKernel prepares kernel mode, once it is wanted: most connections never do. False: this system has none.
func (s *responses) makeKernel() bool {
	s.kernel = relay.NewKernel(s.c.up.raw, s.c.raw, s.c.p.pipes, &s.count)
	s.splices = s.kernel != nil
	return s.splices
}

// kernelMode moves until kernel mode declines or something fails.
func (s *responses) kernelMode() error {
	s.declined = false
	s.r.Close()
	s.c.meter.response.set(openOr(s.midFrame()))
	reason, err := s.kernel.Run(s)
	switch reason {
	case relay.Declined, relay.NoPipe:
		s.moving = false
		s.declined = true
		s.copies = reason == relay.NoPipe
		s.gauge.Leave()
		return nil
	case relay.Woken:
		return s.woken()
	case relay.Ended:
		if s.midFrame() {
			return io.ErrUnexpectedEOF
		}
	case relay.ScanFailed:
		return err
	case relay.SinkFailed:
		return fmt.Errorf("writing to the client: %w", err)
	}
	return err
}

var _ relay.Scanner = (*responses)(nil)

// Short elements: a head of which only a part has come is left to user mode, which takes the part out of the socket.
// Waiting for the rest in kernel mode can be for ever: the part may be the last of a large segment, all of which counts
// against the receive window until its last byte is taken (seen on loopback: 25 bytes queued, the window closed, 1.4 MB
// at the sender).

// Scan implements relay.Scanner, for kernel mode: p is a copy of bytes that wait in the broker's socket.
func (s *responses) Scan(p []byte) (int, error) {
	if left, open := s.reader.Open(); open {
		if s.reader.Tail() && !plainTail(p, left) {
			s.declined = true
			return 0, nil
		}
		n, err := s.reader.Scan(p)
		if err != nil {
			return n, errAnswer{err}
		}
		s.declined = n == 0 // a short element, see above
		if left, _ := s.reader.Open(); left == 0 {
			s.endStream(s.streamed)
		}
		return n, nil
	}
	return s.kernelFrame(p)
}

// plainTail says that what stands behind an answer's records is nothing but empty tagged fields, as in nearly every
// answer: there is nothing to hide, and kernel mode need not be left for it.
func plainTail(p []byte, left int64) bool {
	if left > int64(len(p)) {
		return false
	}
	for _, b := range p[:left] {
		if b != 0 {
			return false
		}
	}
	return true
}

// kernelFrame begins a frame in kernel mode, or declines it.
func (s *responses) kernelFrame(p []byte) (int, error) {
	if len(p) < 8 {
		s.declined = true // a short element, see above
		return 0, nil
	}
	size := int(int32(binary.BigEndian.Uint32(p)))
	e, ok := s.c.queue.first()
	if !ok || e.kind != forwarded || !e.x.Streams() || int32(binary.BigEndian.Uint32(p[4:])) != e.correlation ||
		e.x.EndpointsBehind() && size <= maxHeld || e.x.Heads() || !s.gauge.Choose(int64(size), kernelLeft) {
		s.declined = true
		s.streamed = 0 // small answers follow: not asked again before the next large one
		return 0, nil
	}
	if _, err := s.beginStream(e, p, size); err != nil {
		return 0, err
	}
	s.at = 0 // nothing is in the reader
	s.c.meter.response.set(reading)
	return 4, nil
}

// Opaque implements relay.Scanner.
func (s *responses) Opaque() int64 { return s.reader.Opaque() }

// Skip implements relay.Scanner.
func (s *responses) Skip(n int64) {
	if err := s.reader.Skip(n); err != nil {
		panic(err) // n is at most Opaque: cannot be
	}
	if left, open := s.reader.Open(); open && left == 0 {
		s.endStream(s.streamed)
	}
}

// Kernel implements relay.Scanner.
func (s *responses) Kernel() (int64, bool) {
	if s.declined {
		return 0, false
	}
	left, open := s.reader.Open()
	if !open {
		e, ok := s.c.queue.first()
		return 0, !ok || e.kind == forwarded
	}
	return left, s.reader.Tail() || s.gauge.Stay() || s.streamed-left < kernelLeft
}

// Commit implements relay.Scanner.
func (s *responses) Commit() error { return s.reader.Commit() }

// Release implements relay.Scanner.
func (s *responses) Release(n int64) error {
	s.c.meter.brokerIn.Add(n)
	s.c.meter.clientOut.Add(n)
	s.reader.Release(n)
	s.show()
	if s.schedule(); s.reader.Settled() {
		s.c.meter.response.set(resting)
		s.settle()
	}
	return nil
}
