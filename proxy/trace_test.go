package proxy

import (
	"sync"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/google/go-cmp/cmp"
)

// A notebook is a Tracer that keeps what it is shown. It picks all requests, or only those that are always traced.
type notebook struct {
	all bool

	mu     sync.Mutex
	last   byte
	traces []Trace
	came   chan struct{}
}

func newNotebook(all bool) *notebook { return &notebook{all: all, came: make(chan struct{}, 100)} }

func (n *notebook) Sample(_ *access.Request, _ string, always bool) (id [16]byte) {
	if n.all || always {
		n.mu.Lock()
		n.last++
		id[0] = n.last
		n.mu.Unlock()
	}
	return id
}

func (n *notebook) Show(t *Trace) {
	n.mu.Lock()
	n.traces = append(n.traces, *t)
	n.mu.Unlock()
	n.came <- struct{}{}
}

// next waits for the next trace.
func (n *notebook) next(t *testing.T) Trace {
	t.Helper()
	select {
	case <-n.came:
	case <-time.After(patience):
		t.Fatal("nothing was shown")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	first := n.traces[0]
	n.traces = n.traces[1:]
	return first
}

// told is what a test compares of a trace.
type told struct {
	Name, Topic string
	Partition   int32
	Messages    int64
	In, Out     int64
	Error       string
	Stopped     bool
	Forwarded   bool
}

func (t *Trace) told() told {
	return told{
		Name: t.Name, Topic: t.Topic, Partition: t.Partition, Messages: t.Messages, In: t.BytesIn, Out: t.BytesOut,
		Error: t.Error, Stopped: t.Stopped != nil, Forwarded: !t.Forwarded.IsZero() && !t.Answered.IsZero(),
	}
}

func (t *Trace) inOrder() bool {
	times := []time.Time{t.Received, t.Forwarded, t.Answered, t.Ended}
	var last time.Time
	for _, at := range times {
		if at.IsZero() {
			continue
		}
		if at.Before(last) {
			return false
		}
		last = at
	}
	return !t.Received.IsZero() && !t.Ended.IsZero()
}

// A fetch is shown with its answer's figures in either mover, and its records name the trace.
func TestTraceOfAFetch(t *testing.T) {
	for _, mode := range []relay.Mode{relay.ModeUser, relay.ModeKernel} {
		t.Run(mode.String(), func(t *testing.T) {
			n := newNotebook(true)
			l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Tracer = n })
			topic := access.Topic{Name: "orders"}
			ask := framed(fetching(12, 0, 0, topic), 12)
			answer := fetched(12, 0, 200<<10, topic)
			l.trip(ask, ask, answer, answer)
			trace := n.next(t)
			want := told{Name: "Fetch", Topic: "orders", Partition: -1, Messages: 20, In: int64(len(ask)), Out: int64(len(frameOf(ask, answer))), Forwarded: true}
			if diff := cmp.Diff(want, trace.told()); diff != "" {
				t.Error(diff)
			}
			if !trace.inOrder() {
				t.Errorf("received %s, forwarded %s, answered %s, ended %s", trace.Received, trace.Forwarded, trace.Answered, trace.Ended)
			}
			l.client.Close()
			l.settle()
			for _, r := range l.all() {
				if r.Api == "Fetch" && r.TraceId != "01000000000000000000000000000000" {
					t.Errorf("trace id %q in %s", r.TraceId, r.Operation)
				}
			}
		})
	}
}

// The broker's errors are shown though nobody picked the request; what went well is not.
func TestTraceOfAnError(t *testing.T) {
	n := newNotebook(false)
	l := newLine(t, relay.ModeUser, func(_ *ClusterSpec, o *Options) { o.Tracer = n })
	orders := access.Topic{Name: "orders"}
	ask := framed(fetching(12, 0, 0, orders), 12)
	l.trip(ask, ask, fetched(12, 0, 100, orders), fetched(12, 0, 100, orders))
	const notLeader = 6
	answer := and(fetched(12, 0, 100), failing(orders, notLeader))
	l.trip(ask, ask, answer, answer)
	trace := n.next(t)
	want := told{Name: "Fetch", Topic: "orders", Partition: -1, In: int64(len(ask)), Out: int64(len(frameOf(ask, answer))), Error: "NOT_LEADER_OR_FOLLOWER"}
	if diff := cmp.Diff(want, trace.told()); diff != "" {
		t.Error(diff)
	}
	if !trace.inOrder() {
		t.Errorf("received %s, ended %s", trace.Received, trace.Ended)
	}

	list, answers := groups(9)
	l.ask(list)
	l.asked(list)
	l.answer(answers)
	l.answered(answers)
	if len(n.came) > 0 {
		t.Errorf("shown: %+v", n.next(t))
	}
}

// A denial is shown with its rule, though nobody picked the request and the broker never saw it.
func TestTraceOfADenial(t *testing.T) {
	n := newNotebook(false)
	w := newLaw("payroll")
	l := newLine(t, relay.ModeUser, func(_ *ClusterSpec, o *Options) { o.Tracer, o.Policy = n, w })
	payroll := access.Topic{Name: "payroll"}
	ask := framed(fetching(12, 0, 0, payroll), 12)
	answer := throttled(and(fetched(12, 0, 100), failing(payroll, 29)), 1000)
	l.ask(ask)
	l.answered(frameOf(ask, answer))
	trace := n.next(t)
	want := told{Name: "Fetch", Topic: "payroll", Partition: -1, In: int64(len(ask)), Out: int64(len(frameOf(ask, answer))), Stopped: true}
	if diff := cmp.Diff(want, trace.told()); diff != "" {
		t.Error(diff)
	}
	if trace.Stopped.Rule != "test" {
		t.Errorf("stopped by %+v", trace.Stopped)
	}
	l.client.Close()
	l.settle()
	for _, r := range l.all() {
		if r.Decision == "deny" && r.TraceId == "" {
			t.Errorf("a denial's record without its trace: %s %s", r.Operation, r.Resource)
		}
	}
}
