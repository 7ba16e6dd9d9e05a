package relay

import (
	"errors"
	"io"
)

// A User is user mode for one direction: read, let the Scanner see everything, write what passed with one call.
type User struct {
	r *Reader
	w *Writer
	// Bytes at the front of the Reader that passed and are not handed over yet: after a deadline in the middle of a
	// write.
	due int
}

// NewUser returns user mode from r to w. Both stay the owner's, who may use them between two steps.
func NewUser(r *Reader, w *Writer) *User { return &User{r: r, w: w} }

// Run takes steps until one fails.
func (u *User) Run(s Scanner) (Reason, error) {
	for {
		if reason, err := u.Step(s); err != nil {
			return reason, err
		}
	}
}

// Step waits for bytes, at least one, and hands over all of them that the Scanner lets pass. It returns Declined and
// no error when done. After Woken, Step goes on where it was.
func (u *User) Step(s Scanner) (Reason, error) {
	if u.due == 0 {
		if err := u.r.Fill(); err != nil {
			return userFailed(SourceFailed, err)
		}
		n, err := scan(s, u.r.Bytes())
		if err != nil {
			return ScanFailed, err
		}
		if u.r.Len()-n >= MaxElement {
			return ScanFailed, ErrElement
		}
		u.due = n
		u.w.Add(u.r.Bytes()[:n])
	}
	return u.flush(s)
}

func (u *User) flush(s Scanner) (Reason, error) {
	if err := s.Commit(); err != nil {
		return ScanFailed, err
	}
	n, err := u.w.Flush()
	u.r.Consume(int(n))
	u.due -= int(n)
	if n > 0 {
		if err := s.Release(n); err != nil {
			return ScanFailed, err
		}
	}
	if err != nil {
		return userFailed(SinkFailed, err)
	}
	return Declined, nil
}

// scan lets the Scanner see p until it asks for more than there is, and returns how much passed.
func scan(s Scanner, p []byte) (passed int, err error) {
	for passed < len(p) {
		if o := s.Opaque(); o > 0 {
			n := min(o, int64(len(p)-passed))
			s.Skip(n)
			passed += int(n)
			continue
		}
		n, err := s.Scan(p[passed:])
		if err != nil {
			return passed, err
		}
		if n == 0 {
			break
		}
		passed += n
	}
	return passed, nil
}

func userFailed(r Reason, err error) (Reason, error) {
	switch {
	case isDeadline(err):
		return Woken, err
	case errors.Is(err, io.EOF) && r == SourceFailed:
		return Ended, err
	}
	return r, err
}
