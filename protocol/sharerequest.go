package protocol

// A ShareFetchRequest is a ShareFetch request's body, reusable as FetchRequest is.
type ShareFetchRequest struct {
	Group        []byte // nil: null
	Member       []byte // nil: null
	SessionEpoch int32
	MaxWait      int32 // milliseconds
	MinBytes     int32
	MaxBytes     int32
	MaxRecords   int32 // v1+; else 0
	BatchSize    int32 // v1+; else 0
	AcquireMode  int8  // v2+
	RenewAck     bool  // v2+
	Topics       []FetchTopic
	Partitions   []SharePart
	Forgotten    []ForgottenTopic
	ForgottenIDs []int32
	Acks         int // acknowledged ranges in all

	MaxWaitAt  int
	MaxBytesAt int
}

// A SharePart is one partition entry of a ShareFetch request. It stands in the body from Start to End.
type SharePart struct {
	Index    int32
	MaxBytes int32 // v0; else 0
	Acks     int   // acknowledged ranges
	Start    int
	End      int
}

// Parse reads the body of a request, which must end where it ends. On an error the contents are undefined.
func (r *ShareFetchRequest) Parse(version int16, body []byte) error {
	if version < 0 || version > maxShareFetch {
		return &Error{What: "share fetch request: version", Reason: BadVersion}
	}
	w := whole(body)
	r.parseHead(&w, version)
	r.parseTopics(&w, version)
	r.parseForgotten(&w)
	w.tags()
	return w.finish("share fetch request")
}

func (r *ShareFetchRequest) parseHead(w *window, version int16) {
	r.MaxRecords, r.BatchSize, r.AcquireMode, r.RenewAck = 0, 0, 0, false
	r.Group = w.nullString(true)
	r.Member = w.nullString(true)
	r.SessionEpoch = w.i32()
	r.MaxWaitAt = w.i
	r.MaxWait = w.i32()
	r.MinBytes = w.i32()
	r.MaxBytesAt = w.i
	r.MaxBytes = w.i32()
	if version >= 1 {
		r.MaxRecords = w.i32()
		r.BatchSize = w.i32()
	}
	if version >= 2 {
		r.AcquireMode = w.i8()
		r.RenewAck = w.i8() != 0
	}
}

func (r *ShareFetchRequest) parseTopics(w *window, version int16) {
	r.Topics, r.Partitions, r.Acks = reuse(r.Topics), reuse(r.Partitions), 0
	least := int64(4 + 1 + 1)
	if version == 0 {
		least += 4
	}
	for n := w.count(true, 16+1+1); n > 0 && w.bad == 0; n-- {
		t := FetchTopic{First: len(r.Partitions), Start: w.i}
		w.uuid(&t.ID)
		parts := w.count(true, least)
		t.Parts = w.i
		for ; parts > 0 && w.bad == 0; parts-- {
			r.parsePart(w, version)
		}
		w.tags()
		t.Count = len(r.Partitions) - t.First
		t.End = w.i
		r.Topics = append(r.Topics, t)
	}
}

func (r *ShareFetchRequest) parsePart(w *window, version int16) {
	p := SharePart{Start: w.i, Index: w.i32()}
	if version == 0 {
		p.MaxBytes = w.i32()
	}
	for n := w.count(true, 8+8+1+1); n > 0 && w.bad == 0; n-- {
		w.bytes(8 + 8)
		w.bytes(int64(w.count(true, 1))) // the acknowledge types, a byte each
		w.tags()
		p.Acks++
	}
	w.tags()
	p.End = w.i
	r.Acks += p.Acks
	r.Partitions = append(r.Partitions, p)
}

func (r *ShareFetchRequest) parseForgotten(w *window) {
	r.Forgotten, r.ForgottenIDs = reuse(r.Forgotten), reuse(r.ForgottenIDs)
	for n := w.count(true, 16+1+1); n > 0 && w.bad == 0; n-- {
		t := ForgottenTopic{First: len(r.ForgottenIDs)}
		w.uuid(&t.ID)
		r.ForgottenIDs = w.indexes(r.ForgottenIDs, true)
		w.tags()
		t.Count = len(r.ForgottenIDs) - t.First
		r.Forgotten = append(r.Forgotten, t)
	}
}
