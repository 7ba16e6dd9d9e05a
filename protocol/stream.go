package protocol

// A stream is what the scanners have in common: where they are in the frame and in the record set, and the walk over
// batch headers.
//
// The rules that all of them keep:
//   - Scan consumes whole elements only. It returns 0 and no error exactly when the next element is not all there;
//     Want says how many bytes in a row it needs at least. Otherwise it made headway and may be called again.
//   - An event comes before any byte of its element counts as consumed. If it fails, Scan returns what was consumed
//     before, and the event's error.
//   - After an error the scanner returns the same error until the next Reset.
type stream struct {
	what string // the message, for errors
	size int64  // of the frame
	left int64  // of the frame, not consumed
	rec  int64  // of the open record set, not consumed, body included
	body int64  // of the open batch, not consumed
	want int
	err  error

	batch  Batch
	header int // bytes of batch's header
}

func (s *stream) reset(what string, size int64) {
	s.what, s.size, s.left = what, size, size
	s.rec, s.body, s.want, s.err = 0, 0, 0, nil
	if size <= 0 { // no message is empty
		s.left = 0
		s.err = s.failure("size", 0, Short)
	}
}

// Opaque returns how many bytes from here on nobody needs to see: the rest of the open batch.
func (s *stream) Opaque() int64 { return s.body }

// Left returns the bytes of the frame that were not consumed yet. 0: the frame is complete and End has been called,
// unless there was an error.
func (s *stream) Left() int64 { return s.left }

// Want returns how many bytes in a row the next Scan needs at least, after one that returned 0.
func (s *stream) Want() int { return s.want }

// skip lets n bytes of the open batch pass unseen.
func (s *stream) skip(n int64) error {
	switch {
	case s.err != nil:
		return s.err
	case n < 0 || n > s.body:
		return s.fail("skip", 0, Misuse)
	}
	s.body -= n
	s.rec -= n
	s.left -= n
	return nil
}

// window opens p, which starts where the last Scan ended.
func (s *stream) window(p []byte) window {
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	return window{p: p, left: s.left}
}

// failure describes what is wrong at the given distance from here.
func (s *stream) failure(element string, ahead int, r Reason) error {
	return &Error{What: s.what + ": " + element, Offset: s.size - s.left + int64(ahead), Reason: r}
}

// fail notes and returns what is wrong: nothing goes on behind it.
func (s *stream) fail(element string, ahead int, r Reason) error {
	s.err = s.failure(element, ahead, r)
	return s.err
}

// stop ends a Scan whose window failed in the element that starts at mark. What was consumed before is kept.
func (s *stream) stop(w *window, mark int, element string) error {
	if w.bad != more {
		return s.fail(element, w.i-mark, w.bad)
	}
	s.want = w.need - mark
	if s.want > MaxElement {
		return s.fail(element, w.i-mark, TooLarge)
	}
	return nil
}

// nextBatch lets the open batch's body pass and reads the header behind it. True: s.batch is to be announced, and then
// entered. False: the record set is through (rec is 0), p is used up, or the header is bad (s.err).
func (s *stream) nextBatch(w *window) bool {
	if s.body > 0 {
		n := min(s.body, int64(len(w.p)-w.i))
		w.i += int(n)
		s.body -= n
		s.rec -= n
		s.left -= n
		if s.body > 0 {
			s.want = 1
			return false
		}
	}
	if s.rec == 0 {
		return false
	}
	size, need, bad := s.batch.parse(w.p[w.i:], s.rec)
	if bad != 0 {
		s.err = s.failure("batch", 0, bad)
		return false
	}
	s.header, s.want = size, need
	return size > 0
}

// enterBatch consumes the announced header.
func (s *stream) enterBatch(w *window) {
	w.i += s.header
	s.body = s.batch.Have - int64(s.header)
	s.rec -= int64(s.header)
	s.left -= int64(s.header)
}
