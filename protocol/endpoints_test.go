package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A hider is a response scanner with everything that endpoints are about.
type hider interface {
	scanner
	Tail() bool
	EndpointsAt() (start, end int64)
	RewriteEndpoints(dst, frame []byte, rewrite protocol.Rewrite) ([]byte, error)
}

func openFetch(v int16, size int, hide bool) hider {
	s := new(protocol.FetchScanner)
	s.Reset(v, int64(size), hide, new(responses))
	return s
}

func openShare(v int16, size int, hide bool) hider {
	s := new(protocol.ShareFetchScanner)
	s.Reset(v, int64(size), hide, new(responses))
	return s
}

func decodeFetch(t *testing.T, frame []byte, v int16) *kmsg.FetchResponse {
	t.Helper()
	r := kmsg.NewPtrFetchResponse()
	r.Version = v
	if err := r.ReadFrom(bodyOf(frame, r)); err != nil {
		t.Fatal(err)
	}
	return r
}

func decodeShare(t *testing.T, frame []byte, v int16) *kmsg.ShareFetchResponse {
	t.Helper()
	r := kmsg.NewPtrShareFetchResponse()
	r.Version = v
	if err := r.ReadFrom(bodyOf(frame, r)); err != nil {
		t.Fatal(err)
	}
	return r
}

var compareTags = cmp.Comparer(func(a, b kmsg.Tags) bool {
	return fmt.Sprint(tagList(a)) == fmt.Sprint(tagList(b))
})

func tagList(t kmsg.Tags) (s []string) {
	t.Each(func(k uint32, v []byte) { s = append(s, fmt.Sprintf("%d=%x", k, v)) })
	return s
}

// withoutTag returns the tags but for one, and what was in that.
func withoutTag(t kmsg.Tags, tag uint32) (kmsg.Tags, []byte) {
	var rest kmsg.Tags
	var content []byte
	t.Each(func(k uint32, v []byte) {
		if k == tag {
			content = v
		} else {
			rest.Set(k, v)
		}
	})
	return rest, content
}

// Hiding keeps length and everything else, however the frame comes, and leaves no address behind.
func TestHideFetchEndpoints(t *testing.T) {
	for v := int16(12); v <= 18; v++ {
		for seed := range uint64(rounds / 3) {
			frame := newMaker(seed).frame(newMaker(seed + 1000).fetchResponse(v))
			want := decodeFetch(t, frame, v)
			hidden := hideAll(t, frame, seed, func(size int) hider { return openFetch(v, size, true) })
			got := decodeFetch(t, hidden, v)
			if len(got.Brokers) != 0 {
				t.Fatalf("v%d seed %d: brokers are still there", v, seed)
			}
			if len(want.Brokers) > 0 {
				var content []byte
				if got.UnknownTags, content = withoutTag(got.UnknownTags, 126); strings.Trim(string(content), "\x00") != "" || len(content) == 0 {
					t.Fatalf("v%d seed %d: hidden content %q", v, seed, content)
				}
			}
			want.Brokers = nil
			if diff := cmp.Diff(want, got, compareTags); diff != "" {
				t.Fatalf("v%d seed %d:\n%s", v, seed, diff)
			}
		}
	}
}

func TestHideShareFetchEndpoints(t *testing.T) {
	for v := int16(0); v <= 2; v++ {
		for seed := range uint64(rounds * 2) {
			frame := newMaker(seed).frame(newMaker(seed + 1000).shareFetchResponse(v))
			want := decodeShare(t, frame, v)
			hidden := hideAll(t, frame, seed, func(size int) hider { return openShare(v, size, true) })
			got := decodeShare(t, hidden, v)
			if len(got.NodeEndpoints) != 0 {
				t.Fatalf("v%d seed %d: endpoints are still there", v, seed)
			}
			if len(want.NodeEndpoints) > 0 {
				var content []byte
				if got.UnknownTags, content = withoutTag(got.UnknownTags, 126); strings.Trim(string(content), "\x00") != "" || len(content) == 0 {
					t.Fatalf("v%d seed %d: hidden content %q", v, seed, content)
				}
			}
			want.NodeEndpoints = nil
			if diff := cmp.Diff(want, got, compareTags); diff != "" {
				t.Fatalf("v%d seed %d:\n%s", v, seed, diff)
			}
		}
	}
}

// An array of every length from the smallest on finds a tag of just its size, with few and with many tags behind it.
func TestHideShareFetchEndpointsAtEveryLength(t *testing.T) {
	for _, tags := range []int{0, 1, 126, 127, 128} {
		for host := range 300 {
			r := kmsg.NewPtrShareFetchResponse()
			r.Version = 1
			e := kmsg.NewShareFetchResponseNodeEndpoint()
			e.Host = strings.Repeat("h", host)
			r.NodeEndpoints = append(r.NodeEndpoints, e)
			for i := range tags {
				r.UnknownTags.Set(uint32(1000+i), []byte{byte(i)})
			}
			frame := r.AppendTo([]byte{0, 0, 0, 7, 0})
			s := openShare(1, len(frame), true)
			if err := scanWhole(s, frame); err != nil {
				t.Fatal(err)
			}
			got := decodeShare(t, frame, 1)
			rest, _ := withoutTag(got.UnknownTags, 126)
			if len(got.NodeEndpoints) != 0 || got.UnknownTags.Len() != tags+1 || cmp.Diff(r.UnknownTags, rest, compareTags) != "" {
				t.Fatalf("host %d, tags %d: %+v", host, tags, got)
			}
			again := openShare(1, len(frame), false) // and we can read what we wrote
			if err := scanWhole(again, frame); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The number may be written longer than it needs to be.
func TestHideLongTagNumber(t *testing.T) {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 16
	b := kmsg.NewFetchResponseBroker()
	b.Host = "broker"
	r.Brokers = append(r.Brokers, b)
	frame := r.AppendTo([]byte{0, 0, 0, 7, 0})
	at := len(frame) - 11 - len("broker") - 1 - 2 // array length and entry; number and size
	if frame[at] != 0 {
		t.Fatalf("not the tag's number: %x", frame[at:])
	}
	frame = slices.Concat(frame[:at], []byte{0x80, 0x80, 0}, frame[at+1:])
	s := openFetch(16, len(frame), true)
	if err := scanWhole(s, frame); err != nil {
		t.Fatal(err)
	}
	if got := decodeFetch(t, frame, 16); len(got.Brokers) != 0 || got.UnknownTags.Len() != 1 {
		t.Fatalf("%+v", got)
	}
}

// hideAll hides in every way of feeding and returns what all of them made.
func hideAll(t *testing.T, frame []byte, seed uint64, open func(size int) hider) []byte {
	t.Helper()
	hidden := slices.Clone(frame)
	s := open(len(frame))
	if err := scanWhole(s, hidden); err != nil {
		t.Fatal(err)
	}
	if start, _ := s.EndpointsAt(); start >= 0 {
		t.Fatal("hidden endpoints are still told of")
	}
	names := ways(frame, seed)
	for name := range names {
		copied := slices.Clone(frame)
		if err := ways(copied, seed)[name](open(len(frame))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(copied, hidden) {
			t.Fatalf("%s: other bytes\n%x\n%x", name, copied, hidden)
		}
	}
	return hidden
}

// A mover that peeks learns of the tail before the first byte that Scan may change.
func TestTailComesBeforeEndpoints(t *testing.T) {
	check := func(t *testing.T, s hider, frame []byte) {
		t.Helper()
		off := 0
		for s.Left() > 0 && !s.Tail() {
			if o := s.Opaque(); o > 0 {
				if err := s.Skip(o); err != nil {
					t.Fatal(err)
				}
				off += int(o)
				continue
			}
			peeked := slices.Clone(frame[off:])
			n, err := s.Scan(peeked)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			if !slices.Equal(peeked, frame[off:]) {
				t.Fatal("changed bytes before the tail")
			}
			off += n
		}
		if start, _ := s.EndpointsAt(); start >= 0 {
			t.Fatal("endpoints before the tail")
		}
	}
	for seed := range uint64(rounds) {
		frame := newMaker(seed).frame(newMaker(seed).fetchResponse(18))
		check(t, openFetch(18, len(frame), true), frame)
		frame = newMaker(seed).frame(newMaker(seed).shareFetchResponse(2))
		check(t, openShare(2, len(frame), true), frame)
	}
}

func rename(node int32, host string, port int32) (string, int32, error) {
	return fmt.Sprintf("proxy-%s-%d", host, node), port + 1, nil
}

func TestRewriteFetchEndpoints(t *testing.T) {
	for v := int16(0); v <= 18; v++ {
		for seed := range uint64(rounds / 3) {
			frame := newMaker(seed).frame(newMaker(seed + 1000).fetchResponse(v))
			want := decodeFetch(t, frame, v)
			for i := range want.Brokers {
				b := &want.Brokers[i]
				b.Host, b.Port, _ = rename(b.NodeID, b.Host, b.Port)
			}
			out, err := protocol.RewriteFetchEndpoints([]byte("in front"), frame, v, rename)
			if err != nil {
				t.Fatal(err)
			}
			got := decodeFetch(t, out[len("in front"):], v)
			if diff := cmp.Diff(want, got, compareTags); diff != "" {
				t.Fatalf("v%d seed %d:\n%s", v, seed, diff)
			}
			if len(want.Brokers) == 0 && !slices.Equal(out[len("in front"):], frame) {
				t.Fatal("changed without need")
			}
		}
	}
}

func TestRewriteShareFetchEndpoints(t *testing.T) {
	for v := int16(0); v <= 2; v++ {
		for seed := range uint64(rounds) {
			frame := newMaker(seed).frame(newMaker(seed + 1000).shareFetchResponse(v))
			want := decodeShare(t, frame, v)
			for i := range want.NodeEndpoints {
				b := &want.NodeEndpoints[i]
				b.Host, b.Port, _ = rename(b.NodeID, b.Host, b.Port)
			}
			out, err := protocol.RewriteShareFetchEndpoints(nil, frame, v, rename)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, decodeShare(t, out, v), compareTags); diff != "" {
				t.Fatalf("v%d seed %d:\n%s", v, seed, diff)
			}
		}
	}
}

func TestRewriteFails(t *testing.T) {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 16
	r.Brokers = append(r.Brokers, kmsg.NewFetchResponseBroker())
	frame := r.AppendTo([]byte{0, 0, 0, 7, 0})
	refuse := errors.New("no port is left")
	if _, err := protocol.RewriteFetchEndpoints(nil, frame, 16, func(int32, string, int32) (string, int32, error) { return "", 0, refuse }); !errors.Is(err, refuse) {
		t.Fatal(err)
	}
	if _, err := protocol.RewriteFetchEndpoints(nil, frame[:len(frame)-1], 16, rename); reason(err) != protocol.Short {
		t.Fatal(err)
	}
}
