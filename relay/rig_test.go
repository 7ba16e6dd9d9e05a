package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails on goroutines and descriptors that the tests leave behind.
func TestMain(m *testing.M) {
	if role := os.Getenv(peerRole); role != "" {
		peer(role)
		return
	}
	Supported()
	if l, err := net.Listen("tcp4", "127.0.0.1:0"); err == nil { // opens what the runtime keeps: the poller
		l.Close()
	}
	before := descriptors()
	code := m.Run()
	if err := goleak.Find(); err != nil {
		println(err.Error())
		code = 1
	}
	if after := descriptors(); code == 0 && after > before {
		println("descriptors left open:", after-before)
		code = 1
	}
	os.Exit(code)
}

// descriptors counts this process's open files; 0 where the system does not say.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// pair returns the two ends of a loopback connection, the dialling one first. They close with the test.
func pair(t testing.TB, network string) (dialled, accepted *net.TCPConn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "tcp6" {
		address = "[::1]:0"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(); a.Close() })
	return d.(*net.TCPConn), a.(*net.TCPConn)
}

// A rig is a sender, a relay in the middle, and a receiver, which reads as fast as it can unless told otherwise.
type rig struct {
	t        testing.TB
	sender   *net.TCPConn
	source   *net.TCPConn // the relay's end towards the sender
	sink     *net.TCPConn // and towards the receiver
	receiver *net.TCPConn
	pool     *Pool
	pipes    *Pipes
	count    Counters
	scanner  testScanner
	user     *User
	reader   *Reader
	kernel   *Kernel
	gauge    Gauge
}

func newRig(t testing.TB, network string) *rig {
	r := &rig{t: t, pool: NewPool(0), pipes: NewPipes(4)}
	r.sender, r.source = pair(t, network)
	r.sink, r.receiver = pair(t, network)
	r.reader = NewReader(r.source, r.pool, &r.count)
	r.user = NewUser(r.reader, NewWriter(r.sink, r.pool, &r.count))
	r.kernel = NewKernel(r.source, r.sink, r.pipes, &r.count)
	r.scanner.keep = true
	r.scanner.batch = r.gauge.Batch
	t.Cleanup(r.close)
	return r
}

// close checks that all that was borrowed came back.
func (r *rig) close() {
	r.reader.Close()
	if r.kernel != nil {
		r.kernel.Close()
	}
	if n := r.pool.InUse(); n != 0 {
		r.t.Errorf("%d bytes of buffers still in use", n)
	}
	if s := r.pipes.Stats(); s.Open != s.Idle {
		r.t.Errorf("pipes: %d open, %d idle", s.Open, s.Idle)
	}
	r.pipes.Close()
	if s := r.pipes.Stats(); s.Open != 0 {
		r.t.Errorf("pipes: %d open after Close", s.Open)
	}
	if r.scanner.fault != nil {
		r.t.Errorf("breach of the Scanner's contract: %v", r.scanner.fault)
	}
}

// run relays until something other than a wake-up ends it, with the mover that the gauge's mode says, as a
// connection's owner does. The sink's sending side is closed then.
func (r *rig) run() (Reason, error) {
	reason, err := r.relay()
	if r.kernel != nil {
		r.kernel.Close()
	}
	r.reader.Close()
	if reason == Ended {
		_ = r.sink.CloseWrite()
	} else {
		_ = Reset(r.sink)
	}
	return reason, err
}

func (r *rig) relay() (Reason, error) {
	s := &r.scanner
	woken := false // a mover that was woken goes on itself
	kernel := false
	for {
		if !woken && r.reader.Len() == 0 {
			kernel = r.kernel != nil && r.gauge.Choose(s.left, r.reader.Queued())
			if s.decline {
				kernel = false // until the next step in user mode has passed what was declined
			}
		} else if !woken {
			kernel = false
		}
		s.inUser = !kernel
		var reason Reason
		var err error
		if kernel {
			reason, err = r.kernel.Run(s)
			if reason == NoPipe {
				kernel = false
				s.inUser = true
				reason, err = r.user.Step(s)
			}
		} else {
			reason, err = r.user.Step(s)
			s.decline = false
		}
		woken = reason == Woken
		switch {
		case woken:
			_ = r.source.SetReadDeadline(time.Time{})
			_ = r.sink.SetWriteDeadline(time.Time{})
		case err != nil:
			return reason, err
		}
	}
}

// receive collects what the receiver gets, and holds against it that nothing comes which did not pass the Scanner.
func (r *rig) receive(pause func(n int)) (got []byte, err error) {
	b := make([]byte, 64<<10)
	for {
		n, err := r.receiver.Read(b)
		got = append(got, b[:n]...)
		if passed := r.scanner.passed.Load(); int64(len(got)) > passed {
			r.t.Errorf("received %d bytes when %d had passed", len(got), passed)
		}
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if pause != nil {
			pause(n)
		}
	}
}

// transfer runs the relay between a sender and a receiver and returns what came out, and why the relay ended.
func (r *rig) transfer(send func(c *net.TCPConn), pause func(n int)) (got []byte, reason Reason, err error) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if reason, err = r.run(); reason != Ended {
			_ = r.source.Close() // or the sender would wait for a reader for ever
		}
	})
	wg.Go(func() { got, _ = r.receive(pause) })
	send(r.sender)
	wg.Wait()
	return got, reason, err
}

// each runs a test in every mode that this system has.
func each(t *testing.T, f func(t *testing.T, r *rig)) {
	for _, network := range []string{"tcp4", "tcp6"} {
		for _, mode := range []Mode{ModeUser, ModeKernel, ModeAuto} {
			if mode == ModeKernel && !Supported() {
				continue
			}
			t.Run(network+"/"+mode.String(), func(t *testing.T) {
				r := newRig(t, network)
				r.gauge.Mode = mode
				f(t, r)
			})
		}
	}
}

// until waits for a condition that another goroutine brings about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay test"},
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"relay.test"},
	}
	der, err := x509.CreateCertificate(crand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
