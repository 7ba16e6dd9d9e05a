package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"doorkeeper/relay"
)

// drains starts a drain and returns where its result comes.
func (l *line) drains(within time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		done <- l.p.Drain(ctx)
	}()
	until := time.Now().Add(patience)
	for !l.p.draining.Load() {
		if time.Now().After(until) {
			l.t.Fatal("the drain did not begin")
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // let it look round
	return done
}

func (l *line) drained(done <-chan error) {
	l.t.Helper()
	l.closed(causeDrained.word)
	if err := <-done; err != nil {
		l.t.Error("drain:", err)
	}
}

func TestDrainOfAnIdleConnection(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q, a := groups(1)
		l.ask(q)
		l.asked(q)
		l.answer(a)
		l.answered(a)
		l.drained(l.drains(patience))
	})
}

func TestDrainOfAConnectionThatSaidNothing(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	for l.p.open() == 0 {
		time.Sleep(time.Millisecond)
	}
	l.drained(l.drains(patience))
}

// A long poll is answered before its connection ends.
func TestDrainWaitsForALongPoll(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q, a := cannedFetch(2, 1000)
		l.ask(q)
		l.asked(q)
		done := l.drains(patience)
		l.nothing("client", l.client)
		l.answer(to(q, a))
		l.answered(to(q, a))
		l.drained(done)
	})
}

// An answer that is on its way goes out as a whole, to a client that reads slowly, too.
func TestDrainInTheMiddleOfAnAnswer(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q, a := cannedFetch(64, 512<<10)
		l.ask(q)
		l.asked(q)
		a = to(q, a)
		go l.answer(a)
		l.answered(a[:100_000])
		done := l.drains(patience)
		for at := 100_000; at < len(a); at += 4 << 20 {
			l.answered(a[at:min(at+4<<20, len(a))])
			time.Sleep(10 * time.Millisecond)
		}
		l.drained(done)
	})
}

// A request that has begun is part of what is in flight. What comes behind it is not.
func TestDrainInTheMiddleOfARequest(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q, a := groups(1)
		l.ask(q[:7])
		for l.p.Stats().ClientIn < 7 {
			time.Sleep(time.Millisecond)
		}
		done := l.drains(patience)
		l.ask(q[7:])
		l.asked(q)
		l.answer(a)
		l.answered(a)
		l.drained(done)
	})
}

func TestDrainOfARequestThatNeverEnds(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	q, _ := groups(1)
	l.ask(q[:7])
	for l.p.Stats().ClientIn < 7 {
		time.Sleep(time.Millisecond)
	}
	if err := <-l.drains(200 * time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	l.settle()
	l.mustCause(causeStopped.word)
}

// A broker that takes the connection and says no word of TLS must not hold up the end.
func TestCloseWhileDialing(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, _ *Options) {
		s.TLS = &UpstreamTLS{Config: func() *tls.Config { return &tls.Config{} }}
	})
	q, _ := groups(1)
	l.ask(q)
	l.accept()
	_, _ = io.ReadFull(l.broker, make([]byte, 5)) // its hello is there
	began := time.Now()
	l.p.Close()
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	l.settle()
	l.mustCause(causeStopped.word)
}

// No peer hears of an end by a reset that could take its last bytes with it: half-closes in each order.
func TestHalfClose(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		q1, a1 := groups(1)
		q2, a2 := cannedFetch(8, 256<<10)
		a2 = to(q2, a2)

		t.Run("client first", func(t *testing.T) {
			l := newLine(t, mode, nil)
			l.ask(q1, q2)
			_ = l.client.CloseWrite()
			l.asked(q1, q2)
			if n, err := l.broker.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal("the broker does not hear of it:", n, err)
			}
			l.answer(a1)
			go l.answer(a2)
			l.answered(a1, a2)
			l.closed(causeClient.word)
		})
		t.Run("broker first", func(t *testing.T) {
			l := newLine(t, mode, nil)
			l.ask(q1, q2)
			l.asked(q1, q2)
			go func() {
				l.answer(a1, a2)
				_ = l.broker.CloseWrite()
			}()
			l.answered(a1, a2)
			l.closed(causeBroker.word)
		})
		t.Run("broker first, with requests unread", func(t *testing.T) {
			l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Limits.InFlight = 1 })
			l.ask(q1, q2)
			l.asked(q1)
			l.answer(a1)
			_ = l.broker.Close()
			l.answered(a1)
			_ = l.client.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadAll(l.client); errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			l.client.Close()
			l.settle()
		})
	})
}
