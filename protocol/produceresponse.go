package protocol

// A ProduceResponse is a Produce response's body, reusable: its slice keeps its memory, byte slices alias the body.
type ProduceResponse struct {
	Parts        []ProducePart
	Throttle     int32 // milliseconds, v1+; else 0
	ThrottleAt   int   // offset of its four bytes in the body; -1: not in this version
	HasEndpoints bool  // tag 0 names brokers with their addresses, which must be rewritten
}

// A ProducePart is the broker's answer for one partition.
type ProducePart struct {
	TopicName     []byte // to v12, else nil
	TopicID       [16]byte
	Index         int32
	Error         int16
	BaseOffset    int64
	LogAppendTime int64  // v2+; else -1
	LogStart      int64  // v5+; else -1
	Message       []byte // v8+; nil: null
}

// Parse reads the body of a response, which must end where it ends. On an error the contents are undefined.
func (r *ProduceResponse) Parse(version int16, body []byte) error {
	if version < 0 || version > maxProduce {
		return &Error{What: "produce response: version", Reason: BadVersion}
	}
	w := whole(body)
	compact := version >= 9
	r.Parts, r.Throttle, r.ThrottleAt, r.HasEndpoints = reuse(r.Parts), 0, -1, false
	for n := w.count(compact, leastTopic(version, compact)); n > 0 && w.bad == 0; n-- {
		r.parseTopic(&w, version, compact)
	}
	if version >= 1 {
		r.ThrottleAt = w.i
		r.Throttle = w.i32()
	}
	if compact {
		r.parseTags(&w)
	}
	return w.finish("produce response")
}

func (r *ProduceResponse) parseTopic(w *window, version int16, compact bool) {
	var id [16]byte
	name := w.topicName(version, compact, &id)
	for n := w.count(compact, leastProducePart(version)); n > 0 && w.bad == 0; n-- {
		p := ProducePart{TopicName: name, TopicID: id, LogAppendTime: -1, LogStart: -1}
		p.Index = w.i32()
		p.Error = w.i16()
		p.BaseOffset = w.i64()
		if version >= 2 {
			p.LogAppendTime = w.i64()
		}
		if version >= 5 {
			p.LogStart = w.i64()
		}
		if version >= 8 {
			recordErrors(w, compact)
			p.Message = w.nullString(compact)
		}
		if compact {
			leaderTag(w)
		}
		r.Parts = append(r.Parts, p)
	}
	if compact {
		w.tags()
	}
}

// leastProducePart returns the fewest bytes that a partition's answer takes.
func leastProducePart(version int16) int64 {
	n := int64(4 + 2 + 8)
	if version >= 2 {
		n += 8
	}
	if version >= 5 {
		n += 8
	}
	switch {
	case version >= 9:
		n += 1 + 1 + 1
	case version == 8:
		n += 4 + 2
	}
	return n
}

// recordErrors passes over the broker's complaints about single records.
func recordErrors(w *window, compact bool) {
	least := int64(4 + 2)
	if compact {
		least = 4 + 1 + 1
	}
	for n := w.count(compact, least); n > 0 && w.bad == 0; n-- {
		w.bytes(4)
		w.nullString(compact)
		if compact {
			w.tags()
		}
	}
}

// leaderTag reads a partition's tagged fields: 0 is the current leader, an id and an epoch.
func leaderTag(w *window) {
	t := tagWalk{}
	for t.begin(w); t.n > 0 && w.bad == 0; {
		tag, size := t.next(w)
		f := w.field(size)
		if tag == 0 {
			f.bytes(4 + 4)
			f.tags()
			w.closeField(&f)
		}
		t.take(tag, 0, false)
	}
}

// parseTags reads the response's tagged fields: 0 holds broker endpoints (KIP-951).
func (r *ProduceResponse) parseTags(w *window) {
	t := tagWalk{}
	for t.begin(w); t.n > 0 && w.bad == 0; {
		tag, size := t.next(w)
		f := w.field(size)
		if tag == 0 {
			r.HasEndpoints = f.endpoints() > 0
			w.closeField(&f)
		}
		t.take(tag, 0, false)
	}
}
