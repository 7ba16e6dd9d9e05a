package proxy

import (
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What was denied a moment ago and comes again as it was waits, over and over; what is another request, or comes later,
// does not.
func TestRepeatedDenialsWait(t *testing.T) {
	asks := newAsks(t)
	asks.waits("the first", kmsg.JoinGroup, 9, "a", 0)
	asks.waits("another body", kmsg.JoinGroup, 9, "b", 0)
	asks.waits("another version", kmsg.JoinGroup, 8, "a", 0)
	asks.waits("another API", kmsg.FindCoordinator, 6, "a", 0)
	asks.pass(300 * time.Millisecond)
	asks.waits("the same", kmsg.JoinGroup, 9, "a", 700*time.Millisecond)
	asks.pass(700 * time.Millisecond)
	asks.waits("the same as soon as it is answered", kmsg.JoinGroup, 9, "a", time.Second)
	asks.waits("one of a circle", kmsg.FindCoordinator, 6, "a", 0)
	asks.pass(2 * time.Second)
	asks.waits("the same a second after its answer", kmsg.JoinGroup, 9, "a", 0)
	for _, body := range []string{"c", "d", "e", "f"} {
		asks.waits("something else", kmsg.JoinGroup, 9, body, 0)
	}
	asks.waits("what is long forgotten", kmsg.JoinGroup, 9, "a", 0)
	asks.verdict = access.Refuse
	asks.waits("what cannot be decided", kmsg.JoinGroup, 9, "a", 0)
}

// Denied Metadata waits where a client does nothing else: beside its work it would wait with it.
func TestRepeatedMetadataWaitsAlone(t *testing.T) {
	asks := newAsks(t)
	asks.waits("the first", kmsg.Metadata, 12, "a", 0)
	asks.waits("the same", kmsg.Metadata, 12, "a", time.Second)
	asks.pass(time.Second)
	asks.verdict = access.Allow
	asks.waits("what is allowed", kmsg.Metadata, 12, "b", 0)
	asks.verdict = access.Deny
	asks.waits("the same behind it", kmsg.Metadata, 12, "a", 0)
	asks.waits("and again", kmsg.Metadata, 12, "a", time.Second)
	asks.waits("the broker's own", kmsg.DescribeConfigs, 4, "a", 0) // edited, and forwarded
}

// asks are what one client asks, at a time of its own.
type asks struct {
	t       *testing.T
	u       unwelcomes
	now     time.Time
	verdict access.Verdict
}

func newAsks(t *testing.T) *asks { return &asks{t: t, now: time.Unix(0, 0), verdict: access.Deny} }

func (a *asks) pass(d time.Duration) { a.now = a.now.Add(d) }

func (a *asks) waits(what string, key kmsg.Key, version int16, body string, want time.Duration) {
	a.t.Helper()
	x := &api.Exchange{API: api.Lookup(int16(key))}
	x.Version = version
	x.Actions = []api.Ask{{Decision: &access.Decision{Verdict: a.verdict, Enforced: true}}}
	here := key == kmsg.JoinGroup || key == kmsg.FindCoordinator
	if got := a.u.wait(x, []byte(body), here, func() time.Time { return a.now }); got != want {
		a.t.Errorf("%s waits %v, want %v", what, got, want)
	}
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
