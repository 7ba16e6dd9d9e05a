package proxy

import (
	"testing"
	"time"

	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What was denied a moment ago and comes again as it was waits, over and over; what is another request, or comes later,
// does not.
func TestRepeatedDenialsWait(t *testing.T) {
	var u unwelcomes
	now := time.Unix(0, 0)
	ask := func(key kmsg.Key, version int16, body string) time.Duration {
		x := &api.Exchange{API: api.Lookup(int16(key))}
		x.Version = version
		return u.wait(x, []byte(body), now)
	}
	wants := func(what string, got, want time.Duration) {
		t.Helper()
		if got != want {
			t.Errorf("%s waits %v, want %v", what, got, want)
		}
	}
	wants("the first", ask(kmsg.JoinGroup, 9, "a"), 0)
	wants("another body", ask(kmsg.JoinGroup, 9, "b"), 0)
	wants("another version", ask(kmsg.JoinGroup, 8, "a"), 0)
	wants("another API", ask(kmsg.FindCoordinator, 6, "a"), 0)
	now = now.Add(300 * time.Millisecond)
	wants("the same", ask(kmsg.JoinGroup, 9, "a"), 700*time.Millisecond)
	now = now.Add(700 * time.Millisecond)
	wants("the same as soon as it is answered", ask(kmsg.JoinGroup, 9, "a"), time.Second)
	wants("one of a circle", ask(kmsg.FindCoordinator, 6, "a"), 0)
	now = now.Add(2 * time.Second)
	wants("the same a second after its answer", ask(kmsg.JoinGroup, 9, "a"), 0)
	for _, body := range []string{"c", "d", "e", "f"} {
		ask(kmsg.JoinGroup, 9, body)
	}
	wants("what is long forgotten", ask(kmsg.JoinGroup, 9, "a"), 0)
}

// A client that repeats a denied request at once is let wait for the answer, which is the same; another request is not.
func TestRepeatedDenialIsHeld(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("g", "h").under)
	sync := func(group string) []byte {
		q := kmsg.NewPtrSyncGroupRequest()
		q.Group, q.MemberID = group, "m"
		return framed(q, 3)
	}
	g, h := sync("g"), sync("h")
	denied := kmsg.NewPtrSyncGroupResponse()
	denied.ErrorCode, denied.MemberAssignment = 30, []byte{}
	answer := func(q []byte) []byte { return to(q, answered(denied, 3, false)) }
	l.ask(g)
	l.answered(answer(g))
	l.ask(h)
	l.answered(answer(h))
	began := time.Now()
	l.ask(g)
	l.nothing("client", l.client)
	l.answered(answer(g))
	if d := time.Since(began); d < askAgain/2 {
		t.Errorf("the same request was answered after %v", d)
	}
	l.client.Close()
	l.settle()
}
