package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// ErrNoRoom says that a buffer must grow for a frame that is to be held whole, and that the pool's limit forbids it.
// Nothing is lost: Bytes still has what came, and Fill may be called again when others have given buffers back.
var ErrNoRoom = errors.New("relay: no room for the frame under the buffer limit")

// ErrElement says that the Scanner wants to see more than MaxElement bytes, or more than the owner wants, at once.
var ErrElement = errors.New("relay: element larger than the buffer may grow")

const (
	firstSize = 32 << 10   // a fresh Reader's buffer
	maxSize   = 256 << 10  // what it grows to while reads fill it; Want goes beyond. Larger ones leave the cache, and slow readers pin them
	keepSmall = 32 << 10   // unconsumed bytes above this are not copied only to gain room behind them
	smallRuns = 8          // so many reads under a quarter of the buffer halve it
	tlsRecord = 16<<10 + 1 // room that takes any TLS record's content and is not full with it
)

// A Reader is the reading end of one direction of a connection.
//
// On a *net.TCPConn it owns no buffer while it waits, unless bytes that were read are not consumed yet: then a buffer
// just large enough for them. On a *tls.Conn over Records the same holds for the plaintext. On any other
// net.Conn it waits with a buffer of 4 KiB. While reads fill the buffer it doubles, from 32 KiB to 256 KiB.
//
// A Reader belongs to one goroutine. SetReadDeadline on the connection may be called from any.
type Reader struct {
	conn    net.Conn
	raw     syscall.RawConn // of a plain TCP connection; else nil
	records *Records        // under a *tls.Conn; else nil
	pool    *Pool
	count   *Counters

	buf        *Buf
	start, end int // unconsumed bytes of buf.B
	want       int
	size       int  // the buffer to take next
	small      int  // reads under a quarter of it, in a row
	full       bool // the last read filled the buffer (not on TCP)
	lowWater   int

	// Callbacks as values, made once: a method value made at each call would allocate.
	tryFD    func(fd uintptr) bool
	queuedFD func(fd uintptr)
	lowFD    func(fd uintptr)

	total int64 // ever read
	got   int
	err   error
	ended error // what crypto/tls said behind the last bytes it gave: it will not say so to who waits for TCP
}

// NewReader returns a Reader on c. Counters may be nil. A *net.TCPConn must come as itself: a wrapper around it makes
// an ordinary net.Conn of it.
func NewReader(c net.Conn, pool *Pool, count *Counters) *Reader {
	if count == nil {
		count = new(Counters)
	}
	r := &Reader{conn: c, pool: pool, count: count, size: firstSize, lowWater: 1}
	r.tryFD, r.queuedFD, r.lowFD = r.try, r.askQueued, r.applyLowWater
	switch c := c.(type) {
	case *net.TCPConn:
		r.raw = rawRead(c)
	case interface{ NetConn() net.Conn }: // *tls.Conn
		if r.records, _ = c.NetConn().(*Records); r.records != nil {
			r.records.in.count = count
		}
	}
	return r
}

// Bytes returns what was read and not consumed. It is valid until the next Fill, Consume of all, or Close.
func (r *Reader) Bytes() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf.B[r.start:r.end]
}

// Len returns how many bytes were read and not consumed.
func (r *Reader) Len() int { return r.end - r.start }

// Consume drops the first n bytes, n being at most Len.
func (r *Reader) Consume(n int) {
	if n < 0 || n > r.Len() {
		panic("relay: consume beyond what was read")
	}
	r.start += n
}

// Want says that the open frame needs n bytes in a row: the buffer may grow to hold them, by doubling as bytes arrive
// and never ahead of them. 0 takes it back.
func (r *Reader) Want(n int) { r.want = n }

// Fill waits until at least one byte more was read, and appends it to Bytes. Errors: io.EOF at the end of the stream;
// os.ErrDeadlineExceeded itself, whereupon Fill may be called again; ErrNoRoom and ErrElement if the buffer is full
// and may not grow; else what the connection says.
func (r *Reader) Fill() error {
	r.got, r.err = 0, nil
	switch {
	case r.raw != nil:
		if err := r.raw.Read(r.tryFD); err != nil {
			r.err = err
		}
	case r.records != nil:
		r.fillRecords()
	default:
		r.fillConn()
	}
	if r.got > 0 {
		if r.records == nil { // there, the calls below TLS count
			r.count.reads.Add(1)
		}
		r.adapt()
		return nil
	}
	return deadline(r.err)
}

// Close gives the buffer back and forgets what was not consumed. It does not close the connection.
func (r *Reader) Close() {
	r.pool.Put(r.buf)
	r.buf, r.start, r.end = nil, 0, 0
}

// try is the callback of RawConn.Read, which holds the descriptor's lock: it never blocks. False waits.
func (r *Reader) try(fd uintptr) bool {
	b, err := r.room(r.size, 1)
	if err != nil {
		r.err = err
		return true
	}
	n, err := readFD(fd, b)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		r.shrink()
		r.count.waits.Add(1)
		return false
	case err != nil:
		r.err = err
	case n == 0:
		r.err = io.EOF
	default:
		r.took(n)
	}
	return true
}

func (r *Reader) took(n int) {
	r.end += n
	r.got += n
	r.total += int64(n)
}

// fillConn reads from a connection of which nothing is known. It may block with the buffer in hand, so the buffer is
// small unless the last read filled its own.
func (r *Reader) fillConn() {
	size := MinBuffer
	if r.full {
		size = r.size
	}
	b, err := r.room(size, 1)
	if err != nil {
		r.err = err
		return
	}
	n, err := r.conn.Read(b)
	r.took(n)
	r.full = n == len(b)
	if n == 0 {
		r.err = err
		r.shrink()
	}
}

// fillRecords waits without a buffer until a whole TLS record is at hand, then takes all whole ones that fit.
func (r *Reader) fillRecords() {
	if r.err = r.ended; r.err != nil {
		r.shrink()
		return
	}
	if !r.full { // else crypto/tls still has some of the last record
		if !r.records.whole() {
			r.shrink()
		}
		if err := r.records.await(); err != nil && isDeadline(err) {
			r.err = err
			return
		}
		// With any other error crypto/tls has the last word: it knows whether the stream may end here.
	}
	for {
		b, err := r.roomForRecord()
		if err != nil {
			r.err = err
			return
		}
		n, err := r.conn.Read(b)
		r.took(n)
		r.full = n == len(b)
		switch {
		case err != nil && r.got == 0:
			r.err = err
			r.shrink()
		case err != nil && !isDeadline(err):
			r.ended = err
		}
		if err != nil || !r.records.whole() || len(r.buf.B)-r.end < tlsRecord {
			return
		}
	}
}

// roomForRecord returns room for the content of a whole record, so that crypto/tls keeps nothing back; less only if
// the pool's limit leaves no choice.
func (r *Reader) roomForRecord() ([]byte, error) {
	b, err := r.room(r.size, 1)
	if err == nil && len(b) < tlsRecord {
		if more, err := r.grow(tlsRecord); err == nil {
			return more, nil
		}
	}
	return b, err
}

// room returns free space behind the unconsumed bytes, at least need bytes of it, in a buffer of about size bytes:
// less where the pool's limit forbids it, more where the bytes in it ask for it.
func (r *Reader) room(size, need int) ([]byte, error) {
	held := r.Len()
	switch {
	case held == 0:
		r.start, r.end = 0, 0
		if r.buf == nil || len(r.buf.B) != size {
			r.Close()
			r.buf = r.lend(size, 0)
		}
	case r.start > 0:
		copy(r.buf.B, r.buf.B[r.start:r.end])
		r.start, r.end = 0, held
		fallthrough
	default:
		if held < keepSmall && len(r.buf.B) < size {
			r.move(r.lend(size, len(r.buf.B)))
		}
	}
	if len(r.buf.B)-r.end >= need {
		return r.buf.B[r.end:], nil
	}
	return r.grow(need)
}

// grow doubles a full buffer, up to what the frame wants or an element may need.
func (r *Reader) grow(need int) ([]byte, error) {
	limit := max(r.want, MaxElement)
	if r.end >= limit {
		return nil, ErrElement
	}
	next := 2 * len(r.buf.B)
	if r.want > len(r.buf.B) {
		next = min(next, max(r.want, r.end+need))
	}
	b := r.pool.TryGet(max(next, r.end+need))
	if b == nil {
		return nil, ErrNoRoom
	}
	r.move(b)
	return b.B[r.end:], nil
}

// lend asks for size bytes and, if the limit forbids, for half as many, and so on: for more than have bytes, or nil.
// To a Reader that has none, the smallest buffer is granted over the limit.
func (r *Reader) lend(size, have int) *Buf {
	for ; size > have && size > MinBuffer; size /= 2 {
		if b := r.pool.TryGet(size); b != nil {
			return b
		}
	}
	if have > 0 {
		return nil
	}
	return r.pool.Get(MinBuffer)
}

// move carries the unconsumed bytes over to b; nil is allowed.
func (r *Reader) move(b *Buf) {
	if b == nil {
		return
	}
	held := copy(b.B, r.Bytes())
	r.pool.Put(r.buf)
	r.buf, r.start, r.end = b, 0, held
}

// shrink leaves what must be kept while waiting, and no more.
func (r *Reader) shrink() {
	held := r.Len()
	if held == 0 {
		r.Close()
		return
	}
	if _, size := sizeClass(held + 1); size <= len(r.buf.B)/2 {
		r.move(r.pool.Get(size))
	}
}

// adapt chooses the size of the next buffer from how far the last read filled this one.
func (r *Reader) adapt() {
	slack := 0
	if r.records != nil {
		slack = tlsRecord - 1
	}
	switch {
	case len(r.buf.B)-r.end <= slack:
		r.small = 0
		if r.size < maxSize && len(r.buf.B) >= r.size {
			r.size *= 2
		}
	case r.got < r.size/4:
		if r.small++; r.small >= smallRuns && r.size > firstSize {
			r.size /= 2
			r.small = 0
		}
	}
}

func isDeadline(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// deadline returns os.ErrDeadlineExceeded itself for any error that wraps it, and other errors as they are.
func deadline(err error) error {
	if isDeadline(err) {
		return os.ErrDeadlineExceeded
	}
	return err
}
