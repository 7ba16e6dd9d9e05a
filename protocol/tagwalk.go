package protocol

// A tagWalk is where a scanner stands in a section of tagged fields. Unknown fields pass by in pieces, of any size.
type tagWalk struct {
	open bool
	zero bool   // the content that passes becomes zeros
	n    uint32 // fields still to come
	seen uint64 // numbers below 64 that came
	skip int64  // content of the open field still to pass
}

// hiddenTag takes the place of a tag that a client shall not understand. It has one byte, and Kafka gives numbers in
// order from 0.
const hiddenTag = 126

// none passes over a section without fields, which nearly all of them are.
func (t *tagWalk) none(w *window) bool {
	if t.open || w.i >= len(w.p) || w.p[w.i] != 0 {
		return false
	}
	w.i++
	return true
}

// begin reads how many fields the section has.
func (t *tagWalk) begin(w *window) {
	n := w.tagCount()
	if w.bad == 0 {
		*t = tagWalk{open: true, n: n}
	}
}

// pass lets content of the open field by.
func (t *tagWalk) pass(w *window) {
	n := min(t.skip, int64(len(w.p)-w.i), MaxElement)
	if n == 0 {
		w.miss(1)
		return
	}
	if t.zero {
		clear(w.p[w.i : w.i+int(n)])
	}
	w.i += int(n)
	t.skip -= n
}

// next reads number and size of a field.
func (t *tagWalk) next(w *window) (tag, size uint32) {
	tag, size = w.uvarint(), w.uvarint()
	switch {
	case w.bad != 0:
	case int64(size) > w.remaining():
		w.fail(Short)
	case tag < 64 && t.seen&(1<<tag) != 0:
		w.fail(BadTag)
	}
	return tag, size
}

// take counts the field that next found, with what of its content is still to pass.
func (t *tagWalk) take(tag uint32, skip int64, zero bool) {
	t.n--
	if tag < 64 {
		t.seen |= 1 << tag
	}
	t.skip, t.zero = skip, zero
}

// done says that the section is through, and closes it.
func (t *tagWalk) done() bool {
	if t.n > 0 || t.skip > 0 || !t.open {
		return false
	}
	t.open = false
	return true
}

// stepTags reads the next element of the open section: the number of fields, a field, or a piece of an unknown one.
func (s *response) stepTags(w *window) {
	t := &s.tag
	switch {
	case !t.open:
		t.begin(w)
	case t.skip > 0:
		t.pass(w)
	default:
		s.stepTag(w)
	}
}

func (s *response) stepTag(w *window) {
	start := w.i
	tag, size := s.tag.next(w)
	if w.bad != 0 {
		return
	}
	skip, zero := int64(0), false
	switch {
	case s.share || s.at == atTopicTags:
		skip = int64(size)
	case s.at == atPartitionTags && tag <= 2:
		w.partitionTag(tag, size)
	case s.at == atBodyTags && tag == 0 && s.hide:
		// Whatever length the number was written with: its first byte has the low seven bits.
		w.p[start] = w.p[start]&0x80 | hiddenTag
		skip, zero = int64(size), true
	case s.at == atBodyTags && tag == 0:
		s.endpointsTag(w, start, size)
	default:
		skip = int64(size)
	}
	if w.bad == 0 {
		s.tag.take(tag, skip, zero)
	}
}

// partitionTag reads a known tagged field of a Fetch response's partition: 0 the diverging epoch, 1 the current
// leader, 2 the snapshot id. Nobody wants to know more than that they are well formed.
func (w *window) partitionTag(tag, size uint32) {
	f := w.field(size)
	if tag == 1 {
		f.bytes(4 + 4)
	} else {
		f.bytes(4 + 8)
	}
	f.tags()
	w.closeField(&f)
}

func (s *response) stepPartitionTags(w *window) {
	if s.tag.none(w) {
		s.nextPartition()
		return
	}
	s.stepTags(w)
	if w.bad == 0 && s.tag.done() {
		s.nextPartition()
	}
}

func (s *response) stepTopicTags(w *window) {
	if s.tag.none(w) {
		s.nextTopic()
		return
	}
	s.stepTags(w)
	if w.bad == 0 && s.tag.done() {
		s.nextTopic()
	}
}

func (s *response) stepBodyTags(w *window) {
	if s.tag.none(w) {
		s.at = atEnd
		return
	}
	s.stepTags(w)
	if w.bad == 0 && s.tag.done() {
		s.at = atEnd
	}
}
