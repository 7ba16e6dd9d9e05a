package api

import "doorkeeper/protocol"

// A headEdit is what an answer's head says otherwise than the broker's: more topics, in front of its own, and a longer
// throttle time. A streamed answer can change nowhere else.
type headEdit struct {
	needed   bool
	at, size int // where the broker's number of topics stands in the frame, and where its head ends
	throttle int // where the throttle time stands, -1: it stays
	ask      int32
	topics   []byte // their number, and those that come first
}

// Heads says whether the answer may have to change at its head: then nothing of it may be handed on before its head is
// known (Headed).
func (x *Exchange) Heads() bool {
	if x.API == fetchRow {
		return x.enforced.edited || x.fetch.q.SessionEpoch > 0 && x.Env.Fetch.denying()
	}
	return x.enforced.edited || x.Env.Fetch.shareDenying(x.Group, x.shareFetch.member)
}

// Headed says whether the open answer's head was seen.
func (r *Reader) Headed() bool { return r.head.size > 0 }

// editHead puts topics into the answer, of which h is the head.
func (r *Reader) editHead(h *protocol.FetchHead, put []withheld) {
	x := r.x
	e := &r.head
	*e = headEdit{at: h.TopicsAt, size: h.Size, throttle: -1}
	if ask := x.throttles(); ask > h.Throttle && h.ThrottleAt >= 0 && h.Error == 0 {
		e.needed, e.throttle, e.ask, x.Throttle = true, h.ThrottleAt, ask, ask+x.held+x.held
	}
	if len(put) == 0 {
		return
	}
	e.needed = true
	share := x.API != fetchRow
	version, compact := x.Version, share || x.Version >= 12
	if share {
		version = 13
	}
	e.topics = protocol.AppendCount(nil, compact, int(h.Topics)+len(put))
	for i := range put {
		w := &put[i]
		e.topics = protocol.AppendTopic(e.topics, version, compact, w.topic.Name, &w.topic.ID, len(w.parts))
		for k, p := range w.parts {
			if share {
				code, ack := w.codes(k)
				e.topics = protocol.AppendShareError(e.topics, p, code, ack)
			} else {
				e.topics = protocol.AppendFetchError(e.topics, version, p, w.code)
			}
		}
		e.topics = protocol.AppendTopicEnd(e.topics, compact)
	}
	more := int64(len(e.topics) - (h.Size - h.TopicsAt))
	r.end += more
	r.passed += more
}

// throttles is what the client is asked to wait at least, in milliseconds.
func (x *Exchange) throttles() int32 {
	if x.API == fetchRow {
		return x.fetch.throttle
	}
	return x.shareFetch.throttle
}

// HeadEdit returns the answer's head as it goes to the client, appended to dst, and how many bytes of the frame it stands
// for. frame is without its length bytes.
func (r *Reader) HeadEdit(dst, frame []byte) ([]byte, int) {
	e := &r.head
	start := len(dst)
	if e.topics == nil {
		dst = append(dst, frame[:e.size]...)
	} else {
		dst = append(append(dst, frame[:e.at]...), e.topics...)
	}
	if e.throttle >= 0 {
		b := dst[start+e.throttle:]
		b[0], b[1], b[2], b[3] = byte(e.ask>>24), byte(e.ask>>16), byte(e.ask>>8), byte(e.ask)
	}
	return dst, e.size
}

// Edited says whether the open answer's head goes to the client otherwise than it came.
func (r *Reader) Edited() bool { return r.head.needed }
