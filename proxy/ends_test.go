package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"
)

// withTLS puts TLS on a line's listener, and returns what its clients need.
func withTLS(t *testing.T, change func(*ClusterSpec, *Options)) (client *tls.Config, with func(*ClusterSpec, *Options)) {
	ca := kafkatest.NewCA(t)
	cert, _, _ := ca.Issue(pkix.Name{CommonName: "proxy"})
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	return &tls.Config{RootCAs: ca.Pool, ServerName: "localhost"}, func(s *ClusterSpec, o *Options) {
		s.Listeners[0].TLS = func() *tls.Config { return server }
		if change != nil {
			change(s, o)
		}
	}
}

// A client that goes away in the middle of anything that TLS has leaves nothing behind: newLine looks at the end.
func TestTLSClientsThatGoAway(t *testing.T) {
	config, with := withTLS(t, func(_ *ClusterSpec, o *Options) { o.Timeouts.Handshake = time.Second })
	hello := []byte{0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3}
	for name, says := range map[string]func(t *testing.T, l *line){
		"nothing":         func(*testing.T, *line) {},
		"half a hello":    func(_ *testing.T, l *line) { l.ask(hello) },
		"no TLS":          func(_ *testing.T, l *line) { l.ask(firstOf(groups(1))) },
		"half a record":   func(t *testing.T, l *line) { shakes(t, l, config); l.ask([]byte{0x17, 3, 3, 0x3f, 0xff, 1, 2, 3}) },
		"a broken record": func(t *testing.T, l *line) { shakes(t, l, config); l.ask(make([]byte, 100)) },
		"half a request": func(t *testing.T, l *line) {
			q, _ := cannedProduce(100_000)
			_, _ = shakes(t, l, config).Write(q[:70_000])
		},
	} {
		for _, reset := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l := newLine(t, relay.ModeAuto, with)
				says(t, l)
				time.Sleep(20 * time.Millisecond)
				if reset {
					_ = l.client.SetLinger(0)
				}
				l.client.Close()
				l.settle()
			})
		}
	}
}

func shakes(t *testing.T, l *line, config *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(l.client, config)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Answers of all sizes through TLS: whole, and to the end.
func TestTLSEndsWell(t *testing.T) {
	config, with := withTLS(t, nil)
	l := newLine(t, relay.ModeAuto, with)
	c := shakes(t, l, config)
	q, a := cannedFetch(40, 100<<10)
	a = to(q, a)
	if _, err := c.Write(q); err != nil {
		t.Fatal(err)
	}
	l.asked(q)
	go func() {
		_, _ = l.broker.Write(a)
		_ = l.broker.CloseWrite()
	}()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(c)
	if err != nil || firstDifference(got, a) >= 0 {
		t.Errorf("%d of %d bytes came, %v", len(got), len(a), err)
	}
	c.Close()
	l.settle()
	l.mustCause(causeBroker.word)
}

// A broker's TLS that ends in a record.
func TestTLSBrokerThatGoesAway(t *testing.T) {
	ca := kafkatest.NewCA(t)
	cert, _, _ := ca.Issue(pkix.Name{CommonName: "broker"})
	l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, _ *Options) {
		s.TLS = &UpstreamTLS{Config: func() *tls.Config { return &tls.Config{RootCAs: ca.Pool} }, ServerName: "localhost"}
	})
	q, a := cannedFetch(2, 30_000)
	l.ask(q)
	l.accept()
	c := tls.Server(l.broker, &tls.Config{Certificates: []tls.Certificate{cert}})
	if _, err := readFrame(c, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(to(q, a)[:40_000])
	_, _ = l.broker.Write([]byte{0x17, 3, 3, 0x3f, 0xff, 1, 2, 3})
	l.broker.Close()
	_, _ = io.ReadAll(l.client)
	l.client.Close()
	l.settle()
	l.mustCause("broker closed in the middle of an answer")
}

// panics is a decider that fails on one topic.
type panics struct{}

func (panics) Decide(r *access.Request, a *access.Action) *access.Decision {
	if a.Name == "boom" {
		panic("boom")
	}
	return api.AllowAll{}.Decide(r, a)
}

func (p panics) Session(*access.Session) api.Decider { return p }
func (panics) Epoch(*access.Identity) uint64         { return 0 }

// A panic ends its own connection, and no other.
func TestPanicStaysInItsConnection(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy = panics{} })
	q, a := groups(1)
	l.ask(q)
	l.asked(q)
	l.answer(a)
	l.answered(a)

	other := *l
	other.client, other.broker = l.dial(), nil
	boom, _ := produceTo(9, 100, access.Topic{Name: "boom"})
	other.ask(boom)
	other.accept()
	_ = other.client.SetReadDeadline(time.Now().Add(patience))
	if b, _ := io.ReadAll(other.client); len(b) > 0 {
		t.Errorf("it got % x", b)
	}
	other.client.Close()
	other.broker.Close()

	l.ask(q)
	l.asked(q)
	l.answer(a)
	l.answered(a)
	l.client.Close()
	l.settle()
	l.mustCause("internal error")
	if n := l.p.Stats().Faults; n != 1 {
		t.Errorf("%d faults are counted", n)
	}
}

func TestLimitsOfConnections(t *testing.T) {
	for name, limit := range map[string]func(*ClusterSpec, *Options){
		"connections": func(_ *ClusterSpec, o *Options) { o.Limits.Connections = 3 },
		"per source":  func(_ *ClusterSpec, o *Options) { o.Limits.PerSource = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, limit)
			var all []*net.TCPConn
			for range 20 {
				all = append(all, l.dial())
			}
			for until := time.Now().Add(patience); l.p.Stats().TurnedAway < 18; {
				if time.Now().After(until) {
					t.Fatalf("%d were turned away", l.p.Stats().TurnedAway)
				}
				time.Sleep(time.Millisecond)
			}
			if n := l.p.open(); n != 3 {
				t.Errorf("%d are open", n)
			}
			for _, nc := range append(all, l.client) {
				nc.Close()
			}
			l.settle()
			l.client = l.dial() // there is room again
			q, a := groups(1)
			l.ask(q)
			l.asked(q)
			l.answer(a)
			l.answered(a)
			l.client.Close()
			l.settle()
		})
	}
}

// Clients in the middle of everything, and then the end: by Close, or by a drain whose time is over. Nothing is left.
func TestEndsUnderLoad(t *testing.T) {
	for _, end := range []struct {
		name string
		end  func(*Proxy)
	}{
		{"close", func(p *Proxy) { p.Close() }},
		{"drain", func(p *Proxy) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			defer cancel()
			_ = p.Drain(ctx)
		}},
	} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(end.name, func(t *testing.T) {
				fetch, fetched := cannedFetch(8, 64<<10)
				produce, produced := cannedProduce(20_000)
				broker := newCanned(t, map[int16][]byte{0: produced, 1: fetched})
				r := newRig(t, []string{broker.addr()}, mode, nil)
				var wait sync.WaitGroup
				for i := range uint64(20) {
					wait.Go(func() { loads(t, r, rand.New(rand.NewPCG(i, 1)), fetch, produce) })
				}
				time.Sleep(150 * time.Millisecond)
				end.end(r.p)
				wait.Wait()
				r.settle()
			})
		})
	}
}

// loads asks for this and that until the end.
func loads(t *testing.T, r *rig, rng *rand.Rand, fetch, produce []byte) {
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	go func() {
		for {
			frame := fetch
			if rng.IntN(2) == 0 {
				frame = produce
			}
			if rng.IntN(10) == 0 {
				if _, err := nc.Write(frame[:len(frame)/2]); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
				frame = frame[len(frame)/2:]
			}
			if _, err := nc.Write(frame); err != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(io.Discard, nc)
}
