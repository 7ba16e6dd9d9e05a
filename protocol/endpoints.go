package protocol

import "encoding/binary"

// leastEndpoint is the fewest bytes of a broker endpoint: node id, empty host, port, null rack, no tags.
const leastEndpoint = 4 + 1 + 4 + 1 + 1

// endpoints reads an array of broker endpoints (KIP-951) and returns how many there are.
func (w *window) endpoints() int32 {
	n := w.count(true, leastEndpoint)
	for range n {
		w.bytes(4)
		w.str(true)
		w.bytes(4)
		w.nullString(true)
		w.tags()
		if w.bad != 0 {
			return 0
		}
	}
	return n
}

// endpointsTag reads tag 0 of a Fetch response's body, whose number stands at start.
func (s *response) endpointsTag(w *window, start int, size uint32) {
	content := w.i
	f := w.field(size)
	n := f.endpoints()
	w.closeField(&f)
	if w.bad == 0 && n > 0 {
		base := s.size - w.left
		s.endpoints = span{tag: base + int64(start), start: base + int64(content), end: base + int64(w.i)}
	}
}

// stepEndpoints reads a ShareFetch response's array of endpoints.
func (s *response) stepEndpoints(w *window) {
	start := w.i
	n := w.endpoints()
	if n > 0 && s.hide {
		s.hideArray(w, start)
		return
	}
	if w.bad != 0 {
		return
	}
	if n > 0 {
		base := s.size - w.left
		s.endpoints = span{tag: -1, start: base + int64(start), end: base + int64(w.i)}
	}
	s.at = atBodyTags
}

// hideArray empties the array that stands between start and here. What it took becomes the zeros of a tagged field that
// nobody knows, at the head of the section that follows, so that the frame keeps its length.
func (s *response) hideArray(w *window, start int) {
	count := w.tagCount()
	if w.bad != 0 || w.i-start > MaxElement {
		return
	}
	b := w.p[start:w.i]
	clear(b)
	b[0] = 1 // an array of none
	at := 1 + len(binary.AppendUvarint(b[1:1], uint64(count)+1))
	b[at] = hiddenTag
	at++
	size := 1
	for len(b)-at-size >= 1<<(7*size) {
		size++
	}
	putUvarint(b[at:at+size], len(b)-at-size)
	s.tag = tagWalk{open: true, n: count}
	s.at = atBodyTags
	if s.tag.done() {
		s.at = atEnd
	}
}

// putUvarint fills b with v: in more bytes than needed, if b is longer, which every reader of Kafka's takes.
func putUvarint(b []byte, v int) {
	for i := range b {
		b[i] = byte(v&0x7f) | 0x80
		v >>= 7
	}
	b[len(b)-1] &= 0x7f
}

// A Rewrite says which address clients shall see for a broker's.
type Rewrite func(node int32, host string, port int32) (string, int32, error)

// RewriteFetchEndpoints appends to dst the Fetch response in frame (from the correlation id on, without the 4 length
// bytes), with every broker endpoint's address replaced and all else byte for byte.
func RewriteFetchEndpoints(dst, frame []byte, version int16, rewrite Rewrite) ([]byte, error) {
	var s FetchScanner
	s.Reset(version, int64(len(frame)), false, noEvents{})
	return s.rewrite(dst, frame, rewrite)
}

// RewriteShareFetchEndpoints does for a ShareFetch response what RewriteFetchEndpoints does for a Fetch response.
func RewriteShareFetchEndpoints(dst, frame []byte, version int16, rewrite Rewrite) ([]byte, error) {
	var s ShareFetchScanner
	s.Reset(version, int64(len(frame)), false, noEvents{})
	return s.rewrite(dst, frame, rewrite)
}

func (s *response) rewrite(dst, frame []byte, rewrite Rewrite) ([]byte, error) {
	for read := 0; s.left > 0; {
		n, err := s.Scan(frame[read:])
		if err != nil {
			return dst, err
		}
		if read += n; n == 0 {
			return dst, s.fail("frame", 0, Short)
		}
	}
	return s.RewriteEndpoints(dst, frame, rewrite)
}

// RewriteEndpoints appends to dst the frame with the addresses replaced, after a scan of that frame to its end. Where
// there are no endpoints it appends the frame as it is; EndpointsAt tells beforehand.
func (s *response) RewriteEndpoints(dst, frame []byte, rewrite Rewrite) ([]byte, error) {
	at := s.endpoints
	if at.start < 0 {
		return append(dst, frame...), nil
	}
	array, err := s.rewriteArray(frame[at.start:at.end], rewrite)
	if err != nil {
		return dst, err
	}
	if s.share {
		dst = append(dst, frame[:at.start]...)
	} else {
		dst = append(dst, frame[:at.tag]...)
		dst = append(dst, 0)
		dst = binary.AppendUvarint(dst, uint64(len(array)))
	}
	dst = append(dst, array...)
	return append(dst, frame[at.end:]...), nil
}

func (s *response) rewriteArray(array []byte, rewrite Rewrite) ([]byte, error) {
	w := whole(array)
	n := w.count(true, leastEndpoint)
	out := append(make([]byte, 0, len(array)+64), array[:w.i]...)
	for range n {
		node, host, port := w.i32(), w.str(true), w.i32()
		rest := w.i
		w.nullString(true)
		w.tags()
		if w.bad != 0 {
			return nil, s.fail("node endpoints", 0, w.bad)
		}
		h, p, err := rewrite(node, string(host), port)
		if err != nil {
			return nil, err
		}
		out = binary.BigEndian.AppendUint32(out, uint32(node))
		out = binary.AppendUvarint(out, uint64(len(h))+1)
		out = append(out, h...)
		out = binary.BigEndian.AppendUint32(out, uint32(p))
		out = append(out, array[rest:w.i]...)
	}
	return out, nil
}

// noEvents is for who only wants to know where things are.
type noEvents struct{}

func (noEvents) Head(*FetchHead) error              { return nil }
func (noEvents) Partition(*FetchPartition) error    { return nil }
func (noEvents) Batch(*Batch) error                 { return nil }
func (noEvents) Acquired(_, _ int64, _ int16) error { return nil }
func (noEvents) End() error                         { return nil }
