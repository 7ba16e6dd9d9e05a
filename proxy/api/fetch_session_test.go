package api

import (
	"fmt"
	"testing"

	"doorkeeper/access"
	"doorkeeper/protocol"
)

// A topic that was deleted and made anew has the old one's name and another id: in a session they are two.
func TestSessionHoldsARecreatedTopic(t *testing.T) {
	before, after := &access.Topic{Name: "orders", ID: [16]byte{1}}, &access.Topic{Name: "orders", ID: [16]byte{2}}
	var s FetchSessions
	fetch := func(epoch int32, topic, forgotten *access.Topic) {
		t.Helper()
		x := &Exchange{}
		f := &x.fetch
		f.q.SessionEpoch = epoch
		if epoch > 0 {
			f.q.SessionID = 7
		}
		if topic != nil {
			f.q.Topics = []protocol.FetchTopic{{ID: topic.ID, Count: 1}}
			f.q.Partitions = []protocol.FetchPart{{Index: 0, Offset: int64(topic.ID[0])}}
			f.topics, f.decisions = []*access.Topic{topic}, []*access.Decision{nil}
		}
		if forgotten != nil {
			f.q.Forgotten = []protocol.ForgottenTopic{{ID: forgotten.ID, Count: 1}}
			f.q.ForgottenIDs = []int32{0}
			f.forgotten = []*access.Topic{forgotten}
		}
		if _, _, err := s.accept(x, 7); err != nil {
			t.Fatal(err)
		}
	}
	fetch(0, before, nil)
	fetch(1, after, nil)
	for _, topic := range []*access.Topic{before, after} {
		if held, _, a, ok := s.find(nil, topic.ID, 0); !ok || held != topic || a.offset != int64(topic.ID[0]) {
			t.Errorf("%v is held as %+v at %+v", topic.ID, held, a)
		}
	}
	fetch(2, nil, before)
	found := func(name string, id [16]byte) bool {
		_, _, _, ok := s.find([]byte(name), id, 0)
		return ok
	}
	if found("", before.ID) || !found("", after.ID) || !found("orders", [16]byte{}) {
		t.Error("forgetting the old one takes the new one away, or keeps it")
	}
	if s.fetch.parts != 1 {
		t.Errorf("%d partitions are counted, want 1", s.fetch.parts)
	}
}

// A session that nobody could follow ends.
func TestSessionHasABound(t *testing.T) {
	var s FetchSessions
	x := &Exchange{}
	f := &x.fetch
	topic := &access.Topic{Name: "orders"}
	f.topics, f.decisions = []*access.Topic{topic}, []*access.Decision{nil}
	f.q.Topics = []protocol.FetchTopic{{Count: maxSessionParts + 1}}
	for i := range int32(maxSessionParts + 1) {
		f.q.Partitions = append(f.q.Partitions, protocol.FetchPart{Index: i})
	}
	if _, _, err := s.accept(x, 7); err == nil {
		t.Error("it was taken")
	}
}

// All share sessions of a connection together have the bound of one: a member id is anything that a client makes up.
func TestShareSessionsHaveABoundTogether(t *testing.T) {
	var s FetchSessions
	var last error
	for member := range 3 {
		x := &Exchange{}
		f := &x.shareFetch
		f.group, f.member = "g", fmt.Sprint(member)
		f.topics, f.decisions = []*access.Topic{{Name: "orders", ID: [16]byte{1}}}, []*access.Decision{allowed}
		f.q.Topics = []protocol.FetchTopic{{ID: [16]byte{1}, Count: maxSessionParts / 2}}
		for i := range int32(maxSessionParts / 2) {
			f.q.Partitions = append(f.q.Partitions, protocol.SharePart{Index: i})
		}
		if last != nil {
			t.Fatalf("session %d: %v", member, last)
		}
		_, last = s.shareAccept(x)
	}
	if last == nil {
		t.Error("three sessions of half the bound were taken")
	}
}

// A large request is found its partitions in whatever order the answer has them, and of two the last.
func TestAskedInAnyOrder(t *testing.T) {
	for _, n := range []int{10, 1000} {
		var f fetchState
		for k := range 2 {
			topic := &access.Topic{Name: string(rune('a' + k)), ID: [16]byte{byte(k + 1)}}
			f.topics, f.decisions = append(f.topics, topic), append(f.decisions, nil)
			f.q.Topics = append(f.q.Topics, protocol.FetchTopic{First: len(f.q.Partitions), Count: n})
			for i := range n {
				f.q.Partitions = append(f.q.Partitions, protocol.FetchPart{Index: int32(i), Offset: int64(1000*k + i)})
			}
		}
		for _, step := range []int{1, 7, -1} {
			for k := range 2 {
				for j := range n {
					i := ((j*step)%n + n) % n
					_, _, a, ok := f.asked([]byte(f.topics[k].Name), [16]byte{}, int32(i))
					if want := int64(1000*k + i); !ok || a.offset != want {
						t.Fatalf("of %d: %d, %v, want %d", n, a.offset, ok, want)
					}
					_, _, a, ok = f.asked(nil, f.topics[k].ID, int32(i))
					if want := int64(1000*k + i); !ok || a.offset != want {
						t.Fatalf("of %d, by id: %d, %v, want %d", n, a.offset, ok, want)
					}
				}
			}
		}
		if _, _, _, ok := f.asked([]byte("a"), [16]byte{}, int32(n)); ok {
			t.Error("found what was not asked")
		}
		if _, _, _, ok := f.asked([]byte("c"), [16]byte{}, 0); ok {
			t.Error("found a topic that was not asked")
		}
	}
}
