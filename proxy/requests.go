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
	"doorkeeper/protocol"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/valyala/bytebufferpool"
)

// Bounds of a request frame, in bytes. Kafka's own is socket.request.max.bytes, 100 MiB, which only a Produce gets near;
// everything else is decoded whole, and names at most some thousand resources.
const (
	maxProduce = 100 << 20
	maxRequest = 4 << 20
)

// requests is the request pump: it reads frames of the client, decides, and hands them to the broker with one write per
// read. It belongs to the goroutine of conn.serve.
type requests struct {
	c     *conn
	r     *relay.Reader
	w     *relay.Writer // nil before the dial
	count relay.Counters

	at      int                          // how far into the reader's bytes frames have been taken
	ready   int                          // bytes [0,ready) may go out; [0,added) were given to the writer
	added   int                          //
	produce *api.Exchange                // the open Produce frame, nil if none
	scanned int                          // how far into the reader's bytes its scanner is
	body    int                          // of its bytes, its length bytes included, where its header ends
	streams bool                         // its bytes go out as they come
	drops   bool                         // its bytes go nowhere from here on: see drop
	made    []*bytebufferpool.ByteBuffer // frames of ours that the writer holds until the flush

	client *access.Client
	gate   gate
	lookup lookup
	looked look // for quarantines

	unwelcome unwelcomes

	ended       *api.Exchange // of the request that ended the connection, nil if none did
	transaction *transaction  // the one seen last, nil if none
	began       time.Time     // when the bytes being worked on came
	tight       time.Time     // since when there is no room for more of the open frame; zero: there is
}

// errFrame is a request that cannot be let pass. The connection ends, as a broker would end it.
type errFrame struct{ err error }

func (e errFrame) Error() string { return e.err.Error() }
func (e errFrame) Unwrap() error { return e.err }

func refuse(format string, args ...any) error { return errFrame{fmt.Errorf(format, args...)} }

var (
	errDrained = errors.New("drained")
	errBroker  = errors.New("writing to the broker")
	errDial    = errors.New("no broker")
)

// run pumps until the client ends, the response pump ends, or something fails.
func (q *requests) run() error {
	q.r = relay.NewReader(q.c.client, q.c.p.pool, &q.count)
	for {
		if err := q.fill(); err != nil {
			return err
		}
		if err := q.frames(); err != nil {
			if !errors.Is(err, errQueueClosed) {
				_ = q.flush() // what was decided before goes out; the first error is the one that counts
			}
			return err
		}
		if err := q.flush(); err != nil {
			return err
		}
	}
}

// fill waits for bytes of the client.
func (q *requests) fill() error {
	for {
		open := q.r.Len() > 0 || q.produce != nil
		if !open && q.c.p.draining.Load() {
			return q.drain()
		}
		q.c.meter.request.set(openOr(open))
		before := q.r.Len()
		err := q.r.Fill()
		switch {
		case err == nil:
			q.c.meter.clientIn.Add(int64(q.r.Len() - before))
			q.began, q.tight = time.Now(), time.Time{}
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := q.woken(); err != nil {
				return err
			}
		case errors.Is(err, relay.ErrNoRoom) && q.produce != nil && !q.streams && !q.drops:
			return q.noRoom()
		case errors.Is(err, relay.ErrNoRoom) && q.c.awaitsRoom(&q.tight):
		case errors.Is(err, io.EOF) && open:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
}

// woken takes the deadline back that woke the pump, before it looks around: the response pump has ended, or the proxy
// drains.
func (q *requests) woken() error {
	_ = q.c.raw.SetReadDeadline(time.Time{}) // an error shows at the next read
	if q.c.queue.isClosed() {
		return errQueueClosed
	}
	return nil
}

// drain waits until everything asked was answered.
func (q *requests) drain() error {
	if err := q.c.queue.settled(); err != nil {
		return err
	}
	return errDrained
}

// linger reads on for a moment after the client was told the end: a close with unread bytes would be a reset, and could
// take the last answer with it.
func (q *requests) linger() {
	_ = q.c.raw.SetReadDeadline(time.Now().Add(parting))
	q.r.Want(0)
	for {
		q.r.Consume(q.r.Len())
		if err := q.r.Fill(); err != nil {
			return
		}
	}
}

// frames takes frames from the reader's bytes until there is no whole one left.
func (q *requests) frames() error {
	for {
		if q.produce != nil {
			if done, err := q.onProduce(); err != nil || !done {
				return err
			}
			continue
		}
		if err := q.muted(); err != nil {
			return err
		}
		p := q.r.Bytes()[q.at:]
		if len(p) < 4 {
			return nil
		}
		size := int(int32(binary.BigEndian.Uint32(p)))
		if q.gate.raw() {
			if err := q.bounds(p, size, authFrame, 0); err != nil {
				return err
			}
			if len(p) < 4+size {
				q.want(size)
				return nil
			}
			if err := q.rawToken(p[:4+size]); err != nil {
				return err
			}
			continue
		}
		if len(p) < 6 {
			return q.bounds(p, size, maxProduce, 8)
		}
		key := int16(binary.BigEndian.Uint16(p[4:]))
		if err := q.bounds(p, size, q.limit(key), 8); err != nil {
			return err
		}
		if key == int16(kmsg.Produce) {
			begun, err := q.beginProduce(p, size)
			if err != nil || !begun {
				return err
			}
			continue
		}
		if len(p) < 4+size {
			q.want(size)
			return nil
		}
		if err := q.frame(p[:4+size]); err != nil {
			return err
		}
	}
}

// limit is the size that a frame of the given API may have.
func (q *requests) limit(key int16) int {
	switch {
	case q.gate.phase == exchange, q.gate.phase == fresh && (isAuth(key) || key == int16(kmsg.ApiVersions)):
		return authFrame
	case key == int16(kmsg.Produce):
		return maxProduce
	}
	return maxRequest
}

func (q *requests) bounds(p []byte, size, most, least int) error {
	if p[0] == 0x16 && p[1] == 0x03 {
		return refuse("TLS client on a plaintext listener")
	}
	if size < least || size > most {
		return refuse("a request of %d bytes is outside %d to %d", size, least, most)
	}
	return nil
}

// want lets the reader hold the open frame whole.
func (q *requests) want(size int) { q.r.Want(q.at + 4 + size) }

// take counts a frame of n bytes, its length bytes included, as ready to go out as it came.
func (q *requests) take(n int) {
	q.at += n
	q.ready = q.at
}

// cut gives the writer what is ready so far, so that something else can follow it, and leaves out n bytes.
func (q *requests) cut(n int) {
	q.stage()
	q.at += n
	q.ready, q.added = q.at, q.at
}

// stage gives the writer the bytes that are ready and were not given before.
func (q *requests) stage() {
	if q.ready > q.added {
		q.w.Add(q.r.Bytes()[q.added:q.ready])
		q.added = q.ready
	}
}

// flush hands everything that is ready to the broker, and drops it from the reader.
func (q *requests) flush() error {
	if q.w != nil {
		q.stage()
		if q.w.Len() > 0 {
			q.c.meter.request.set(writing)
			n, err := q.w.Flush()
			q.c.meter.request.set(resting)
			q.c.meter.brokerOut.Add(n)
			q.made = putBack(q.made)
			if err != nil {
				return fmt.Errorf("%w: %w", errBroker, err)
			}
			q.c.p.totals.request.observe(time.Since(q.began))
		}
	}
	q.r.Consume(q.added)
	q.at -= q.added
	q.scanned -= q.added
	q.ready, q.added = 0, 0
	if q.at == 0 && q.produce == nil && q.r.Len() == 0 {
		q.r.Want(0)
	}
	return nil
}

// putBack gives the buffers of frames back, once the writer has handed them over.
func putBack(made []*bytebufferpool.ByteBuffer) []*bytebufferpool.ByteBuffer {
	for i, b := range made {
		bytebufferpool.Put(b)
		made[i] = nil
	}
	return made[:0]
}

// push puts an entry into the queue. While the queue is full the client is not read: that is the backpressure.
func (q *requests) push(e entry) error {
	if e.x != nil {
		q.c.p.totals.decided(e.x)
		q.c.p.sample(e.x, e.kind)
	}
	if e.kind == forwarded || e.kind == silent {
		q.c.p.transactions.asked(q.c, e.x)
	}
	for {
		ok, err := q.c.queue.tryPush(e)
		if err != nil {
			return err
		}
		if ok {
			break
		}
		if err := q.flush(); err != nil {
			return err
		}
		q.c.meter.request.set(resting)
		q.c.queue.wait()
	}
	if e.kind == local || e.kind == silent {
		q.c.nudgeResponses()
	}
	return nil
}

// barrier waits until everything sent so far was answered: nothing may be decided before.
func (q *requests) barrier() error {
	if err := q.flush(); err != nil {
		return err
	}
	q.c.meter.request.set(resting)
	return q.c.queue.drained()
}

// hold lets the client wait: nothing more of it is read for a while. What was decided before goes out. A proxy that drains
// waits no longer.
func (q *requests) hold(d time.Duration) error {
	if err := q.flush(); err != nil {
		return err
	}
	for end := time.Now().Add(d); !q.c.p.draining.Load(); {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		if err := q.rest(left); err != nil {
			return err
		}
	}
	return nil
}

// why says what an error of run means for the session.
func (q *requests) why(err error) *cause {
	var bad errFrame
	switch {
	case errors.Is(err, errDrained):
		return causeDrained
	case errors.Is(err, errQueueClosed):
		return causeBroker // the response pump gave the reason, or kill did
	case errors.Is(err, errSilent):
		return causeDenied
	case errors.Is(err, relay.ErrNoRoom):
		return &cause{word: "no room for the request under limits.buffers", warn: true}
	case errors.As(err, &bad):
		return &cause{word: "bad request", err: err, warn: true}
	case errors.Is(err, errDial):
		return &cause{word: "request side failed", err: err, warn: true}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &cause{word: "client closed in the middle of a request"}
	case errors.Is(err, io.EOF):
		return causeClient
	}
	return &cause{word: "request side failed", err: err}
}

func (q *requests) free() {
	if q.r != nil {
		q.r.Close()
	}
	q.account(nil)
}

// account writes down the request that ended the connection, or that was open when it ended, and gives it up. log nil:
// there is none.
func (q *requests) account(log *journal.Log) {
	for _, x := range [2]*api.Exchange{q.ended, q.produce} {
		if x == nil {
			continue
		}
		if log != nil {
			x.Ended(log)
		}
		x.Free()
	}
	q.ended, q.produce = nil, nil
}

// header reads a frame's header and finds its row.
func (q *requests) header(frame []byte) (protocol.RequestHeader, *api.API, error) {
	h, err := protocol.ParseRequestHeader(frame)
	if err != nil {
		return h, nil, errFrame{err}
	}
	a := api.Lookup(h.Key)
	if a == nil {
		return h, nil, refuse("API key %d is not one that clients use", h.Key)
	}
	if (h.Version > a.Max || h.Version < 0) && h.Key != int16(kmsg.ApiVersions) {
		return h, nil, refuse("%s version %d is not known", a.Name(), h.Version)
	}
	if err := q.gate.passes(q.c, h.Key); err != nil {
		return h, nil, errFrame{err}
	}
	q.named(h.ClientID)
	if err := q.barred(); err != nil {
		return h, nil, err
	}
	if q.w == nil {
		q.c.meter.request.set(resting)
		if err := q.c.dial(); err != nil {
			return h, nil, fmt.Errorf("%w: %w", errDial, err)
		}
	}
	return h, a, nil
}

// exchange makes the exchange of one request.
func (q *requests) exchange(h *protocol.RequestHeader, a *api.API, size int) *api.Exchange {
	x := api.NewExchange()
	x.Env, x.API = &q.c.env, a
	x.Request = access.Request{
		Session: q.c.session, Identity: q.c.identity.Load(), Client: q.client,
		API: h.Key, Version: h.Version, ReplicaID: -1,
	}
	x.Correlation, x.Received, x.BytesIn = h.Correlation, q.began, int64(4+size)
	q.c.p.totals.requests[h.Key].Add(1)
	q.c.lastAPI.Store(int32(h.Key))
	return x
}

// maxClientID is how much of a client id is kept, in bytes: it stands in every record, and the protocol lets it have
// 32 KiB before anybody has logged in.
const maxClientID = 1024

// named takes the client id of a request; the client stays the same value unless it changed.
func (q *requests) named(id []byte) {
	id = id[:min(len(id), maxClientID)]
	if q.client == nil || q.client.ID != string(id) {
		n := access.Client{ID: string(id)}
		if q.client != nil {
			n.SoftwareName, n.SoftwareVersion = q.client.SoftwareName, q.client.SoftwareVersion
		}
		q.c.says(n.ID)
		q.renamed(&n)
	}
}

func (q *requests) renamed(n *access.Client) {
	q.client = n
	q.c.who.Store(n)
}
