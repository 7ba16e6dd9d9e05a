package protocol

// ProduceEvents receives what a ProduceScanner finds, in the order of the request. Byte slices alias the bytes that
// were scanned and are valid during the call. An error ends the scan and comes back from Scan.
type ProduceEvents interface {
	// Head comes first. A nil transactional id is null; it is nil before v3.
	Head(transactionalID []byte, acks int16, timeoutMillis, topics int32) error
	// Topic has a name up to v12, an id from v13 on.
	Topic(name []byte, id [16]byte, partitions int32) error
	// Partition comes before its records, of which there are recordBytes; -1: null.
	Partition(index int32, recordBytes int64) error
	// Batch announces one batch. Cut says that the records end before it does.
	Batch(b *Batch) error
	// End says that the request is complete.
	End() error
}

// Places in a Produce request.
const (
	inHead place = iota
	inTopic
	inPartition
	inRecords
	inPartitionTags
	inTopicTags
	inBodyTags
	inEnd
)

var produceNames = [...]string{
	inHead: "head", inTopic: "topic", inPartition: "partition", inRecords: "records",
	inPartitionTags: "partition tags", inTopicTags: "topic tags", inBodyTags: "tags", inEnd: "end",
}

// A ProduceScanner reads the body of a Produce request as it streams by, changing nothing and allocating nothing. Its
// methods are Reset, Scan, Opaque, Skip, Left and Want; the rules are stream's. The zero value wants a Reset.
type ProduceScanner struct {
	stream
	ev      ProduceEvents
	version int16
	flex    bool
	at      place
	topics  int32
	parts   int32
	tag     tagWalk
}

// Reset starts a request whose body, behind the request header, has size bytes.
func (s *ProduceScanner) Reset(version int16, size int64, ev ProduceEvents) {
	s.reset("produce request", size)
	s.ev, s.version, s.flex, s.at, s.tag = ev, version, version >= 9, inHead, tagWalk{}
	if version < 0 || version > maxProduce {
		s.err = s.failure("version", 0, BadVersion)
	}
}

// Skip lets n bytes of the open batch pass unseen, n at most Opaque. It closes the request where it ends there.
func (s *ProduceScanner) Skip(n int64) error {
	if err := s.skip(n); err != nil {
		return err
	}
	if s.left == 0 {
		_, err := s.Scan(nil)
		return err
	}
	return nil
}

// Scan reads the next bytes of the body, ignoring what lies beyond its end, and returns how many it consumed.
func (s *ProduceScanner) Scan(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	w := s.window(p)
	for s.at != inEnd {
		if s.at == inRecords {
			for s.nextBatch(&w) {
				if s.err = s.ev.Batch(&s.batch); s.err != nil {
					return w.i, s.err
				}
				s.enterBatch(&w)
			}
			if s.rec > 0 || s.err != nil {
				return w.i, s.err
			}
			s.afterRecords()
			continue
		}
		mark := w.i
		err := s.step(&w)
		if w.bad == 0 && w.i-mark > MaxElement {
			w.fail(TooLarge)
		}
		if w.bad != 0 {
			return mark, s.stop(&w, mark, produceNames[s.at])
		}
		if err != nil {
			s.err = err
			return mark, err
		}
		s.left -= int64(w.i - mark)
	}
	return w.i, s.end()
}

// end closes the request, once.
func (s *ProduceScanner) end() error {
	if s.left > 0 {
		return s.fail(produceNames[inEnd], 0, Trailing)
	}
	if s.ev == nil {
		return nil
	}
	ev := s.ev
	s.ev = nil
	s.err = ev.End()
	return s.err
}

func (s *ProduceScanner) step(w *window) error {
	switch s.at {
	case inHead:
		return s.stepHead(w)
	case inTopic:
		return s.stepTopic(w)
	case inPartition:
		return s.stepPartition(w)
	default:
		s.stepTags(w)
	}
	return nil
}

func (s *ProduceScanner) stepHead(w *window) error {
	var txn []byte
	if s.version >= 3 {
		txn = w.nullString(s.flex)
	}
	acks, timeout := w.i16(), w.i32()
	topics := w.count(s.flex, leastTopic(s.version, s.flex))
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Head(txn, acks, timeout, topics); err != nil {
		return err
	}
	s.topics = topics
	s.nextTopic()
	return nil
}

func (s *ProduceScanner) stepTopic(w *window) error {
	var id [16]byte
	name := w.topicName(s.version, s.flex, &id)
	least := int64(4 + 4)
	if s.flex {
		least = 4 + 1 + 1
	}
	parts := w.count(s.flex, least)
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Topic(name, id, parts); err != nil {
		return err
	}
	s.parts = parts
	s.nextPartition()
	return nil
}

func (s *ProduceScanner) stepPartition(w *window) error {
	index, size := w.i32(), w.length(s.flex)
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Partition(index, size); err != nil {
		return err
	}
	s.rec = max(size, 0)
	s.at = inRecords
	return nil
}

// stepTags reads the next element of a section of tagged fields; a Produce request knows none.
func (s *ProduceScanner) stepTags(w *window) {
	t := &s.tag
	switch {
	case t.none(w):
		s.afterTags()
		return
	case !t.open:
		t.begin(w)
	case t.skip > 0:
		t.pass(w)
	default:
		if tag, size := t.next(w); w.bad == 0 {
			t.take(tag, int64(size), false)
		}
	}
	if w.bad == 0 && t.done() {
		s.afterTags()
	}
}

func (s *ProduceScanner) afterTags() {
	switch s.at {
	case inPartitionTags:
		s.nextPartition()
	case inTopicTags:
		s.nextTopic()
	default:
		s.at = inEnd
	}
}

func (s *ProduceScanner) afterRecords() {
	if s.flex {
		s.at = inPartitionTags
	} else {
		s.nextPartition()
	}
}

func (s *ProduceScanner) nextPartition() {
	switch {
	case s.parts > 0:
		s.parts--
		s.at = inPartition
	case s.flex:
		s.at = inTopicTags
	default:
		s.nextTopic()
	}
}

func (s *ProduceScanner) nextTopic() {
	switch {
	case s.topics > 0:
		s.topics--
		s.at = inTopic
	case s.flex:
		s.at = inBodyTags
	default:
		s.at = inEnd
	}
}
