package protocol_test

import (
	"errors"
	"slices"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const rounds = 24

// A subject is one of the scanners, as the tests see them.
type subject struct {
	name string
	last int16
	// make returns a random frame and the events that the oracle sees in it.
	make func(m maker, version int16) (frame []byte, want journal, err error)
	// open returns a scanner at the frame's start, and what it will tell.
	open func(version int16, size int64) (scanner, *journal)
}

var subjects = []subject{{
	name: "fetch", last: 18,
	make: func(m maker, v int16) ([]byte, journal, error) {
		r := m.fetchResponse(v)
		frame := m.frame(r)
		again := kmsg.NewPtrFetchResponse() // what the version does not carry is gone
		again.Version = v
		if err := again.ReadFrom(bodyOf(frame, r)); err != nil {
			return nil, journal{}, err
		}
		var want journal
		err := want.fetchResponse(7, again)
		return frame, want, err
	},
	open: func(v int16, size int64) (scanner, *journal) {
		s, j := new(protocol.FetchScanner), new(responses)
		j.pos = func() int64 { return size - s.Left() }
		s.Reset(v, size, false, j)
		return s, &j.journal
	},
}, {
	name: "share fetch", last: 2,
	make: func(m maker, v int16) ([]byte, journal, error) {
		r := m.shareFetchResponse(v)
		frame := m.frame(r)
		again := kmsg.NewPtrShareFetchResponse()
		again.Version = v
		if err := again.ReadFrom(bodyOf(frame, r)); err != nil {
			return nil, journal{}, err
		}
		var want journal
		err := want.shareFetchResponse(7, again)
		return frame, want, err
	},
	open: func(v int16, size int64) (scanner, *journal) {
		s, j := new(protocol.ShareFetchScanner), new(responses)
		j.pos = func() int64 { return size - s.Left() }
		s.Reset(v, size, false, j)
		return s, &j.journal
	},
}, {
	name: "produce", last: 13,
	make: func(m maker, v int16) ([]byte, journal, error) {
		frame := m.produceRequest(v).AppendTo(nil)
		again := kmsg.NewPtrProduceRequest()
		again.Version = v
		if err := again.ReadFrom(frame); err != nil {
			return nil, journal{}, err
		}
		var want journal
		err := want.produceRequest(again)
		return frame, want, err
	},
	open: func(v int16, size int64) (scanner, *journal) {
		s, j := new(protocol.ProduceScanner), new(requests)
		j.pos = func() int64 { return size - s.Left() }
		s.Reset(v, size, j)
		return s, &j.journal
	},
}}

func bodyOf(frame []byte, r kmsg.Response) []byte {
	_, body, err := protocol.ParseResponseHeader(frame, r.Key(), r.GetVersion())
	if err != nil {
		panic(err)
	}
	return frame[body:]
}

// Every frame tells what kmsg decodes from it.
func TestScanTellsWhatIsThere(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			versionsTo(t, s.last, func(t *testing.T, v int16) {
				for seed := range uint64(rounds) {
					frame, want, err := s.make(newMaker(seed), v)
					if err != nil {
						t.Fatal(err)
					}
					scan, got := s.open(v, int64(len(frame)))
					if err := scanWhole(scan, frame); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if !slices.Equal(want.lines, got.lines) {
						t.Fatalf("seed %d:\n%s", seed, cmp.Diff(want.lines, got.lines))
					}
				}
			})
		})
	}
}

// However a frame comes in pieces, the same is told at the same bytes.
func TestScanIsExact(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			versionsTo(t, s.last, func(t *testing.T, v int16) {
				for seed := range uint64(rounds / 5) {
					frame, _, err := s.make(newMaker(seed), v)
					if err != nil {
						t.Fatal(err)
					}
					before := slices.Clone(frame)
					whole, want := s.open(v, int64(len(frame)))
					if err := scanWhole(whole, frame); err != nil {
						t.Fatal(err)
					}
					for name, way := range ways(frame, seed) {
						sameWay(t, s, v, frame, want, name, way)
					}
					if seed == 0 {
						for cut := range frame {
							sameWay(t, s, v, frame, want, "cut", func(s scanner) error { return scanCut(s, frame, cut) })
						}
					}
					if !slices.Equal(before, frame) {
						t.Fatal("the scan changed the frame")
					}
				}
			})
		})
	}
}

func sameWay(t *testing.T, s subject, v int16, frame []byte, want *journal, name string, way func(scanner) error) {
	t.Helper()
	scan, got := s.open(v, int64(len(frame)))
	if err := way(scan); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if scan.Left() != 0 || scan.Opaque() != 0 {
		t.Fatalf("%s: %d left, %d opaque", name, scan.Left(), scan.Opaque())
	}
	if slices.Equal(want.lines, got.lines) && slices.Equal(want.at, got.at) {
		return
	}
	t.Fatalf("%s:\n%s\npositions:\n%s", name, cmp.Diff(want.lines, got.lines), cmp.Diff(want.at, got.at))
}

// A frame that says it is shorter than what it holds is an error at any length, and so is one with more behind.
func TestScanFindsWrongLengths(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			versionsTo(t, s.last, func(t *testing.T, v int16) {
				for seed := range uint64(5) {
					frame, _, err := s.make(newMaker(seed), v)
					if err != nil {
						t.Fatal(err)
					}
					for size := range frame {
						scan, got := s.open(v, int64(size))
						if err := scanWhole(scan, frame[:size]); reason(err) != protocol.Short {
							t.Fatalf("seed %d, size %d of %d: %v, told %+v", seed, size, len(frame), err, got.lines)
						}
					}
					longer := append(slices.Clone(frame), 0)
					scan, _ := s.open(v, int64(len(longer)))
					if err := scanWhole(scan, longer); reason(err) != protocol.Trailing {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			})
		})
	}
}

func reason(err error) protocol.Reason {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return 0
}

// An event that fails ends the scan in front of its element, for good.
func TestEventsCanFail(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			frame, _, err := s.make(newMaker(1), s.last)
			if err != nil {
				t.Fatal(err)
			}
			scan, all := s.open(s.last, int64(len(frame)))
			if err := scanWhole(scan, frame); err != nil {
				t.Fatal(err)
			}
			for k := range all.lines {
				scan, got := s.open(s.last, int64(len(frame)))
				got.failAt = k + 1
				if err := scanWhole(scan, frame); !errors.Is(err, errEvent) {
					t.Fatalf("event %d: %v", k, err)
				}
				if !slices.Equal(got.lines, all.lines[:k+1]) || int64(len(frame))-scan.Left() != all.at[k] {
					t.Fatalf("event %d: %+v, %d left", k, got.lines, scan.Left())
				}
				if n, err := scan.Scan(nil); n != 0 || !errors.Is(err, errEvent) {
					t.Fatalf("event %d: went on, %d, %v", k, n, err)
				}
			}
		})
	}
}

// What stands behind the frame is not the scanner's.
func TestScanStaysInTheFrame(t *testing.T) {
	for _, s := range subjects {
		frame, _, err := s.make(newMaker(1), s.last)
		if err != nil {
			t.Fatal(err)
		}
		scan, _ := s.open(s.last, int64(len(frame)))
		if err := scanWhole(scan, append(slices.Clone(frame), 1, 2, 3)); err != nil || scan.Left() != 0 {
			t.Fatalf("%s: %v", s.name, err)
		}
		if n, err := scan.Scan([]byte{1, 2, 3}); n != 0 || err != nil {
			t.Fatalf("%s: %d %v", s.name, n, err)
		}
	}
}
