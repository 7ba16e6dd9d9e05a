package proxy

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/quarantine"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// A stream is a client that is being sent more than it takes, below TLS where there is some.
type stream struct {
	nc    *net.TCPConn // the socket itself
	read  atomic.Int64 // bytes taken from it
	ended chan struct{}
}

// A flooder is a proxy before a broker that answers each Fetch with 32 MiB.
func flooder(t testing.TB, mode relay.Mode, secure bool) (r *rig, connect func(reading bool) *stream) {
	request, answer := cannedFetch(256, 128<<10)
	broker := floodBroker(t, answer)
	ca := kafkatest.NewCA(t)
	server, _, _ := ca.Issue(pkix.Name{CommonName: "proxy"})
	r = newRig(t, []string{broker}, mode, func(s *ClusterSpec, _ *Options) {
		if secure {
			cfg := &tls.Config{Certificates: []tls.Certificate{server}}
			s.Listeners[0].TLS = func() *tls.Config { return cfg }
		}
	})
	return r, func(reading bool) *stream {
		s := &stream{nc: dialRig(t, r).(*net.TCPConn), ended: make(chan struct{})}
		_ = s.nc.SetReadBuffer(64 << 10)
		var nc net.Conn = s.nc
		if secure {
			nc = tls.Client(s.nc, &tls.Config{RootCAs: ca.Pool, ServerName: "localhost"})
		}
		if _, err := nc.Write(request); err != nil {
			t.Fatal(err)
		}
		if !reading { // nothing but the beginning
			if _, err := io.ReadFull(nc, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			close(s.ended)
			return s
		}
		go func() {
			defer close(s.ended)
			buf := make([]byte, 64<<10)
			for {
				time.Sleep(10 * time.Millisecond) // or a hundred would be all that the machine does
				n, err := s.nc.Read(buf)          // TLS or not: the bytes count
				s.read.Add(int64(n))
				if err != nil {
					return
				}
				if !secure && s.read.Load()%int64(len(answer)) == 0 {
					if _, err := nc.Write(request); err != nil {
						return
					}
				}
			}
		}()
		return s
	}
}

func floodBroker(t testing.TB, answer []byte) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serves sync.WaitGroup
	serves.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			serves.Go(func() {
				defer nc.Close()
				buf := make([]byte, 64<<10)
				for {
					if _, err := readGrown(nc, &buf); err != nil {
						return
					}
					var head [8]byte
					copy(head[:], answer)
					copy(head[4:], buf[8:12])
					if _, err := (&net.Buffers{head[:], answer[8:]}).WriteTo(nc); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { ln.Close(); serves.Wait() })
	return ln.Addr().String()
}

// waiting is how many bytes lie in a socket's receive queue.
func waiting(t testing.TB, nc *net.TCPConn) int64 {
	raw, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if e := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return int64(n)
}

// stuck waits until no connection moves a byte: every socket buffer on the way is full.
func stuck(t testing.TB, r *rig, conns int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for last, still := int64(0), 0; still < 10; {
		now := r.p.Stats()
		if now.Sessions == conns && now.ClientOut == last && now.ClientOut > 0 {
			still++
		} else {
			still = 0
		}
		last = now.ClientOut
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions, and bytes still move", now.Sessions)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// drained takes what a socket still has, and says how that ended.
func drained(t testing.TB, nc *net.TCPConn) (int64, error) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	return io.Copy(io.Discard, struct{ io.Reader }{nc})
}

// The heart of it: a client whose buffers are full, everywhere on the way, gets nothing but what its own kernel has when
// the cut returns. Not the megabytes in our kernel, our pipe and our buffers.
func TestCutDiscardsWhatIsQueued(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   relay.Mode
		secure bool
	}{{"user", relay.ModeUser, false}, {"kernel", relay.ModeKernel, false}, {"TLS", relay.ModeAuto, true}} {
		t.Run(c.name, func(t *testing.T) {
			r, connect := flooder(t, c.mode, c.secure)
			s := connect(false)
			stuck(t, r, 1)
			if kernel := r.p.Stats().ResponseMoves.KernelBytes > 0; kernel != (c.mode == relay.ModeKernel) {
				t.Fatalf("kernel mode is %v", kernel)
			}
			handed := r.p.Stats().ClientOut
			q, what := r.quarantine(quarantine.Quarantine{Principal: access.Anonymous})
			has, out := waiting(t, s.nc), r.p.Stats()
			if len(what.Sessions) != 1 {
				t.Fatalf("cut %+v", what)
			}
			time.Sleep(100 * time.Millisecond)
			got, err := drained(t, s.nc)
			if got != has || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client had %d bytes when the cut returned, and got %d, %v", has, got, err)
			}
			if got >= handed {
				t.Errorf("the client got all the %d bytes that were handed over: nothing was queued, so nothing is proved", handed)
			}
			s.nc.Close()
			r.settle()
			if after := r.p.Stats(); after.ClientOut != out.ClientOut || after.ResponseMoves.KernelBytes != out.ResponseMoves.KernelBytes {
				t.Errorf("%d bytes were handed over after the cut had returned", after.ClientOut-out.ClientOut)
			}
			r.wasCut(q)
			for _, rec := range r.all() {
				if rec.Operation == "CLOSE" && (rec.GetClientAcked() <= 0 || rec.GetClientAcked() >= rec.GetClientOut()) {
					t.Errorf("CLOSE says that %d of %d bytes were acknowledged", rec.GetClientAcked(), rec.GetClientOut())
				}
			}
			if n := r.p.Stats().SessionsCut; n != 1 {
				t.Errorf("%d sessions cut", n)
			}
		})
	}
}

// A request that waits to be sent is discarded too: the broker acts on nothing that it had not got.
func TestCutDiscardsRequests(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	one, _ := groups(1)
	l.ask(one)
	l.accept()
	_ = l.broker.SetReadBuffer(16 << 10)
	l.asked(one)
	q := kmsg.NewPtrProduceRequest()
	topic, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	part.Records = recordBatch(0, 10, 32<<20)
	topic.Topic, topic.Partitions = "orders", append(topic.Partitions, part)
	q.Acks, q.Topics = -1, append(q.Topics, topic)
	go func() { _, _ = l.client.Write(framed(q, 9)) }()
	deadline := time.Now().Add(patience)
	for last, still := int64(0), 0; still < 10 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if now := l.p.Stats().ClientIn; now == last && now > 1<<20 {
			still++
		} else {
			last, still = now, 0
		}
	}
	l.quarantine(quarantine.Quarantine{Principal: access.Anonymous})
	has := waiting(t, l.broker)
	time.Sleep(100 * time.Millisecond)
	if got, err := drained(t, l.broker); got != has || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the broker had %d bytes when the cut returned, and got %d, %v", has, got, err)
	}
	l.closed("quarantined")
}

// A hundred connections at once, half of which do not read. How long it takes is printed, not judged.
func TestCutOfAHundred(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   relay.Mode
		secure bool
	}{{"auto", relay.ModeAuto, false}, {"TLS", relay.ModeAuto, true}} {
		t.Run(c.name, func(t *testing.T) {
			const n = 100
			r, connect := flooder(t, c.mode, c.secure)
			var all []*stream
			for i := range n {
				all = append(all, connect(i%2 == 0))
			}
			deadline := time.Now().Add(patience)
			for i, s := range all {
				for i%2 == 0 && s.read.Load() < 1<<20 && time.Now().Before(deadline) {
					time.Sleep(5 * time.Millisecond)
				}
			}
			began := time.Now()
			_, what := r.quarantine(quarantine.Quarantine{Principal: access.Anonymous})
			took := time.Since(began)
			out := r.p.Stats().ClientOut
			var has [n]int64
			for i, s := range all {
				if i%2 == 1 {
					has[i] = waiting(t, s.nc)
				}
			}
			t.Logf("%d sessions were cut in %v", len(what.Sessions), took)
			if len(what.Sessions) != n || r.p.Stats().SessionsCut != n {
				t.Errorf("%d sessions were cut", len(what.Sessions))
			}
			for i, s := range all {
				if i%2 == 1 {
					if got, err := drained(t, s.nc); got != has[i] || errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("a client had %d bytes when the cut returned, and got %d, %v", has[i], got, err)
					}
				}
				<-s.ended
				s.nc.Close()
			}
			r.settle()
			if after := r.p.Stats().ClientOut; after != out {
				t.Errorf("%d bytes were handed over after the cut had returned", after-out)
			}
		})
	}
}
