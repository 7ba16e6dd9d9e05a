package protocol_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The fuzz targets hold scanners and parsers against kmsg: what we accept kmsg accepts, and sees the same in it. What
// we refuse kmsg refuses too, but for these, where we are stricter:
//   - Trailing: bytes behind the message. kmsg and Kafka ignore them; nobody honest sends them, and what is not read
//     cannot be judged.
//   - Null: an array that is null where the protocol has none, which Kafka refuses as well.
//   - Varint: an array length above 31 bits, which kmsg takes for null.
//   - BadTag: a tagged field twice (the last wins in Kafka), or known but not of this version (Kafka throws), or longer
//     than what is read of it (Kafka ignores its size).
//   - BadString: a compact string above 32767 bytes (Kafka throws).
//   - TooLarge: names and tagged fields that do not fit a window.
var stricter = map[protocol.Reason]bool{
	protocol.Trailing: true, protocol.Null: true, protocol.Varint: true, protocol.BadTag: true,
	protocol.BadString: true, protocol.TooLarge: true,
}

// checkScan feeds one frame and compares with what kmsg made of it.
func checkScan(t *testing.T, s subject, v int16, frame []byte, want *journal, oracle error) {
	t.Helper()
	before := slices.Clone(frame)
	scan, got := s.open(v, int64(len(frame)))
	err := scanWhole(scan, frame)
	for name, way := range ways(frame, uint64(len(frame))) {
		other, told := s.open(v, int64(len(frame)))
		if failed := way(other); (failed == nil) != (err == nil) || failed != nil && failed.Error() != err.Error() {
			t.Fatalf("%s: %v, whole: %v", name, failed, err)
		}
		if !slices.Equal(got.lines, told.lines) || !slices.Equal(got.at, told.at) {
			t.Fatalf("%s:\n%s\n%s", name, cmp.Diff(got.lines, told.lines), cmp.Diff(got.at, told.at))
		}
	}
	if !slices.Equal(before, frame) {
		t.Fatal("the frame changed")
	}
	switch {
	case err == nil && oracle != nil:
		t.Fatalf("accepted; oracle: %v\n%+v", oracle, got.lines)
	case err != nil && oracle == nil && !stricter[reason(err)]:
		t.Fatalf("refused: %v\n%+v", err, want.lines)
	case err == nil && !slices.Equal(want.lines, got.lines):
		t.Fatal(cmp.Diff(want.lines, got.lines))
	}
}

// asFrame puts a response header in front of what the fuzzer made.
func asFrame(body []byte, flexible bool) []byte {
	frame := []byte{0, 0, 0, 7}
	if flexible {
		frame = append(frame, 0)
	}
	return append(frame, body...)
}

// seeds gives the fuzzer some good frames of every version.
func seeds(f *testing.F, last int16, make func(m maker, v int16) []byte) {
	for v := int16(0); v <= last; v++ {
		f.Add(v, []byte{})
		for seed := range uint64(4) {
			f.Add(v, make(newMaker(seed), v))
		}
	}
}

func known(v, last int16) bool { return v >= 0 && v <= last }

func FuzzFetchResponse(f *testing.F) {
	seeds(f, 18, func(m maker, v int16) []byte { return m.fetchResponse(v).AppendTo(nil) })
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if !known(v, 18) {
			return
		}
		r := kmsg.NewPtrFetchResponse()
		r.Version = v
		err := r.ReadFrom(body)
		var want journal
		if err == nil {
			err = want.fetchResponse(7, r)
		}
		frame := asFrame(body, v >= 12)
		checkScan(t, subjects[0], v, frame, &want, err)
		checkHide(t, frame, func() hider { return openFetch(v, len(frame), true) })
	})
}

func FuzzShareFetchResponse(f *testing.F) {
	seeds(f, 2, func(m maker, v int16) []byte { return m.shareFetchResponse(v).AppendTo(nil) })
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if !known(v, 2) {
			return
		}
		r := kmsg.NewPtrShareFetchResponse()
		r.Version = v
		err := r.ReadFrom(body)
		var want journal
		if err == nil {
			err = want.shareFetchResponse(7, r)
		}
		frame := asFrame(body, true)
		checkScan(t, subjects[1], v, frame, &want, err)
		checkHide(t, frame, func() hider { return openShare(v, len(frame), true) })
	})
}

// checkHide hides in what may not even be a frame; if it is, what comes out is one with nothing to hide.
func checkHide(t *testing.T, frame []byte, open func() hider) {
	t.Helper()
	hidden := slices.Clone(frame)
	if scanWhole(open(), hidden) != nil {
		return
	}
	if !slices.Equal(hidden, frame) {
		again := slices.Clone(hidden)
		if err := scanWhole(open(), again); err != nil || !slices.Equal(again, hidden) {
			t.Fatalf("hiding twice: %v\n%x\n%x", err, hidden, again)
		}
	}
	random := slices.Clone(frame)
	if err := scanRandom(open(), random, rand.New(rand.NewPCG(1, 2))); err != nil || !slices.Equal(random, hidden) {
		t.Fatalf("hiding in pieces: %v\n%x\n%x", err, hidden, random)
	}
}

func FuzzProduceRequest(f *testing.F) {
	seeds(f, 13, func(m maker, v int16) []byte { return m.produceRequest(v).AppendTo(nil) })
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if !known(v, 13) {
			return
		}
		r := kmsg.NewPtrProduceRequest()
		r.Version = v
		err := r.ReadFrom(body)
		var want journal
		if err == nil {
			err = want.produceRequest(r)
		}
		checkScan(t, subjects[2], v, body, &want, err)
	})
}

func fuzzMessage(f *testing.F, m message) {
	seeds(f, m.last, m.make)
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if !known(v, m.last) {
			return
		}
		want, oracle := m.kmsg(v, body)
		got, err := m.parse(v, body)
		switch {
		case err == nil && oracle != nil:
			t.Fatalf("accepted; oracle: %v\n%s", oracle, got)
		case err != nil && oracle == nil && !stricter[reason(err)]:
			t.Fatalf("refused: %v\n%s", err, want)
		case err == nil && want != got:
			t.Fatal(cmp.Diff(want, got))
		}
	})
}

func FuzzFetchRequest(f *testing.F)      { fuzzMessage(f, messages[0]) }
func FuzzShareFetchRequest(f *testing.F) { fuzzMessage(f, messages[1]) }
func FuzzProduceResponse(f *testing.F)   { fuzzMessage(f, messages[2]) }

func FuzzRequestHeader(f *testing.F) {
	f.Add([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 1, 'c', 1, 5, 2, 9, 9, 1})
	f.Add([]byte{0, 1, 0, 11, 0, 0, 0, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, err := protocol.ParseRequestHeader(frame)
		if err != nil {
			return
		}
		if h.Body > len(frame) || h.Flexible != protocol.RequestFlexible(h.Key, h.Version) {
			t.Fatalf("%+v", h)
		}
		again, err := protocol.ParseRequestHeader(frame[:h.Body]) // the header alone is enough
		if err != nil || again.Body != h.Body || !slices.Equal(again.ClientID, h.ClientID) {
			t.Fatalf("%+v %+v %v", h, again, err)
		}
	})
}
