package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
)

// The tests' own protocol, as simple as one with headers, opaque bodies and frames can be:
//
//	frame:   length uint32 (of what follows), elements to its end
//	element: 'B' id uint32 size uint32, size opaque bytes         a batch: 9 bytes to see, and a body
//	         'N' id uint32 size uint32, size bytes to be seen     a name: must be shown whole
//	         'T' id uint32 size uint32, size bytes to be seen     a tail: like a name, but in user mode only
const elementHead = 9

// An element is one to be sent, and what a scanner saw.
type element struct {
	Kind byte
	ID   uint32
	Size int
}

// encode returns the frames' bytes. Bodies are a pattern that differs from place to place.
func encode(frames ...[]element) []byte {
	var out []byte
	for _, f := range frames {
		at := len(out)
		out = append(out, 0, 0, 0, 0)
		for _, e := range f {
			out = append(out, e.Kind)
			out = binary.BigEndian.AppendUint32(out, e.ID)
			out = binary.BigEndian.AppendUint32(out, uint32(e.Size))
			body := len(out)
			out = append(out, make([]byte, e.Size)...)
			for i := body; i < len(out); i++ {
				out[i] = byte(i*7 + i>>8 + int(e.ID))
			}
		}
		binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	}
	return out
}

// batches returns frames of n batches of the given size each, with ids from 0 on.
func batches(frames, n, size int) [][]element {
	var out [][]element
	id := uint32(0)
	for range frames {
		var f []element
		for range n {
			f = append(f, element{'B', id, size})
			id++
		}
		out = append(out, f)
	}
	return out
}

// mixture returns frames with everything in them: empty ones, tiny and large batches, names, tails.
func mixture(seed uint64, frames int) [][]element {
	rnd := rand.New(rand.NewPCG(seed, 1))
	sizes := []int{0, 1, 80, 900, 5_000, 33_000, 70_000, 300_000, 1_200_000}
	var out [][]element
	id := uint32(0)
	for range frames {
		var f []element
		for range rnd.IntN(6) {
			e := element{'B', id, sizes[rnd.IntN(len(sizes))]}
			if rnd.IntN(4) == 0 {
				e = element{'N', id, rnd.IntN(900)}
			}
			f = append(f, e)
			id++
		}
		if rnd.IntN(3) == 0 {
			f = append(f, element{'T', id, rnd.IntN(40)})
			id++
		}
		out = append(out, f)
	}
	return out
}

func flatten(frames [][]element) (out []element) {
	for _, f := range frames {
		out = append(out, f...)
	}
	return out
}

// testScanner checks the movers' side of the contract while it scans.
type testScanner struct {
	left   int64 // of the open frame
	opaque int64

	// What it was shown; kept only with keep set.
	keep bool
	seen []element

	batch       func(size int64) // told of each batch
	passed      atomic.Int64     // by Scan and Skip
	committed   int64            // of what passed, at the last Commit
	given       int64            // by Release
	smallest    int64            // a frame this small is declined at its head in kernel mode
	inUser      bool             // the driver says who shows
	decline     bool
	failAt      int64 // Scan fails once so many bytes have passed
	failCommit  error
	failRelease error
	fault       error // a breach of the contract
}

var errScan = errors.New("the scanner objects")

func (s *testScanner) breach(format string, args ...any) {
	if s.fault == nil {
		s.fault = fmt.Errorf(format, args...)
	}
}

func (s *testScanner) Scan(p []byte) (int, error) {
	if len(p) == 0 {
		s.breach("an empty Scan")
	}
	if s.failAt > 0 && s.passed.Load() >= s.failAt {
		return 0, errScan
	}
	n, ok := 0, true
	for ok && s.opaque == 0 && n < len(p) {
		var m int
		m, ok = s.one(p[n:])
		n += m
	}
	if s.opaque > 0 { // lets opaque bytes pass too
		m := min(s.opaque, int64(len(p)-n))
		s.opaque -= m
		s.left -= m
		n += int(m)
	}
	s.passed.Add(int64(n))
	return n, nil
}

// one reads a frame's length or an element; false asks for more.
func (s *testScanner) one(p []byte) (int, bool) {
	if s.left == 0 {
		if len(p) < 4 {
			return 0, false
		}
		l := int64(binary.BigEndian.Uint32(p))
		if !s.inUser && l < s.smallest {
			s.decline = true
			return 0, false
		}
		s.left = l
		return 4, true
	}
	if len(p) < elementHead {
		return 0, false
	}
	e := element{p[0], binary.BigEndian.Uint32(p[1:]), int(binary.BigEndian.Uint32(p[5:]))}
	n := elementHead
	switch e.Kind {
	case 'B':
		s.opaque = int64(e.Size)
		if s.batch != nil {
			s.batch(int64(e.Size))
		}
	case 'T':
		if !s.inUser {
			s.decline = true
			return 0, false
		}
		fallthrough
	case 'N':
		n += e.Size
		if len(p) < n {
			return 0, false
		}
	default:
		s.breach("element kind %q at %d", e.Kind, s.passed.Load())
	}
	s.left -= int64(n)
	if s.keep {
		s.seen = append(s.seen, e)
	}
	return n, true
}

func (s *testScanner) Opaque() int64 { return s.opaque }

func (s *testScanner) Skip(n int64) {
	if n <= 0 || n > s.opaque {
		s.breach("skip %d of %d", n, s.opaque)
	}
	s.opaque -= n
	s.left -= n
	s.passed.Add(n)
}

func (s *testScanner) Kernel() (int64, bool) { return s.left, !s.decline }

func (s *testScanner) Commit() error {
	s.committed = s.passed.Load()
	return s.failCommit
}

func (s *testScanner) Release(n int64) error {
	s.given += n
	if n <= 0 || s.given > s.committed {
		s.breach("released %d, in all %d of %d that were committed", n, s.given, s.committed)
	}
	return s.failRelease
}

// firstDifference describes where two streams part.
func firstDifference(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d bytes, want %d; first difference at %d", len(got), len(want), i)
}
