package protocol

// A Range is a part of a message, from Start up to End.
type Range struct{ Start, End int }

// ProduceTopics finds where the topics of a whole Produce request stand in its body: countAt is where their number is,
// and the first stands behind it. It appends to dst. Of the records it sees only their length.
func ProduceTopics(dst []Range, version int16, body []byte) (topics []Range, countAt int, err error) {
	if version < 0 || version > maxProduce {
		return dst, 0, &Error{What: "produce request: version", Reason: BadVersion}
	}
	w := whole(body)
	compact := version >= 9
	if version >= 3 {
		w.nullString(compact)
	}
	w.bytes(2 + 4) // acks, timeout
	countAt = w.i
	for n := w.count(compact, leastTopic(version, compact)); n > 0 && w.bad == 0; n-- {
		start := w.i
		w.passProduceTopic(version, compact)
		dst = append(dst, Range{start, w.i})
	}
	if compact {
		w.tags()
	}
	return dst, countAt, w.finish("produce request")
}

func (w *window) passProduceTopic(version int16, compact bool) {
	var id [16]byte
	w.topicName(version, compact, &id)
	least := int64(4 + 4)
	if compact {
		least = 4 + 1 + 1
	}
	for n := w.count(compact, least); n > 0 && w.bad == 0; n-- {
		w.i32()
		w.bytes(max(w.length(compact), 0))
		if compact {
			w.tags()
		}
	}
	if compact {
		w.tags()
	}
}
