package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/valyala/bytebufferpool"
)

// Bounds of response frames, in bytes.
const (
	maxWhole    = 100 << 20 // what is held whole, for answers that must be rewritten
	maxObserved = 1 << 20   // what is held whole only to see its error
	maxHeld     = 64 << 10  // a Fetch answer with room for broker endpoints is held whole up to here
)

// responses is the response pump: it reads the broker's answers, accounts and rewrites them, and hands them to the
// client with one write per read, or moves them in kernel mode. It belongs to its goroutine, before and after that to
// serve.
type responses struct {
	c      *conn
	r      *relay.Reader
	w      *relay.Writer
	count  relay.Counters
	kernel *relay.Kernel // made when it is first wanted
	gauge  relay.Gauge
	reader *api.Reader

	at       int                          // how far into the reader's bytes frames have been taken
	added    int                          // of them, how far they were given to the writer
	passing  int64                        // bytes of the open frame that pass unread
	size     int64                        // of that frame, its length bytes included
	passed   *api.Exchange                // the exchange of the frame that passes unread
	streamed int64                        // size of the open streamed frame, its length bytes included
	heads    bool                         // of which the head was not seen, and the length bytes wait for it
	messages int64                        // in whole batches of the open streamed frame
	traces   []Trace                      // of answers that are not with the client yet
	made     []*bytebufferpool.ByteBuffer // frames of ours that the writer holds until the flush
	began    time.Time                    // when the bytes being worked on came
	tight    time.Time                    // since when there is no room for more of the open frame; zero: there is
	moving   bool                         // kernel mode has the stream
	splices  bool                         // both legs are plain sockets: kernel mode can be had, as far as is known
	declined bool                         // kernel mode was shown a frame that is not for it
	copies   bool                         // no pipe was to be had: the rest of this frame goes through user mode
	owes     bool                         // the queue waits to hear that everything was handed over
}

var (
	errTags    = errors.New("tagged fields in a response header")
	errUnasked = errors.New("an answer that nobody asked for")
)

// errAnswer is something of the broker's that cannot be let pass.
type errAnswer struct{ err error }

func (e errAnswer) Error() string { return e.err.Error() }
func (e errAnswer) Unwrap() error { return e.err }

// start prepares the pump, once both sides are there.
func (s *responses) start() {
	c := s.c
	s.r = relay.NewReader(c.up.conn, c.p.pool, &s.count)
	s.w = relay.NewWriter(c.client, c.p.pool, &s.count)
	s.gauge.Mode = c.p.opt.Mode
	s.reader = api.NewReader(c.log, s.batch)
	s.splices = c.client == c.raw && c.up.conn == c.up.raw && s.gauge.Mode != relay.ModeUser
}

// batch hears of every batch that is read.
func (s *responses) batch(d *access.Decision, bytes int64, messages int32) {
	s.gauge.Batch(bytes)
	s.messages += int64(messages)
	s.c.p.totals.read[d.Said()].add(Moved{Messages: int64(messages), Bytes: bytes})
}

// run pumps until the broker ends or something fails.
func (s *responses) run() error {
	err := s.pump()
	if errors.Is(err, api.ErrRevoked) {
		s.w.Drop()
		s.c.cut(&cause{word: "access revoked", err: err})
	}
	return err
}

func (s *responses) pump() error {
	for {
		if err := s.ownAnswers(); err != nil {
			return err
		}
		if s.useKernel() {
			if err := s.kernelMode(); err != nil {
				return err
			}
			continue
		}
		if err := s.fill(); err != nil {
			return err
		}
		if err := s.answers(); errors.Is(err, api.ErrRevoked) {
			return err // and nothing more reaches the client
		} else if err != nil {
			return errors.Join(err, s.flush())
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// fill waits for bytes of the broker. It returns without any when the pump was woken to look around.
func (s *responses) fill() error {
	m := &s.c.meter
	open := s.r.Len() > 0 || s.midFrame()
	m.response.set(openOr(open))
	before := s.r.Len()
	err := s.r.Fill()
	s.began = time.Now()
	m.brokerIn.Add(int64(s.r.Len() - before))
	switch {
	case err == nil:
		s.tight = time.Time{}
		s.tick(s.began)
		return nil
	case errors.Is(err, relay.ErrNoRoom) && s.c.awaitsRoom(&s.tight):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.woken()
	case errors.Is(err, io.EOF) && open:
		return io.ErrUnexpectedEOF
	}
	return err
}

// woken takes the deadline back that woke the pump, before it looks around: whoever sets it again is not missed.
func (s *responses) woken() error {
	_ = s.c.up.raw.SetReadDeadline(time.Time{}) // an error shows at the next read
	if s.c.queue.isClosed() {
		return errQueueClosed
	}
	s.tick(time.Now())
	return nil
}

// tick lets the log close what is due, and says when it is due next.
func (s *responses) tick(now time.Time) {
	if due := s.c.due.Load(); due != 0 && now.UnixNano() >= due {
		s.c.log.Tick(now)
	}
	s.schedule()
}

func (s *responses) schedule() {
	var at int64
	if due := s.c.log.Due(); !due.IsZero() {
		at = due.UnixNano()
	}
	if at != s.c.due.Load() {
		s.c.due.Store(at)
	}
}

func (s *responses) midFrame() bool {
	_, open := s.reader.Open()
	return open || s.passing > 0
}

// ownAnswers gives the answers of ours whose turn it is, and accounts for requests that have none.
func (s *responses) ownAnswers() error {
	if s.moving || s.midFrame() || s.r.Len() > 0 {
		return nil
	}
	if err := s.locals(); err != nil {
		return err
	}
	return s.flush()
}

// locals takes our answers from the head of the queue into the writer.
func (s *responses) locals() error {
	for {
		e, ok := s.c.queue.first()
		if !ok || e.kind != local && e.kind != silent {
			return nil
		}
		if e.kind == silent {
			e.x.ProduceUnanswered(s.c.log)
			s.trace(e.x, 0)
		} else {
			s.stage() // what came before it goes before it
			s.w.Add(e.answer)
			s.reader.Pass(int64(len(e.answer)))
			e.x.Account(s.c.log, int64(len(e.answer)), false)
			s.trace(e.x, int64(len(e.answer)))
		}
		s.pop()
		e.x.Free()
		s.schedule()
	}
}

// pop takes the head off the queue, which learns from settle when its answer is with the client.
func (s *responses) pop() {
	s.c.queue.pop()
	s.owes = true
}

// settle tells the queue once nothing is open and everything that passed was handed over.
func (s *responses) settle() {
	if s.owes && s.passing == 0 && s.reader.Settled() {
		s.owes = false
		s.c.queue.settle()
	}
}

// answers takes frames from the reader's bytes until there is no whole one left.
func (s *responses) answers() error {
	for {
		p := s.r.Bytes()[s.at:]
		var more bool
		var err error
		switch _, open := s.reader.Open(); {
		case open:
			more, err = s.onStream(p)
		case s.passing > 0:
			more = s.onPassing(p)
		default:
			more, err = s.onFrame(p)
		}
		if err != nil || !more {
			return err
		}
	}
}

// take counts n bytes as ready to go out as they came.
func (s *responses) take(n int) { s.at += n }

// stage gives the writer what is ready and was not given before.
func (s *responses) stage() {
	if s.at > s.added {
		s.w.Add(s.r.Bytes()[s.added:s.at])
		s.added = s.at
	}
}

// replace gives the writer a frame of ours in place of the next n bytes.
func (s *responses) replace(n int, frame []byte) {
	s.stage()
	s.w.Add(frame)
	s.at += n
	s.added = s.at
}

// flush hands everything that is ready to the client, and drops it from the reader.
func (s *responses) flush() error {
	s.stage()
	var err error
	if s.w.Len() > 0 {
		if err = s.reader.Commit(); err != nil {
			s.w.Drop()
			return err
		}
		var n int64
		s.c.meter.response.set(writing)
		n, err = s.w.Flush()
		s.c.meter.response.set(resting)
		s.c.meter.clientOut.Add(n)
		s.reader.Release(n)
		s.show()
		s.schedule()
		s.c.p.totals.response.observe(time.Since(s.began))
		s.made = putBack(s.made)
		if err != nil {
			return fmt.Errorf("writing to the client: %w", err)
		}
	}
	s.r.Consume(s.added)
	s.at, s.added = 0, 0
	s.settle()
	return nil
}

// onFrame begins a frame: the head of the queue says whose answer it is. It returns false when more bytes are needed.
func (s *responses) onFrame(p []byte) (bool, error) {
	if err := s.locals(); err != nil {
		return false, err
	}
	if len(p) < 4 {
		return false, nil
	}
	size := int(int32(binary.BigEndian.Uint32(p)))
	e, ok := s.c.queue.first()
	switch {
	case !ok:
		return false, errAnswer{errUnasked}
	case e.kind == rawToken:
		return s.onRawToken(p, size)
	case size < 4:
		return false, errAnswer{fmt.Errorf("an answer of %d bytes", size)}
	case len(p) < 8:
		return false, nil
	}
	if got := int32(binary.BigEndian.Uint32(p[4:])); got != e.correlation {
		return false, errAnswer{fmt.Errorf("answer %d came where %d was due", got, e.correlation)}
	}
	switch {
	case e.kind == own:
		return s.onOwn(p, size)
	case e.x.Streams():
		return s.beginStream(e, p, size)
	case e.x.Produces() || e.x.NeedsResponse(size <= maxObserved):
		return s.onWhole(e, p, size)
	}
	s.answering(e.x)
	s.passing, s.size, s.passed = int64(4+size), int64(4+size), e.x
	s.pop()
	return true, nil
}

// held says whether the frame is in p as a whole; else the reader is told to hold it.
func (s *responses) held(p []byte, size int) (bool, error) {
	if size > maxWhole {
		return false, errAnswer{fmt.Errorf("an answer of %d bytes that would have to be rewritten", size)}
	}
	if len(p) < 4+size {
		s.r.Want(s.at - s.added + 4 + size)
		return false, nil
	}
	s.r.Want(0)
	return true, nil
}

// onWhole handles an answer that is read whole.
func (s *responses) onWhole(e entry, p []byte, size int) (bool, error) {
	if ok, err := s.held(p, size); err != nil || !ok {
		return false, err
	}
	x, frame := e.x, p[4:4+size]
	s.answering(x)
	buf := bytebufferpool.Get()
	buf.B = append(buf.B[:0], 0, 0, 0, 0)
	var out []byte
	var err error
	if x.Produces() {
		out, err = x.AccountProduce(buf.B, frame, s.c.log)
		for v, m := range x.Written() {
			s.c.p.totals.written[v].add(m)
		}
	} else {
		out, err = x.Respond(buf.B, frame)
	}
	if err == nil && isAuth(x.API.Key) {
		err = s.authenticated(x)
	}
	if err != nil {
		bytebufferpool.Put(buf)
		var barred errBarred
		if errors.As(err, &barred) {
			s.refuseLogin(x, 4+size, barred.by)
			return false, err
		}
		return false, errAnswer{err}
	}
	s.c.p.transactions.answered(s.c, x)
	sent := 4 + size
	if &out[0] == &frame[0] {
		bytebufferpool.Put(buf)
		s.take(4 + size)
	} else {
		buf.B = out
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		s.made = append(s.made, buf)
		s.replace(4+size, out)
		sent = len(out)
	}
	s.reader.Pass(int64(sent))
	s.failed(x)
	if !x.Produces() {
		x.Account(s.c.log, int64(sent), false)
	}
	s.trace(x, int64(sent))
	s.pop()
	x.Free()
	s.schedule()
	return true, nil
}

// authenticated takes the answer to a handshake or a token, before the client gets it.
func (s *responses) authenticated(x *api.Exchange) error {
	g := &s.c.requests.gate // ours while the request pump waits for this answer
	switch r := x.Answer.(type) {
	case *kmsg.SASLHandshakeResponse:
		return g.handshakeAnswer(r.ErrorCode)
	case *kmsg.SASLAuthenticateResponse:
		return g.tokenAnswer(s.c, r.SASLAuthBytes, r.ErrorCode)
	}
	return nil
}

// onRawToken handles the answer to a token without a header.
func (s *responses) onRawToken(p []byte, size int) (bool, error) {
	if size < 0 || size > authFrame {
		return false, errAnswer{fmt.Errorf("a SASL token of %d bytes", size)}
	}
	if ok, err := s.held(p, size); err != nil || !ok {
		return false, err
	}
	if err := s.c.requests.gate.tokenAnswer(s.c, p[4:4+size], 0); err != nil {
		return false, errAnswer{err}
	}
	s.take(4 + size)
	s.reader.Pass(int64(4 + size))
	s.pop()
	return true, nil
}

// onOwn takes the answer to a question of our own; nothing of it reaches the client.
func (s *responses) onOwn(p []byte, size int) (bool, error) {
	if ok, err := s.held(p, size); err != nil || !ok {
		return false, err
	}
	e, _ := s.c.queue.first()
	if e.inquiry != nil {
		if err := e.inquiry.take(p[4 : 4+size]); err != nil {
			return false, errAnswer{fmt.Errorf("what was asked before a request: %w", err)}
		}
	} else if err := s.c.learn(p[4 : 4+size]); err != nil {
		return false, errAnswer{fmt.Errorf("the names of topic ids: %w", err)}
	}
	s.replace(4+size, nil)
	s.pop()
	return true, nil
}

// onPassing lets the rest of a frame pass unread.
func (s *responses) onPassing(p []byte) bool {
	n := min(s.passing, int64(len(p)))
	if n == 0 {
		return false
	}
	s.take(int(n))
	s.reader.Pass(n)
	if s.passing -= n; s.passing == 0 {
		s.passed.Account(s.c.log, s.size, false)
		s.trace(s.passed, s.size)
		s.passed.Free()
		s.passed = nil
		s.schedule()
	}
	return true
}

// why says what an error of run means for the session.
func (s *responses) why(err error) *cause {
	var bad errAnswer
	var barred errBarred
	switch {
	case errors.Is(err, errQueueClosed):
		return causeClient
	case errors.As(err, &barred): // before what it is wrapped in
		return quarantined(barred.by)
	case errors.Is(err, journal.ErrUnnoted):
		return &cause{word: "an answer of which there would be no record", err: err, warn: true}
	case errors.Is(err, relay.ErrNoRoom):
		return &cause{word: "no room for the answer under limits.buffers", warn: true}
	case errors.As(err, &bad):
		return &cause{word: "bad answer", err: err, warn: true}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &cause{word: "broker closed in the middle of an answer"}
	case errors.Is(err, io.EOF):
		return causeBroker
	}
	return &cause{word: "response side failed", err: err}
}

// finish ends the pump: the client hears the end after the last answer, and the request pump is woken.
func (s *responses) finish() {
	c := s.c
	c.queue.close()
	if !c.resets.Load() {
		closeWrite(c.client)
	}
	_ = c.raw.SetReadDeadline(past)
	s.r.Close()
	s.reader.Forfeit()
	if s.kernel != nil {
		s.kernel.Close()
	}
	if x := s.passed; x != nil {
		s.passed = nil
		x.Abandon(c.log)
		x.Free()
	}
	if x := s.reader.Done(); x != nil {
		x.Free()
	}
}
