package protocol_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"doorkeeper/protocol"
)

// An event is a line of text, or a batch as it is: there are too many of them to print each.
type event struct {
	Text  string
	Batch protocol.Batch
}

// A journal is what a scanner told, one event a line, and in front of each line where in the frame it was told.
type journal struct {
	lines []event
	at    []int64
	pos   func() int64

	failAt int // the event of this number fails; 0: none
}

var errEvent = errors.New("the event failed")

func (j *journal) verdict() error {
	if j.failAt == len(j.lines) && j.failAt > 0 {
		return errEvent
	}
	return nil
}

func (j *journal) add(format string, args ...any) {
	j.event(event{Text: fmt.Sprintf(format, args...)})
}

func (j *journal) event(e event) {
	j.lines = append(j.lines, e)
	if j.pos != nil {
		j.at = append(j.at, j.pos())
	}
}

func (j *journal) batch(b *protocol.Batch) { j.event(event{"batch", *b}) }
func (j *journal) end()                    { j.add("end") }

// responses records the events of a Fetch or ShareFetch response.
type responses struct{ journal }

func (j *responses) Head(h *protocol.FetchHead) error {
	j.add("head correlation=%d throttle=%d error=%d session=%d lock=%d topics=%d", h.Correlation, h.Throttle, h.Error, h.SessionID, h.LockTimeout, h.Topics)
	return j.verdict()
}

func (j *responses) Partition(p *protocol.FetchPartition) error {
	j.add("partition %s", printPartition(p))
	return j.verdict()
}

func printPartition(p *protocol.FetchPartition) string {
	return fmt.Sprintf("%q %x-%d error=%d/%d hw=%d lso=%d start=%d aborted=%d preferred=%d leader=%d/%d records=%d",
		p.Name, p.ID, p.Index, p.Error, p.AckError, p.HighWatermark, p.LastStable, p.LogStart, p.Aborted, p.PreferredReplica, p.LeaderID, p.LeaderEpoch, p.RecordBytes)
}

func (j *responses) Batch(b *protocol.Batch) error { j.batch(b); return j.verdict() }
func (j *responses) End() error                    { j.end(); return j.verdict() }
func (j *responses) Acquired(first, last int64, delivery int16) error {
	j.add("acquired %d-%d %d", first, last, delivery)
	return j.verdict()
}

// requests records the events of a Produce request.
type requests struct{ journal }

func (j *requests) Head(txn []byte, acks int16, timeout, topics int32) error {
	j.add("head txn=%s acks=%d timeout=%d topics=%d", nullable(txn), acks, timeout, topics)
	return j.verdict()
}

func (j *requests) Topic(name []byte, id [16]byte, partitions int32) error {
	j.add("topic %q %x partitions=%d", name, id, partitions)
	return j.verdict()
}

func (j *requests) Partition(index int32, recordBytes int64) error {
	j.add("partition %d records=%d", index, recordBytes)
	return j.verdict()
}

func (j *requests) Batch(b *protocol.Batch) error { j.batch(b); return j.verdict() }
func (j *requests) End() error                    { j.end(); return j.verdict() }

func nullable(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// A scanner is what all three have.
type scanner interface {
	Scan(p []byte) (int, error)
	Opaque() int64
	Skip(n int64) error
	Left() int64
	Want() int
}

// scanWhole gives the scanner all of the frame at once, again until it wants no more.
func scanWhole(s scanner, frame []byte) error {
	if len(frame) == 0 {
		_, err := s.Scan(nil)
		return err
	}
	for off := 0; s.Left() > 0; {
		n, err := s.Scan(frame[off:])
		if err != nil {
			return err
		}
		if off += n; n == 0 {
			return fmt.Errorf("stuck at %d of %d", off, len(frame))
		}
	}
	return nil
}

// scanGrowing shows one byte more at a time.
func scanGrowing(s scanner, frame []byte) error {
	for off, end := 0, 0; s.Left() > 0; {
		n, err := s.Scan(frame[off:end])
		if err != nil {
			return err
		}
		if off += n; n == 0 {
			if end == len(frame) {
				return fmt.Errorf("stuck at %d of %d", off, len(frame))
			}
			if want := off + s.Want(); want <= end && off < end {
				return fmt.Errorf("stopped at %d with %d there, and wants only %d", off, end, want)
			}
			end++
		}
	}
	return nil
}

// scanCut shows the frame in two parts: up to cut as long as that gets on, then all.
func scanCut(s scanner, frame []byte, cut int) error {
	off := 0
	for s.Left() > 0 {
		n, err := s.Scan(frame[off:cut])
		if err != nil {
			return err
		}
		if off += n; n == 0 {
			break
		}
	}
	return scanWhole(&offset{s, off}, frame)
}

// offset is a scanner that stands at some byte of the frame.
type offset struct {
	scanner
	off int
}

func (o *offset) Scan(p []byte) (int, error) {
	if o.off > 0 {
		p = p[o.off:]
	}
	return o.scanner.Scan(p)
}

// scanKernel does what a mover does that peeks: 96 bytes at a time, or as many as are wanted, and opaque bytes unseen.
func scanKernel(s scanner, frame []byte) error {
	off, peek := 0, 96
	for s.Left() > 0 {
		if o := s.Opaque(); o > 0 {
			if err := s.Skip(o); err != nil {
				return err
			}
			off += int(o)
			continue
		}
		n, err := s.Scan(frame[off:min(off+peek, len(frame))])
		if err != nil {
			return err
		}
		off += n
		switch {
		case n > 0:
			peek = 96
		case s.Want() <= peek || off+peek > len(frame):
			return fmt.Errorf("stuck at %d of %d", off, len(frame))
		default:
			peek = s.Want()
		}
	}
	return nil
}

// scanRandom shows chunks of random size and skips random parts of what is opaque.
func scanRandom(s scanner, frame []byte, r *rand.Rand) error {
	off, more := 0, 0
	for s.Left() > 0 {
		if o := s.Opaque(); o > 0 && r.IntN(2) == 0 {
			n := 1 + r.Int64N(o)
			if err := s.Skip(n); err != nil {
				return err
			}
			off += int(n)
			continue
		}
		end := min(off+more+r.IntN(100), len(frame))
		n, err := s.Scan(frame[off:end])
		if err != nil {
			return err
		}
		off += n
		switch {
		case n > 0:
			more = 0
		case end == len(frame):
			return fmt.Errorf("stuck at %d of %d", off, len(frame))
		default:
			more = end - off
		}
	}
	return nil
}

// ways are the manners of feeding that must all tell the same.
func ways(frame []byte, seed uint64) map[string]func(scanner) error {
	r := rand.New(rand.NewPCG(seed, 7))
	m := map[string]func(scanner) error{
		"growing": func(s scanner) error { return scanGrowing(s, frame) },
		"kernel":  func(s scanner) error { return scanKernel(s, frame) },
		"cut":     func(s scanner) error { return scanCut(s, frame, r.IntN(len(frame)+1)) },
	}
	if len(frame) == 0 { // the loops above would not even begin
		return nil
	}
	for i := range 3 {
		m[fmt.Sprint("random ", i)] = func(s scanner) error { return scanRandom(s, frame, r) }
	}
	return m
}

// versionsTo runs a subtest per version.
func versionsTo(t *testing.T, last int16, test func(t *testing.T, version int16)) {
	for v := int16(0); v <= last; v++ {
		t.Run(fmt.Sprintf("v%d", v), func(t *testing.T) { test(t, v) })
	}
}
