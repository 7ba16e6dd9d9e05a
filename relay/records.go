package relay

import (
	"encoding/binary"
	"net"
	"sync"
)

const recordHeader = 5 // type, version and length of a TLS record (RFC 8446, 5.1)

// Records lies between a *tls.Conn and its TCP connection, so that TLS costs few system calls and an idle connection
// no buffer: tls.Server(NewRecords(tcp, pool), config). A Reader and a Writer on that *tls.Conn find it.
//
// It reads in large calls and hands crypto/tls one record at a time, never a byte of the next one. So it knows whether
// another whole record is at hand, and the Reader can wait for one before it takes a buffer. crypto/tls writes each
// record with a call of its own; while a Writer flushes, those are gathered and go out together.
type Records struct {
	net.Conn // the *net.TCPConn; not embedded as such, or io.Copy would find ReadFrom and go round TLS
	in       *Reader
	left     int // bytes of the open record that crypto/tls has not read

	mu     sync.Mutex // crypto/tls writes from its reader too: answers to key updates, alerts
	out    *Buf       // nil: writes go straight out
	filled int
	queued int64 // bytes that were written to Records so far
	sent   int64 // and that TCP took
	err    error // of a write that failed: what follows would not be the same stream
}

// NewRecords returns the layer over c.
func NewRecords(c *net.TCPConn, pool *Pool) *Records {
	return &Records{Conn: c, in: NewReader(c, pool, nil)}
}

// Read returns bytes up to the end of the open record.
func (r *Records) Read(p []byte) (int, error) {
	for r.left == 0 && r.in.Len() < recordHeader {
		if err := r.in.Fill(); err != nil {
			if r.in.Len() == 0 || isDeadline(err) {
				return 0, err
			}
			r.left = r.in.Len() // the stream ends in a header: crypto/tls shall see how
		}
	}
	if r.left == 0 {
		r.left = recordSize(r.in.Bytes())
	}
	if r.in.Len() == 0 {
		if err := r.in.Fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p[:min(len(p), r.left)], r.in.Bytes())
	r.in.Consume(n)
	r.left -= n
	return n, nil
}

// whole says whether crypto/tls can read a record without waiting.
func (r *Records) whole() bool {
	if r.left > 0 {
		return r.in.Len() >= r.left
	}
	p := r.in.Bytes()
	return len(p) >= recordHeader && len(p) >= recordSize(p)
}

// await waits until a whole record is at hand.
func (r *Records) await() error {
	for !r.whole() {
		if err := r.in.Fill(); err != nil {
			return err
		}
	}
	return nil
}

func recordSize(p []byte) int { return recordHeader + int(binary.BigEndian.Uint16(p[3:])) }

// Write sends p, or keeps it for flush while corked.
func (r *Records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	if r.out != nil && len(p) > len(r.out.B)-r.filled {
		r.push()
	}
	r.queued += int64(len(p))
	if r.err == nil && r.out != nil && len(p) <= len(r.out.B) {
		r.filled += copy(r.out.B[r.filled:], p)
		return len(p), nil
	}
	return r.send(p)
}

// cork keeps what is written in b until flush.
func (r *Records) cork(b *Buf) {
	r.mu.Lock()
	r.out = b
	r.mu.Unlock()
}

// uncork returns the buffer; what a failed flush left in it is dropped.
func (r *Records) uncork() *Buf {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.push()
	b := r.out
	r.out = nil
	return b
}

// flush sends what was kept, and returns how many bytes TCP has taken since the beginning.
func (r *Records) flush() (sent int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.push()
	return r.sent, r.err
}

func (r *Records) queuedBytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queued
}

// push sends what is kept. The caller holds the lock.
func (r *Records) push() {
	if r.filled > 0 && r.err == nil {
		_, _ = r.send(r.out.B[:r.filled])
	}
	r.filled = 0
}

func (r *Records) send(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.Conn.Write(p)
	r.sent += int64(n)
	r.err = err
	return n, err
}

// Moved returns the bytes that came from the socket and went to it, handshake and TLS's own included. It is for the end:
// whoever reads or writes must be done.
func (r *Records) Moved() (in, out int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in.total, r.sent
}

// Release gives the read buffer back, after the connection was closed and nobody reads it any more.
func (r *Records) Release() { r.in.Close() }
