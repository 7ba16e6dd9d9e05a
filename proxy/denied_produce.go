package proxy

import (
	"encoding/binary"
	"errors"

	"github.com/valyala/bytebufferpool"
)

// An open Produce frame of which something may not pass takes one of three ways:
//
//   - It is held whole. At its end what may pass goes on without the rest, which is put into the broker's answer; where
//     nothing may pass, the answer is ours.
//   - Nothing of it may pass, or it cannot be held: its bytes are dropped as they come, and at its end it is answered here.
//   - A part has gone out when something in it is denied: the rest is dropped. The broker never has the whole frame, and
//     so does nothing of it. The client is answered, and the connection ends.
//
// With acks=0 there is no answer, and the connection ends as soon as is known what may pass.

// onStopped goes on with the open frame, of which something may not pass. It returns false when more bytes are needed.
func (q *requests) onStopped() (done bool, err error) {
	x := q.produce
	whole := x.ProduceScanner().Left() == 0
	switch {
	case q.drops, q.streams, x.ProduceHopeless(), !whole && q.unheld():
		return q.drop()
	case whole:
		return true, q.endStopped()
	}
	q.holdProduce()
	return false, nil
}

// noRoom goes on with the open frame, for more of which there is no room: with what is decided, or not at all.
func (q *requests) noRoom() error {
	if q.produce.Allowed() {
		return q.stream()
	}
	_, err := q.drop()
	return err
}

// drop lets nothing more of the open frame go out: what its scanner has seen, and from now on what it sees as it comes.
func (q *requests) drop() (done bool, err error) {
	x := q.produce
	x.LoseProduce()
	q.drops = true
	q.cut(q.scanned - q.at)
	q.r.Want(0)
	if x.ProduceScanner().Left() > 0 && !x.Silent() {
		return false, nil
	}
	if err := q.answerProduce(); err != nil {
		return false, err
	}
	if q.streams {
		return false, refuse("Produce was denied after a part of it had gone out")
	}
	return true, nil
}

// endStopped lets go what may pass of a frame that was held whole.
func (q *requests) endStopped() error {
	x := q.produce
	if err := x.Enforce(); err != nil {
		return refuse("Produce was not let pass: %w", err)
	}
	if x.Local() == nil {
		return q.forwardKept()
	}
	q.cut(q.scanned - q.at)
	return q.answerProduce()
}

// answerProduce puts our answer to the open frame, the bytes of which are gone, into the queue.
func (q *requests) answerProduce() error {
	x := q.produce
	if err := x.Enforce(); err != nil {
		return refuse("Produce was not let pass: %w", err)
	}
	q.produce = nil
	if !x.Silent() {
		return q.enqueue(x, localFrame(x, x.Local()), 0)
	}
	if err := q.push(entry{kind: silent, x: x}); err != nil {
		x.Free()
		return err
	}
	return errSilent
}

// errSilent ends a connection for want of an answer that could say so, as a broker does. That is a client's everyday error
// and no fault of the connection.
var errSilent = errors.New("a Produce with acks=0 was not let pass as a whole")

// forwardKept sends what may pass of the open frame, in the client's own bytes.
func (q *requests) forwardKept() error {
	x := q.produce
	buf := bytebufferpool.Get()
	head, kept, err := x.ProduceKept(append(buf.B[:0], q.r.Bytes()[q.at:q.at+q.body]...), q.r.Bytes()[q.at+q.body:q.scanned])
	if err != nil {
		bytebufferpool.Put(buf)
		return errFrame{err}
	}
	size := len(head) - 4
	for _, r := range kept {
		size += r.End - r.Start
	}
	binary.BigEndian.PutUint32(head, uint32(size))
	e := entry{kind: forwarded, correlation: x.Correlation, x: x}
	if x.Silent() {
		e.kind = silent
	}
	q.produce = nil
	if err := q.limitWrite(x); err != nil {
		bytebufferpool.Put(buf)
		x.Free()
		return err
	}
	if err := q.push(e); err != nil {
		bytebufferpool.Put(buf)
		x.Free()
		return err
	}
	body := q.r.Bytes()[q.at+q.body : q.scanned] // not before: a flush in push moves it
	q.cut(q.scanned - q.at)
	buf.B = head
	q.made = append(q.made, buf)
	q.w.Add(head)
	for _, r := range kept {
		q.w.Add(body[r.Start:r.End])
	}
	if e.kind == silent {
		return errSilent
	}
	return nil
}
