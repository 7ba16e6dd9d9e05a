package protocol

import (
	"encoding/binary"
	"math"
)

// MaxElement is how many bytes in a row a scanner may need to see at once, at most: a name, a header, a known tagged
// field, the endpoints of a ShareFetch response. Record batches are no elements.
const MaxElement = 64 << 10

// more is the private reason of a window that ended before the frame did: no error, the caller comes again.
const more Reason = 255

// A window reads fields from the bytes at hand, and tells two ends apart: that of the bytes (more are to come) and
// that of the frame (an error). The first failure sticks and every read behind it returns zero, so that a parser may
// read on and look once. The zero failure state and the position are all there is to undo an element.
type window struct {
	p    []byte
	i    int
	left int64  // bytes of the frame from p[0] on, len(p) or more
	need int    // when bad is more: how many bytes of p the failing field needs
	bad  Reason // 0: all well
}

// whole returns a window on a message that is there in full.
func whole(p []byte) window { return window{p: p, left: int64(len(p))} }

// remaining returns the bytes of the frame behind the position.
func (w *window) remaining() int64 { return w.left - int64(w.i) }

// fail makes every later read fail as well.
func (w *window) fail(r Reason) {
	if w.bad == 0 {
		w.bad = r
	}
	w.p = w.p[:w.i]
}

// miss notes that n bytes at the position are not there.
func (w *window) miss(n int64) {
	if w.bad != 0 {
		return
	}
	switch {
	case n > w.remaining():
		w.fail(Short)
	case int64(w.i)+n > math.MaxInt32:
		w.fail(TooLarge)
	default:
		w.need = w.i + int(n)
		w.fail(more)
	}
}

func (w *window) i8() int8 {
	if len(w.p)-w.i < 1 {
		w.miss(1)
		return 0
	}
	v := w.p[w.i]
	w.i++
	return int8(v)
}

func (w *window) i16() int16 {
	if len(w.p)-w.i < 2 {
		w.miss(2)
		return 0
	}
	v := binary.BigEndian.Uint16(w.p[w.i:])
	w.i += 2
	return int16(v)
}

func (w *window) i32() int32 {
	if len(w.p)-w.i < 4 {
		w.miss(4)
		return 0
	}
	v := binary.BigEndian.Uint32(w.p[w.i:])
	w.i += 4
	return int32(v)
}

func (w *window) i64() int64 {
	if len(w.p)-w.i < 8 {
		w.miss(8)
		return 0
	}
	v := binary.BigEndian.Uint64(w.p[w.i:])
	w.i += 8
	return int64(v)
}

func (w *window) uuid(id *[16]byte) {
	if len(w.p)-w.i < 16 {
		w.miss(16)
		*id = [16]byte{}
		return
	}
	copy(id[:], w.p[w.i:])
	w.i += 16
}

// uvarint reads an unsigned varint of at most 32 bits; longer than needed is allowed, as Kafka allows it.
func (w *window) uvarint() uint32 {
	if w.i < len(w.p) && w.p[w.i] < 0x80 {
		v := w.p[w.i]
		w.i++
		return uint32(v)
	}
	return w.longVarint()
}

func (w *window) longVarint() uint32 {
	var v uint32
	for n := range 5 {
		if w.i+n >= len(w.p) {
			w.miss(int64(n) + 1)
			return 0
		}
		c := w.p[w.i+n]
		if n == 4 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << (7 * n)
		if c < 0x80 {
			w.i += n + 1
			return v
		}
	}
	w.fail(Varint)
	return 0
}

// bytes returns the next n bytes, aliased.
func (w *window) bytes(n int64) []byte {
	if n < 0 || n > int64(len(w.p)-w.i) {
		w.miss(n)
		return nil
	}
	v := w.p[w.i : w.i+int(n) : w.i+int(n)]
	w.i += int(n)
	return v
}

// nullString reads a nullable string; nil is null, and an empty one is not nil.
func (w *window) nullString(compact bool) []byte {
	var n int64
	if compact {
		n = int64(w.uvarint()) - 1
	} else {
		n = int64(w.i16())
	}
	switch {
	case w.bad != 0 || n < 0:
		return nil
	case n > math.MaxInt16: // Kafka throws on it
		w.fail(BadString)
		return nil
	}
	return w.bytes(n)
}

// str reads a string that may not be null.
func (w *window) str(compact bool) []byte {
	s := w.nullString(compact)
	if s == nil {
		w.fail(Null)
	}
	return s
}

// nullCount reads the length of an array whose elements take least bytes or more; -1 is null. What it returns has
// been checked against the rest of the frame.
func (w *window) nullCount(compact bool, least int64) int32 {
	var n int64
	if compact {
		n = int64(w.uvarint()) - 1
	} else {
		n = int64(w.i32())
	}
	switch {
	case w.bad != 0:
		return 0
	case n < 0:
		return -1
	case n > math.MaxInt32: // as an int32 it would be negative
		w.fail(Varint)
		return 0
	case n*least > w.remaining():
		w.fail(Short)
		return 0
	}
	return int32(n)
}

// count reads the length of an array that may not be null.
func (w *window) count(compact bool, least int64) int32 {
	n := w.nullCount(compact, least)
	if n < 0 {
		w.fail(Null)
		return 0
	}
	return n
}

// length reads the length of nullable bytes, -1 is null, and checks it against the rest of the frame.
func (w *window) length(compact bool) int64 { return int64(w.nullCount(compact, 1)) }

// tags passes over a section of tagged fields of which none is known.
func (w *window) tags() {
	if w.i < len(w.p) && w.p[w.i] == 0 {
		w.i++
		return
	}
	for n := w.tagCount(); n > 0; n-- {
		w.uvarint()
		w.bytes(int64(w.uvarint()))
		if w.bad != 0 {
			return
		}
	}
}

// tagCount reads how many tagged fields follow. Each takes two bytes at least.
func (w *window) tagCount() uint32 {
	n := w.uvarint()
	if int64(n)*2 > w.remaining() && w.bad == 0 {
		w.fail(Short)
		return 0
	}
	return n
}

// field returns a window on the content of a known tagged field, which must be read to its end.
func (w *window) field(size uint32) window { return whole(w.bytes(int64(size))) }

// closeField takes over what went wrong inside a known tagged field.
func (w *window) closeField(f *window) {
	switch {
	case w.bad != 0:
	case f.bad == Short, f.bad == 0 && f.i != len(f.p):
		w.fail(BadTag)
	case f.bad != 0:
		w.fail(f.bad)
	}
}
