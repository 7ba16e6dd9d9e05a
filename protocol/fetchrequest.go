package protocol

// A FetchRequest is a Fetch request's body. It is meant to be parsed into again and again: its slices keep their
// memory, and byte slices alias the body. Offsets named …At are of fields of four bytes that may be lowered in place.
type FetchRequest struct {
	ReplicaID    int32 // a field up to v14, tag 1 from v15 on; -1: a consumer
	ReplicaEpoch int64 // v15+; else -1
	MaxWait      int32 // milliseconds
	MinBytes     int32
	MaxBytes     int32 // v3+; else the largest int32
	Isolation    int8  // v4+: 0 read_uncommitted, 1 read_committed
	SessionID    int32 // v7+
	SessionEpoch int32 // v7+; before: -1, no session
	Topics       []FetchTopic
	Partitions   []FetchPart
	Forgotten    []ForgottenTopic // v7+
	ForgottenIDs []int32          // the partitions of Forgotten
	Rack         []byte           // v11+, never null there; else nil
	ClusterID    []byte           // tag 0 of v12+; else nil

	MaxWaitAt      int
	MaxBytesAt     int // -1: not in this version
	SessionEpochAt int // -1: not in this version
	TopicsAt       int // of the number of topics
	TopicsEnd      int // behind the last topic
}

// A FetchTopic is one topic entry of a Fetch or ShareFetch request: Count partitions from First on. The same topic
// may come more than once. It stands in the body from Start to End, its first partition at Parts.
type FetchTopic struct {
	Name  []byte // Fetch to v12, else nil
	ID    [16]byte
	First int
	Count int
	Start int
	Parts int
	End   int
}

// A FetchPart is one partition entry of a Fetch request. It stands in the body from Start to End.
type FetchPart struct {
	Index       int32
	LeaderEpoch int32 // v9+; else -1
	LastEpoch   int32 // v12+; else -1
	Offset      int64
	LogStart    int64 // v5+; else -1
	MaxBytes    int32
	MaxBytesAt  int
	Start       int
	End         int
}

// A ForgottenTopic names partitions that leave the fetch session: Count from First on.
type ForgottenTopic struct {
	Name  []byte
	ID    [16]byte
	First int
	Count int
}

// keep is how many entries a reusable parser holds on to between requests.
const keep = 16 << 10

// reuse returns s empty, or nothing if one large request made it grow.
func reuse[T any](s []T) []T {
	if cap(s) > keep {
		return nil
	}
	return s[:0]
}

// Parse reads the body of a request, which must end where it ends. On an error the contents are undefined.
func (r *FetchRequest) Parse(version int16, body []byte) error {
	if version < 0 || version > maxFetch {
		return &Error{What: "fetch request: version", Reason: BadVersion}
	}
	w := whole(body)
	r.parseHead(&w, version)
	r.parseTopics(&w, version)
	r.parseForgotten(&w, version)
	if version >= 11 {
		r.Rack = w.str(version >= 12)
	}
	if version >= 12 {
		r.parseTags(&w, version)
	}
	return w.finish("fetch request")
}

// finish turns the state of a window on a whole message into an error.
func (w *window) finish(what string) error {
	if w.bad == 0 && w.i != len(w.p) {
		w.fail(Trailing)
	}
	if w.bad != 0 {
		return &Error{What: what, Offset: int64(w.i), Reason: w.bad}
	}
	return nil
}

func (r *FetchRequest) parseHead(w *window, version int16) {
	r.ReplicaID, r.ReplicaEpoch, r.MaxBytes, r.MaxBytesAt, r.SessionEpochAt = -1, -1, 1<<31-1, -1, -1
	r.Isolation, r.SessionID, r.SessionEpoch = 0, 0, -1
	r.Rack, r.ClusterID = nil, nil
	if version <= 14 {
		r.ReplicaID = w.i32()
	}
	r.MaxWaitAt = w.i
	r.MaxWait = w.i32()
	r.MinBytes = w.i32()
	if version >= 3 {
		r.MaxBytesAt = w.i
		r.MaxBytes = w.i32()
	}
	if version >= 4 {
		r.Isolation = w.i8()
	}
	if version >= 7 {
		r.SessionID = w.i32()
		r.SessionEpochAt = w.i
		r.SessionEpoch = w.i32()
	}
}

// topicName reads what names a topic: a string up to v12, an id from v13 on, in Fetch and in Produce.
func (w *window) topicName(version int16, compact bool, id *[16]byte) []byte {
	if version >= 13 {
		w.uuid(id)
		return nil
	}
	*id = [16]byte{}
	return w.str(compact)
}

// leastTopic returns the fewest bytes that such a topic takes with an empty array behind its name.
func leastTopic(version int16, compact bool) int64 {
	switch {
	case version >= 13:
		return 16 + 1 + 1
	case compact:
		return 1 + 1 + 1
	}
	return 2 + 4
}

func (r *FetchRequest) parseTopics(w *window, version int16) {
	r.Topics, r.Partitions = reuse(r.Topics), reuse(r.Partitions)
	compact := version >= 12
	r.TopicsAt = w.i
	for n := w.count(compact, leastTopic(version, compact)); n > 0 && w.bad == 0; n-- {
		t := FetchTopic{First: len(r.Partitions), Start: w.i}
		t.Name = w.topicName(version, compact, &t.ID)
		parts := w.count(compact, leastFetchPart(version))
		t.Parts = w.i
		for ; parts > 0 && w.bad == 0; parts-- {
			r.parsePart(w, version)
		}
		if compact {
			w.tags()
		}
		t.Count = len(r.Partitions) - t.First
		t.End = w.i
		r.Topics = append(r.Topics, t)
	}
	r.TopicsEnd = w.i
}

// leastFetchPart returns the fewest bytes that a partition entry takes.
func leastFetchPart(version int16) int64 {
	n := int64(4 + 8 + 4)
	if version >= 5 {
		n += 8
	}
	if version >= 9 {
		n += 4
	}
	if version >= 12 {
		n += 4 + 1
	}
	return n
}

func (r *FetchRequest) parsePart(w *window, version int16) {
	p := FetchPart{LeaderEpoch: -1, LastEpoch: -1, LogStart: -1, Start: w.i}
	p.Index = w.i32()
	if version >= 9 {
		p.LeaderEpoch = w.i32()
	}
	p.Offset = w.i64()
	if version >= 12 {
		p.LastEpoch = w.i32()
	}
	if version >= 5 {
		p.LogStart = w.i64()
	}
	p.MaxBytesAt = w.i
	p.MaxBytes = w.i32()
	if version >= 12 {
		partTags(w, version)
	}
	p.End = w.i
	r.Partitions = append(r.Partitions, p)
}

// partTags reads a partition's tagged fields: 0 the replica directory id (v17), 1 the high watermark (v18), both of
// followers. In a version without them the broker throws, and so do we.
func partTags(w *window, version int16) {
	t := tagWalk{}
	for t.begin(w); t.n > 0 && w.bad == 0; {
		tag, size := t.next(w)
		f := w.field(size)
		switch tag {
		case 0:
			f.needs(version >= 17)
			f.bytes(16)
			w.closeField(&f)
		case 1:
			f.needs(version >= 18)
			f.bytes(8)
			w.closeField(&f)
		}
		t.take(tag, 0, false)
	}
}

// needs fails a known tagged field that the version does not have.
func (w *window) needs(ok bool) {
	if !ok {
		w.fail(BadTag)
	}
}

func (r *FetchRequest) parseForgotten(w *window, version int16) {
	r.Forgotten, r.ForgottenIDs = reuse(r.Forgotten), reuse(r.ForgottenIDs)
	if version < 7 {
		return
	}
	compact := version >= 12
	for n := w.count(compact, leastTopic(version, compact)); n > 0 && w.bad == 0; n-- {
		t := ForgottenTopic{First: len(r.ForgottenIDs)}
		t.Name = w.topicName(version, compact, &t.ID)
		r.ForgottenIDs = w.indexes(r.ForgottenIDs, compact)
		if compact {
			w.tags()
		}
		t.Count = len(r.ForgottenIDs) - t.First
		r.Forgotten = append(r.Forgotten, t)
	}
}

// indexes appends an array of partition numbers.
func (w *window) indexes(dst []int32, compact bool) []int32 {
	for n := w.count(compact, 4); n > 0 && w.bad == 0; n-- {
		dst = append(dst, w.i32())
	}
	return dst
}

// parseTags reads the request's tagged fields: 0 the cluster id, 1 the replica (v15).
func (r *FetchRequest) parseTags(w *window, version int16) {
	t := tagWalk{}
	for t.begin(w); t.n > 0 && w.bad == 0; {
		tag, size := t.next(w)
		f := w.field(size)
		switch tag {
		case 0:
			r.ClusterID = f.nullString(true)
			w.closeField(&f)
		case 1:
			f.needs(version >= 15)
			r.ReplicaID, r.ReplicaEpoch = f.i32(), f.i64()
			f.tags()
			w.closeField(&f)
		}
		t.take(tag, 0, false)
	}
}
