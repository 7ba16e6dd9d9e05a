package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"doorkeeper/protocol"
	"doorkeeper/proxy/api"
)

// beginProduce opens a Produce frame of which p holds the first bytes. It returns false while its header is incomplete.
//
// The frame's scanner sees the bytes as they come. Until it has seen every topic, and so every topic was decided, they
// stay in the reader; from then on they go out as they come. A frame that is over limits.produce_frame, or that finds no
// room, goes out with what is decided so far: half-sent frames must not stop everyone else. One of which something may
// not pass: denied_produce.go.
func (q *requests) beginProduce(p []byte, size int) (bool, error) {
	frame := p[4:min(len(p), 4+size)]
	if len(frame) < size && headerIncomplete(frame) {
		if len(frame) > maxHeader {
			return false, refuse("a request header of more than %d bytes", maxHeader)
		}
		q.want(min(size, 2*maxHeader))
		return false, nil
	}
	h, a, err := q.header(frame)
	if err != nil {
		return false, err
	}
	q.unwelcome.welcome++
	x := q.exchange(&h, a, size)
	x.BeginProduce(int64(size - h.Body))
	q.produce, q.scanned, q.body, q.streams, q.drops = x, q.at+4+h.Body, 4+h.Body, false, false
	return true, nil
}

// maxHeader bounds a request header in bytes. It is read anew each time that more of it has come: one of megabytes, sent
// byte by byte, would be work for hours.
const maxHeader = 64 << 10

func headerIncomplete(frame []byte) bool {
	_, err := protocol.ParseRequestHeader(frame)
	return err != nil && tooShort(err)
}

func tooShort(err error) bool {
	var e *protocol.Error
	return errors.As(err, &e) && e.Reason == protocol.Short
}

// onProduce goes on with the open Produce frame. It returns false when more bytes are needed.
func (q *requests) onProduce() (done bool, err error) {
	x := q.produce
	scan := x.ProduceScanner()
	for n := 1; n > 0 && scan.Left() > 0; {
		n, err = scan.Scan(q.r.Bytes()[q.scanned:])
		q.scanned += n
		if err != nil {
			return false, errFrame{err}
		}
	}
	if !q.streams { // once a part has gone out, no question of ours fits in between
		if err := q.resolve(x); err != nil {
			return false, err
		}
	}
	switch {
	case q.drops || !x.Allowed():
		return q.onStopped()
	case scan.Left() == 0:
		return true, q.endProduce()
	case q.streams || x.ProduceDecided() || q.unheld():
		return false, q.stream()
	}
	q.holdProduce()
	return false, nil
}

// unheld says that the open frame is too large to be held whole.
func (q *requests) unheld() bool {
	return int64(q.scanned-q.at)+q.produce.ProduceScanner().Left() > q.c.p.limits.Load().ProduceFrame
}

// holdProduce lets the reader hold the open frame whole.
func (q *requests) holdProduce() {
	q.r.Want(q.scanned - q.added + int(q.produce.ProduceScanner().Left()))
}

// stream lets go what the scanner of the open Produce frame has seen, and from now on what it sees as it comes.
func (q *requests) stream() error {
	q.streams = true
	q.take(q.scanned - q.at)
	q.r.Want(0)
	return nil
}

// endProduce lets the frame's last bytes go, behind its entry in the queue.
func (q *requests) endProduce() error {
	x := q.produce
	e := entry{kind: forwarded, correlation: x.Correlation, x: x}
	if x.Silent() {
		e.kind = silent
	}
	q.produce = nil
	if err := q.limitWrite(x); err != nil {
		x.Free()
		return err
	}
	if err := q.push(e); err != nil {
		x.Free()
		return err
	}
	q.take(q.scanned - q.at)
	return nil
}

// frame handles one whole frame of any other API; whole has its length bytes.
func (q *requests) frame(whole []byte) error {
	h, a, err := q.header(whole[4:])
	if err != nil {
		return err
	}
	x := q.exchange(&h, a, len(whole)-4)
	if h.Version < 0 || h.Version > a.Max { // of ApiVersions
		return q.unsupported(x, len(whole))
	}
	if err := q.decide(x, whole[4+h.Body:]); err != nil {
		q.ended = x
		return err
	}
	r := x.Local()
	d := x.Hold()
	if d == 0 {
		d = q.unwelcome.wait(x, whole[4+h.Body:], r != nil, time.Now)
	}
	if d > 0 {
		if err := q.hold(d); err != nil {
			x.Free()
			return err
		}
	}
	if r == nil {
		if r, err = q.limitRead(x, whole[4+h.Body:]); err != nil {
			x.Free()
			return err
		}
	}
	if r != nil {
		return q.answer(x, r, len(whole))
	}
	if x.Edited() {
		return q.forwardEdited(x, whole, 4+h.Body)
	}
	if isAuth(h.Key) {
		return q.authenticate(x, whole)
	}
	return q.forward(x, len(whole))
}

func (q *requests) decide(x *api.Exchange, body []byte) error {
	if err := x.Decode(body); err != nil {
		return errFrame{err}
	}
	q.software(x)
	if err := x.Derive(); err != nil {
		return errFrame{err}
	}
	if err := q.resolve(x); err != nil {
		return err
	}
	if err := q.inquire(x); err != nil {
		return err
	}
	if err := q.measure(x); err != nil {
		return err
	}
	err := x.Enforce()
	if err != nil && x.Patient() {
		if err = q.askLater(x); err == nil {
			err = x.Enforce()
		}
	}
	if err != nil {
		q.c.p.totals.decided(x)
		return refuse("%s was not let pass: %w", x.API.Name(), err)
	}
	x.Slim()
	return nil
}

// patient is how long a request waits to be decided after all.
const patient = time.Second

// askLater derives a request once more after a while.
func (q *requests) askLater(x *api.Exchange) error {
	if err := q.hold(patient); err != nil {
		return err
	}
	return x.Derive()
}

// unsupported answers an ApiVersions request of a version that nobody here knows, as a broker does.
func (q *requests) unsupported(x *api.Exchange, n int) error {
	frame := api.AppendUnsupported(make([]byte, 4, 64), x.Correlation)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return q.enqueue(x, frame, n)
}

// forward lets a frame of n bytes go as it came, behind its entry in the queue.
func (q *requests) forward(x *api.Exchange, n int) error {
	if err := q.push(entry{kind: forwarded, correlation: x.Correlation, x: x}); err != nil {
		x.Free()
		return fmt.Errorf("queue: %w", err)
	}
	q.take(n)
	return nil
}
