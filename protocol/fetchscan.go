package protocol

// Places in a Fetch or ShareFetch response. Each is one element that is consumed as a whole, but for atRecords.
type place uint8

const (
	atHead place = iota
	atTopic
	atPartition
	atAborted
	atRecordsLength
	atRecords
	atAcquiredCount
	atAcquired
	atPartitionTags
	atTopicTags
	atEndpoints
	atBodyTags
	atEnd
)

var placeNames = [...]string{
	atHead: "head", atTopic: "topic", atPartition: "partition", atAborted: "aborted transaction",
	atRecordsLength: "records length", atRecords: "records", atAcquiredCount: "acquired records",
	atAcquired: "acquired records", atPartitionTags: "partition tags", atTopicTags: "topic tags",
	atEndpoints: "node endpoints", atBodyTags: "tags", atEnd: "end",
}

// response is the scanner behind FetchScanner and ShareFetchScanner: the two differ in their elements only.
type response struct {
	stream
	ev      StreamEvents
	version int16
	share   bool
	flex    bool
	hide    bool
	tail    bool
	at      place

	topics   int32 // behind the open one
	parts    int32 // behind the open one
	aborted  int32
	acquired int32
	tag      tagWalk

	head FetchHead
	part FetchPartition
	name []byte // part.Name's memory

	endpoints span
}

// A span is a range of bytes of the frame; start -1: there is none.
type span struct{ tag, start, end int64 }

// A FetchScanner reads a Fetch response, header included, as it streams by. Its methods are Reset, Scan, Opaque, Skip,
// Left, Want, Tail and EndpointsAt; it allocates nothing but the memory of the longest topic name. The zero value
// wants a Reset.
type FetchScanner struct{ response }

// Reset starts a frame of size bytes: everything behind the 4 length bytes, the correlation id first. With hide the
// broker endpoints behind the records are hidden from the client, in place and at equal length (Scan).
func (s *FetchScanner) Reset(version int16, size int64, hide bool, ev StreamEvents) {
	s.start("fetch response", version, size, hide, ev)
	s.share, s.flex = false, version >= 12
	s.part = FetchPartition{LastStable: -1, LogStart: -1, Aborted: -1, PreferredReplica: -1, LeaderID: -1, LeaderEpoch: -1}
	if version < 0 || version > maxFetch {
		s.err = s.failure("version", 0, BadVersion)
	}
}

// A ShareFetchScanner reads a ShareFetch response as FetchScanner reads a Fetch response.
type ShareFetchScanner struct{ response }

// Reset starts a frame, see FetchScanner.Reset.
func (s *ShareFetchScanner) Reset(version int16, size int64, hide bool, ev StreamEvents) {
	s.start("share fetch response", version, size, hide, ev)
	s.share, s.flex = true, true
	s.part = FetchPartition{HighWatermark: -1, LastStable: -1, LogStart: -1, Aborted: -1, PreferredReplica: -1}
	if version < 0 || version > maxShareFetch {
		s.err = s.failure("version", 0, BadVersion)
	}
}

func (s *response) start(what string, version int16, size int64, hide bool, ev StreamEvents) {
	s.reset(what, size)
	s.ev, s.version, s.hide, s.tail, s.at = ev, version, hide, false, atHead
	s.endpoints = span{-1, -1, -1}
	s.tag = tagWalk{}
}

// Tail says that the records of the last partition have passed. What is still to come may hold broker endpoints and
// must be shown to Scan in the memory from which it is sent on.
func (s *response) Tail() bool { return s.tail }

// EndpointsAt returns where the array of broker endpoints stands in the frame: the content of tag 0 in a Fetch
// response, the array itself in a ShareFetch response. -1, -1: there is none, or it has not come yet, or it is hidden.
func (s *response) EndpointsAt() (start, end int64) { return s.endpoints.start, s.endpoints.end }

// Skip lets n bytes of the open batch pass unseen, n at most Opaque. It closes the frame where it ends there.
func (s *response) Skip(n int64) error {
	if err := s.skip(n); err != nil {
		return err
	}
	s.recordsDone()
	if s.left == 0 {
		_, err := s.Scan(nil)
		return err
	}
	return nil
}

// Scan reads the next bytes of the frame, ignoring what lies beyond its end, and returns how many it consumed: see
// stream for the rules. Where Tail turns true it stops, even with more to read, so that a caller that only peeked can
// change to reading before the endpoints come.
//
// With hide Scan changes p. In a Fetch response the endpoints' tag becomes 126, which nobody knows, and what is in it
// zeros. In a ShareFetch response, where they are an ordinary array, the array becomes empty and its bytes the zeros of
// such a tag.
func (s *response) Scan(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	w := s.window(p)
	tail := s.tail
	for s.at != atEnd {
		if s.at == atRecords {
			for s.nextBatch(&w) {
				if s.err = s.ev.Batch(&s.batch); s.err != nil {
					return w.i, s.err
				}
				s.enterBatch(&w)
			}
			if s.rec > 0 || s.err != nil {
				return w.i, s.err
			}
			s.recordsDone()
			s.afterRecords()
		} else {
			mark := w.i
			err := s.step(&w)
			if w.bad == 0 && w.i-mark > MaxElement {
				w.fail(TooLarge)
			}
			if w.bad != 0 {
				return mark, s.stop(&w, mark, placeNames[s.at])
			}
			if err != nil {
				s.err = err
				return mark, err
			}
			s.left -= int64(w.i - mark)
		}
		if s.tail && !tail && s.left > 0 {
			return w.i, nil
		}
	}
	return w.i, s.end()
}

// end closes the frame, once.
func (s *response) end() error {
	if s.left > 0 {
		return s.fail(placeNames[atEnd], 0, Trailing)
	}
	if s.ev == nil {
		return nil
	}
	ev := s.ev
	s.ev = nil
	s.err = ev.End()
	return s.err
}

// step reads one element and moves on. Nothing counts until the window turns out well.
func (s *response) step(w *window) error {
	switch s.at {
	case atHead:
		return s.stepHead(w)
	case atTopic:
		s.stepTopic(w)
	case atPartition:
		s.stepPartition(w)
	case atAborted:
		s.stepAborted(w)
	case atRecordsLength:
		return s.stepRecordsLength(w)
	case atAcquiredCount:
		s.stepAcquiredCount(w)
	case atAcquired:
		return s.stepAcquired(w)
	case atPartitionTags:
		s.stepPartitionTags(w)
	case atTopicTags:
		s.stepTopicTags(w)
	case atEndpoints:
		s.stepEndpoints(w)
	case atBodyTags:
		s.stepBodyTags(w)
	}
	return nil
}

// recordsDone turns to the tail once the last partition's records are through.
func (s *response) recordsDone() {
	if s.at == atRecords && s.rec == 0 && s.parts == 0 && s.topics == 0 {
		s.tail = true
	}
}

func (s *response) afterRecords() {
	switch {
	case s.share:
		s.at = atAcquiredCount
	case s.flex:
		s.at = atPartitionTags
	default:
		s.nextPartition()
	}
}

func (s *response) nextPartition() {
	switch {
	case s.parts > 0:
		s.parts--
		s.at = atPartition
	case s.flex:
		s.at = atTopicTags
	default:
		s.nextTopic()
	}
}

func (s *response) nextTopic() {
	switch {
	case s.topics > 0:
		s.topics--
		s.at = atTopic
		return
	case s.share:
		s.at = atEndpoints
	case s.flex:
		s.at = atBodyTags
	default:
		s.at = atEnd
	}
	s.tail = true
}
