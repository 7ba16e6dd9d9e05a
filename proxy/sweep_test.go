package proxy

import (
	"io"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A look is what the sweeper sees of a connection at one moment.
type sight struct {
	at                int // seconds since accept
	in, out           int64
	request, response int32
	authenticated     bool
}

func TestTimeouts(t *testing.T) {
	limits := &Timeouts{Handshake: 10 * time.Second, Frame: 30 * time.Second, Stall: 600 * time.Second}
	for _, c := range []struct {
		name   string
		sights []sight // the last one ends it, if want is not nil
		want   *cause
	}{
		{"silent", []sight{{at: 9}, {at: 11}}, causeSilent},
		{"silent in the middle of SASL", []sight{{at: 1, in: 100}, {at: 11, in: 5000, request: reading}}, causeSilent},
		{"idle", []sight{{at: 9, authenticated: true}, {at: 9000, authenticated: true}}, nil},
		{"a frame that stands", []sight{
			{at: 1, in: 10, request: reading, authenticated: true}, {at: 30, in: 10, request: reading, authenticated: true},
			{at: 32, in: 10, request: reading, authenticated: true},
		}, causeFrame},
		{"a frame that drips", []sight{
			{at: 1, in: 10, request: reading, authenticated: true}, {at: 20, in: 5000, request: reading, authenticated: true},
			{at: 32, in: 9000, request: reading, authenticated: true},
		}, causeFrame},
		{"a frame that comes slowly", []sight{
			{at: 1, in: 10, request: reading, authenticated: true}, {at: 25, in: 70_000, request: reading, authenticated: true},
			{at: 50, in: 140_000, request: reading, authenticated: true}, {at: 75, in: 210_000, request: reading, authenticated: true},
		}, nil},
		{"a full queue is not the client's fault", []sight{
			{at: 1, in: 10, request: reading, authenticated: true}, {at: 20, in: 10, authenticated: true},
			{at: 40, in: 10, authenticated: true}, {at: 69, in: 10, request: reading, authenticated: true},
		}, nil},
		{"a client that does not read", []sight{
			{at: 1, out: 10, response: writing, authenticated: true}, {at: 600, out: 10, response: writing, authenticated: true},
			{at: 602, out: 10, response: writing, authenticated: true},
		}, causeStall},
		{"a broker that does not read", []sight{
			{at: 1, in: 10, request: writing, authenticated: true}, {at: 602, in: 10, request: writing, authenticated: true},
		}, causeStall},
		{"an answer that stops", []sight{
			{at: 1, out: 10, response: reading, authenticated: true}, {at: 602, out: 10, response: reading, authenticated: true},
		}, causeStall},
		{"an answer that goes on", []sight{
			{at: 1, out: 10, response: reading, authenticated: true}, {at: 590, out: 11, response: reading, authenticated: true},
			{at: 1100, out: 12, response: reading, authenticated: true},
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened := time.Unix(1_800_000_000, 0)
			x := &conn{session: &access.Session{Opened: opened}}
			x.since.Store(opened.UnixNano())
			for i, s := range c.sights {
				x.meter.clientIn.Store(s.in)
				x.meter.clientOut.Store(s.out)
				x.meter.request.set(s.request)
				x.meter.response.set(s.response)
				if s.authenticated {
					x.since.Store(0)
				}
				got := x.watch.look(x, limits, opened.Add(time.Duration(s.at)*time.Second))
				want := c.want
				if i < len(c.sights)-1 {
					want = nil
				}
				if got != want {
					t.Fatalf("at %d s: %v, want %v", s.at, got, want)
				}
			}
		})
	}
}

// The states that the sweeper goes by, seen on real connections.
func TestStallOfAClientThatDoesNotRead(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Timeouts.Stall = 500 * time.Millisecond })
		q, a := cannedFetch(64, 1<<20) // more than all socket buffers hold
		l.ask(q)
		l.asked(q)
		a = to(q, a)
		go func() { _, _ = l.broker.Write(a) }()
		l.settle()
		l.mustCause(causeStall.word)
	})
}

// Small answers are whole when they come: nothing is open but the write.
func TestStallOfAClientThatReadsNoSmallAnswers(t *testing.T) {
	r := kmsg.NewPtrListGroupsResponse()
	g := kmsg.NewListGroupsResponseGroup()
	g.Group = strings.Repeat("g", 4000)
	r.Groups = append(r.Groups, g)
	broker := newCanned(t, map[int16][]byte{16: answered(r, 0, false)})
	l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, o *Options) {
		s.Bootstrap = []string{broker.addr()}
		o.Timeouts.Stall = 500 * time.Millisecond
	})
	q, _ := groups(1)
	l.ask(q)
	if _, err := io.ReadFull(l.client, make([]byte, 4)); err != nil { // the session is known from here on
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := l.client.Write(q); err != nil {
				return
			}
		}
	}()
	for l.p.open() == 0 { // settle must not come first
		time.Sleep(time.Millisecond)
	}
	l.settle()
	l.mustCause(causeStall.word)
}

func TestStallOfABrokerThatDoesNotRead(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Timeouts.Stall = 500 * time.Millisecond })
	q, _ := cannedProduce(64 << 20)
	go func() { _, _ = l.client.Write(q) }()
	l.accept()
	l.settle()
	l.mustCause(causeStall.word)
}

// An idle connection in kernel mode is idle: nothing of a frame is open.
func TestNoStallBetweenFrames(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Timeouts.Stall = 300 * time.Millisecond })
		q, a := cannedFetch(4, 256<<10)
		for range 3 {
			l.ask(q)
			l.asked(q)
			l.answer(to(q, a))
			l.answered(to(q, a))
			time.Sleep(900 * time.Millisecond)
		}
		l.client.Close()
		l.settle()
		l.mustCause(causeClient.word)
	})
}

func TestSilentClientsAreSentAway(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Timeouts.Handshake = 300 * time.Millisecond })
	if _, err := io.ReadAll(l.client); err != nil {
		t.Log(err) // a reset is as good
	}
	l.settle()
	l.mustCause(causeSilent.word)
}

// Half-sent frames by the hundred take their own bytes and no more, and are gone after timeouts.frame.
func TestHalfSentFrames(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) {
		o.Timeouts.Frame = time.Second
		o.Limits.Buffers = 16 << 20
	})
	q, _ := cannedProduce(4 << 20)
	for range 300 {
		nc := l.dial()
		defer nc.Close()
		if _, err := nc.Write(q[:20_000]); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(patience)
	for l.p.open() > 1 { // the line's own client asked nothing yet
		if n := l.p.pool.InUse(); n > 16<<20 {
			t.Fatalf("%d bytes of buffers in use", n)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still open", l.p.open())
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.client.Close()
	l.settle()
	l.mustCause(causeFrame.word)
}
