package relay

import "net"

const (
	chunk = 16 << 10  // the content of a full TLS record (RFC 8446, 5.1)
	cork  = 256 << 10 // records go out together in writes of about this size
)

// A Writer is the writing end of one direction of a connection: it collects segments and hands them over with one
// system call where the connection allows: write or writev on a *net.TCPConn; on a *tls.Conn over Records, a write per
// 256 KiB of full records.
//
// A Writer belongs to one goroutine.
type Writer struct {
	conn    net.Conn
	tcp     bool
	records *Records // under a *tls.Conn; else nil
	pool    *Pool
	count   *Counters

	segments net.Buffers // added; the first head of them were handed over
	head     int
	size     int64
	vector   net.Buffers // what writev takes away from; a field, since a local one would escape
}

// NewWriter returns a Writer on c. Counters may be nil. As with NewReader, a *net.TCPConn must come as itself.
func NewWriter(c net.Conn, pool *Pool, count *Counters) *Writer {
	if count == nil {
		count = new(Counters)
	}
	w := &Writer{conn: c, pool: pool, count: count}
	switch c := c.(type) {
	case *net.TCPConn:
		w.tcp = true
	case interface{ NetConn() net.Conn }: // *tls.Conn
		w.records, _ = c.NetConn().(*Records)
	}
	return w
}

// Add appends p to what the next Flush hands over. p is not copied: it must stay as it is until then.
func (w *Writer) Add(p []byte) {
	if len(p) > 0 {
		w.segments = append(w.segments, p)
		w.size += int64(len(p))
	}
}

// Len returns how many bytes are added and not handed over.
func (w *Writer) Len() int64 { return w.size }

// Drop forgets what was not handed over.
func (w *Writer) Drop() {
	clear(w.segments)
	w.segments, w.head, w.size = w.segments[:0], 0, 0
}

// Flush hands everything over and returns how many bytes the connection took. On TCP that is exact, also with an
// error; the rest then stays for a further Flush, as is right after os.ErrDeadlineExceeded. On TLS a failed Flush
// cannot be repeated, and a chunk of up to 16 KiB counts as a whole once a byte of its records was handed over.
func (w *Writer) Flush() (n int64, err error) {
	switch {
	case w.size == 0:
		return 0, nil
	case !w.tcp && w.records != nil:
		n, err = w.flushRecords()
	case !w.tcp:
		n, err = w.flushChunks()
	case len(w.segments)-w.head == 1:
		n, err = w.flushOne()
	default:
		n, err = w.flushVector()
	}
	w.count.userBytes.Add(n)
	return n, deadline(err)
}

func (w *Writer) flushOne() (int64, error) {
	w.count.writes.Add(1)
	n, err := w.conn.Write(w.segments[w.head])
	w.drop(n)
	return int64(n), err
}

func (w *Writer) flushVector() (int64, error) {
	w.count.writes.Add(1)
	w.vector = w.segments[w.head:]
	n, err := w.vector.WriteTo(w.conn) // takes away from the segments what it wrote
	w.head = len(w.segments) - len(w.vector)
	w.size -= n
	if w.size == 0 {
		w.Drop()
	}
	return n, err
}

// flushChunks writes to a connection that takes one slice at a time.
func (w *Writer) flushChunks() (done int64, err error) {
	var stage *Buf
	defer func() { w.pool.Put(stage) }()
	for w.size > 0 && err == nil {
		var p []byte
		var n int
		p, stage = w.next(stage)
		w.count.writes.Add(1)
		n, err = w.conn.Write(p)
		done += int64(n)
		w.drop(n)
	}
	return done, err
}

// flushRecords lets records of full chunks gather below TLS and hands them over together.
func (w *Writer) flushRecords() (done int64, err error) {
	var stage *Buf
	defer func() { w.pool.Put(stage) }()
	w.records.cork(w.pool.Get(cork))
	defer func() { w.pool.Put(w.records.uncork()) }()

	var starts [cork / chunk]int64 // where the chunks' records start in the ciphertext
	var sizes [cork / chunk]int
	for w.size > 0 && err == nil {
		gathered := 0
		for ; w.size > 0 && err == nil && gathered < len(starts)-1; gathered++ {
			var p []byte
			p, stage = w.next(stage)
			starts[gathered], sizes[gathered] = w.records.queuedBytes(), len(p)
			_, err = w.conn.Write(p)
			w.drop(len(p))
		}
		w.count.writes.Add(1)
		sent, failed := w.records.flush()
		for i := range gathered {
			if starts[i] < sent {
				done += int64(sizes[i])
			}
		}
		if err == nil {
			err = failed
		}
	}
	return done, err
}

// next returns the next chunk and does not take it away. Short segments are joined in stage, which is lent if needed.
func (w *Writer) next(stage *Buf) ([]byte, *Buf) {
	p := w.segments[w.head]
	if len(p) >= chunk || w.head == len(w.segments)-1 {
		return p[:min(len(p), chunk)], stage
	}
	if stage == nil {
		stage = w.pool.Get(chunk)
	}
	n := 0
	for _, p := range w.segments[w.head:] {
		n += copy(stage.B[n:chunk], p)
	}
	return stage.B[:n], stage
}

// drop takes n bytes away from the front.
func (w *Writer) drop(n int) {
	w.size -= int64(n)
	if w.size == 0 {
		w.Drop()
		return
	}
	for n > 0 {
		p := w.segments[w.head]
		if n < len(p) {
			w.segments[w.head] = p[n:]
			return
		}
		n -= len(p)
		w.segments[w.head] = nil
		w.head++
	}
}
