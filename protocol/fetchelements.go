package protocol

import "encoding/binary"

// stepHead reads the response header and everything up to the number of topics.
func (s *response) stepHead(w *window) error {
	h := &s.head
	*h = FetchHead{ThrottleAt: -1}
	h.Correlation = w.i32()
	if s.flex {
		w.tags()
	}
	if s.share || s.version >= 1 {
		h.ThrottleAt = w.i
		h.Throttle = w.i32()
	}
	switch {
	case s.share:
		h.Error = w.i16()
		w.nullString(true)
		if s.version >= 1 {
			h.LockTimeout = w.i32()
		}
	case s.version >= 7:
		h.Error = w.i16()
		h.SessionID = w.i32()
	}
	h.TopicsAt = w.i
	h.Topics = w.count(s.flex, leastTopic(s.named(), s.flex))
	h.Size = w.i
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Head(h); err != nil {
		return err
	}
	s.topics = h.Topics
	s.nextTopic()
	return nil
}

// named returns the Fetch version whose way to name topics this response has.
func (s *response) named() int16 {
	if s.share {
		return maxFetch
	}
	return s.version
}

func (s *response) stepTopic(w *window) {
	var id [16]byte
	name := w.topicName(s.named(), s.flex, &id)
	parts := w.count(s.flex, s.leastPartition())
	if w.bad != 0 {
		return
	}
	s.part.ID = id
	if name != nil {
		s.name = append(s.name[:0], name...)
		s.part.Name = s.name
	} else {
		s.part.Name = nil
	}
	s.parts = parts
	s.nextPartition()
	s.tail = s.tail || parts == 0 && s.topics == 0
}

// leastPartition returns the fewest bytes that a partition without records takes.
func (s *response) leastPartition() int64 {
	switch {
	case s.share: // index, 2 × (error, message), leader and its tags, records, acquired, tags
		return 4 + 2*(2+1) + 4 + 4 + 1 + 1 + 1 + 1
	case s.flex: // index, error, 3 offsets, aborted, preferred replica, records, tags
		return 4 + 2 + 3*8 + 1 + 4 + 1 + 1
	case s.version >= 11:
		return 4 + 2 + 3*8 + 4 + 4 + 4
	case s.version >= 5:
		return 4 + 2 + 3*8 + 4 + 4
	case s.version == 4:
		return 4 + 2 + 2*8 + 4 + 4
	}
	return 4 + 2 + 8 + 4
}

// stepPartition reads what stands in front of the aborted transactions (Fetch) or the records (ShareFetch).
func (s *response) stepPartition(w *window) {
	if s.share {
		s.stepSharePartition(w)
	} else {
		s.stepFetchPartition(w)
	}
}

func (s *response) stepSharePartition(w *window) {
	p := &s.part
	p.Index = w.i32()
	p.Error = w.i16()
	w.nullString(true)
	p.AckError = w.i16()
	w.nullString(true)
	p.LeaderID = w.i32()
	p.LeaderEpoch = w.i32()
	w.tags()
	s.at = when(w, atRecordsLength, s.at)
}

// stepFetchPartition takes the fixed fields in one piece.
func (s *response) stepFetchPartition(w *window) {
	size := 4 + 2 + 8
	switch {
	case s.version >= 5:
		size += 8 + 8
	case s.version == 4:
		size += 8
	}
	b := w.bytes(int64(size))
	if w.bad != 0 {
		return
	}
	p := &s.part
	p.Index = int32(binary.BigEndian.Uint32(b))
	p.Error = int16(binary.BigEndian.Uint16(b[4:]))
	p.HighWatermark = int64(binary.BigEndian.Uint64(b[6:]))
	if s.version >= 4 {
		p.LastStable = int64(binary.BigEndian.Uint64(b[14:]))
	}
	if s.version >= 5 {
		p.LogStart = int64(binary.BigEndian.Uint64(b[22:]))
	}
	if s.version >= 4 {
		least := int64(16)
		if s.flex {
			least++
		}
		p.Aborted = w.nullCount(s.flex, least)
	}
	s.aborted = max(p.Aborted, 0)
	switch {
	case w.bad != 0:
	case s.aborted > 0:
		s.at = atAborted
	default:
		s.at = atRecordsLength
	}
}

// when returns next if the window is well, else the place where we are: the element will be read again.
func when(w *window, next, here place) place {
	if w.bad != 0 {
		return here
	}
	return next
}

// stepAborted passes over one aborted transaction. Thousands can stand in a partition that had bad days, so they are
// no part of the partition's element.
func (s *response) stepAborted(w *window) {
	if s.aborted == 0 {
		s.at = atRecordsLength
		return
	}
	w.bytes(16)
	if s.flex {
		w.tags()
	}
	if w.bad == 0 {
		s.aborted--
	}
}

func (s *response) stepRecordsLength(w *window) error {
	if !s.share && s.version >= 11 {
		s.part.PreferredReplica = w.i32()
	}
	s.part.RecordBytes = w.length(s.flex)
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Partition(&s.part); err != nil {
		return err
	}
	s.rec = max(s.part.RecordBytes, 0)
	s.at = atRecords
	s.recordsDone()
	return nil
}

func (s *response) stepAcquiredCount(w *window) {
	n := w.count(true, 8+8+2+1)
	if w.bad != 0 {
		return
	}
	s.acquired = n
	s.at = atAcquired
}

func (s *response) stepAcquired(w *window) error {
	if s.acquired == 0 {
		s.at = atPartitionTags
		return nil
	}
	first, last, delivery := w.i64(), w.i64(), w.i16()
	w.tags()
	if w.bad != 0 {
		return nil
	}
	if err := s.ev.Acquired(first, last, delivery); err != nil {
		return err
	}
	s.acquired--
	return nil
}
