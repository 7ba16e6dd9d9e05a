package journal

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"doorkeeper/access"
	"doorkeeper/journal/store"
)

// Fields of the record that are known only when it has its place.
const (
	fieldID         = 4
	fieldTime       = 8
	fieldLoggedTime = 10
)

// seqRoom is the most that a record's number takes, with its tag.
const seqRoom = 1 + 10

// An encoder makes a record's payload in two steps: nearly all of it outside of the journal's lock, and under the lock
// the number in front and what goes with it behind.
type encoder struct {
	buf []byte // from seqRoom on
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// encoderKeep is how large a buffer may be that is kept.
const encoderKeep = 64 << 10

func (e *encoder) free() {
	if cap(e.buf) <= encoderKeep {
		encoders.Put(e)
	}
}

// body encodes a record that has neither seq nor logged time yet.
func (e *encoder) body(r *access.Record) {
	if e.buf == nil {
		e.buf = make([]byte, seqRoom, 2048)
	}
	e.buf = access.AppendProto(e.buf[:seqRoom], r)
}

// payload completes it with what the record has got meanwhile; named and timed say what it had before. It is good until
// the encoder is used again.
func (e *encoder) payload(r *access.Record, named, timed bool) []byte {
	b := e.buf
	if !named {
		b = protowire.AppendTag(b, fieldID, protowire.BytesType)
		b = protowire.AppendString(b, r.Id)
	}
	var inner [32]byte
	t := protowire.AppendTag(inner[:0], 1, protowire.VarintType)
	t = protowire.AppendVarint(t, uint64(r.LoggedTime.Seconds))
	t = protowire.AppendTag(t, 2, protowire.VarintType)
	t = protowire.AppendVarint(t, uint64(r.LoggedTime.Nanos))
	b = protowire.AppendTag(b, fieldLoggedTime, protowire.BytesType)
	b = protowire.AppendBytes(b, t)
	if !timed { // it is the same
		b = protowire.AppendTag(b, fieldTime, protowire.BytesType)
		b = protowire.AppendBytes(b, t)
	}
	e.buf = b
	var front [seqRoom]byte
	seq := store.AppendSeq(front[:0], r.Seq)
	return b[seqRoom-copy(b[seqRoom-len(seq):seqRoom], seq):]
}

// streamOf says who may remove a record: what was denied or refused, and what is about us, has segments of its own.
func streamOf(r *access.Record) store.Stream {
	switch r.Kind {
	case KindControl, KindFinding, KindGap, KindAuthn:
		return store.Control
	}
	if r.Decision == access.Deny.String() || r.Decision == access.Refuse.String() {
		return store.Control
	}
	return store.Access
}
