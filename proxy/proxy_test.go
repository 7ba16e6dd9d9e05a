package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/cluster"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/journal"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	kafkatest.Run()
	goleak.VerifyTestMain(m)
}

// A rig is a proxy before a fake cluster, with its records.
type rig struct {
	t       testing.TB
	p       *Proxy
	cluster *cluster.Cluster
	addr    string

	mu      sync.Mutex
	records []*access.Record
	stop    context.CancelFunc
	read    chan struct{}
	journal *journal.Journal

	cites []string // records that answers named
}

func newRig(t testing.TB, brokers []string, mode relay.Mode, change func(*ClusterSpec, *Options)) *rig {
	t.Helper()
	return newRigWith(t, brokers, mode, 200*time.Millisecond, change)
}

func newRigWith(t testing.TB, brokers []string, mode relay.Mode, flow time.Duration, change func(*ClusterSpec, *Options)) *rig {
	t.Helper()
	r := &rig{t: t, read: make(chan struct{})}
	c, warning, err := cluster.Open(cluster.Options{Name: "test", Dir: t.TempDir()})
	if warning != nil || err != nil {
		t.Fatal(warning, err)
	}
	r.cluster = c
	r.journal = journal.New(journal.Options{Proxy: "dk-test", FlowInterval: flow, SummaryInterval: 500 * time.Millisecond})
	o := Options{
		ProxyID: "dk-test", Journal: r.journal, Policy: api.AllowAll{}, Mode: mode,
		Log:      slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Limits:   Limits{Connections: 1000, InFlight: 64, ProduceFrame: 4 << 20, Buffers: 256 << 20},
		Timeouts: Timeouts{Handshake: 10 * time.Second, Dial: 10 * time.Second, Frame: 30 * time.Second, Stall: 10 * time.Minute, Drain: 5 * time.Second},
	}
	spec := ClusterSpec{
		Name: "test", Bootstrap: brokers, Cluster: c,
		Listeners: []ListenerSpec{{Name: "plain", Address: "127.0.0.1:0", FirstPort: freePorts(t, 10)}},
	}
	if change != nil {
		change(&spec, &o)
	}
	r.p = New(o)
	if err := r.p.Apply([]ClusterSpec{spec}); err != nil {
		t.Fatal(err)
	}
	for _, a := range r.p.Addresses() {
		if a.Node == bootstrap {
			r.addr = a.Address.String()
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go r.follow(ctx)
	t.Cleanup(r.close)
	return r
}

// close also holds every test to this: a proxy that has ended has given back all it took.
func (r *rig) close() {
	r.p.Close()
	if n := r.p.pool.InUse() + r.p.kept.InUse(); n != 0 {
		r.t.Errorf("%d bytes of buffers are still in use", n)
	}
	if s := r.p.pipes.Stats(); s.Open != 0 {
		r.t.Errorf("%d pipes are still open", s.Open)
	}
	if n := r.journal.Stats().Stray; n != 0 {
		r.t.Errorf("%d bytes were released that nobody had announced", n)
	}
	r.journal.Close()
	<-r.read
	r.stop()
	if err := r.cluster.Close(); err != nil {
		r.t.Error(err)
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

var nextPort = struct {
	sync.Mutex
	n int
}{n: 21000 + os.Getpid()%8000}

// freePorts finds n ports in a row that are free now.
func freePorts(t testing.TB, n int) int {
	nextPort.Lock()
	defer nextPort.Unlock()
	for range 1000 {
		if nextPort.n > 32700-n { // from there on the system takes ports for whoever dials
			nextPort.n = 21000
		}
		first := nextPort.n
		nextPort.n += n
		if free(first, n) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func free(first, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+i))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func TestProduceAndConsume(t *testing.T) {
	for _, mode := range []relay.Mode{relay.ModeUser, relay.ModeKernel} {
		t.Run(mode.String(), func(t *testing.T) {
			fake := kafkatest.Start(t, kafkatest.Options{Brokers: 3, Partitions: 3, Topics: []string{"orders"}})
			r := newRig(t, fake.Addrs, mode, nil)
			cl, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.DefaultProduceTopic("orders"), kgo.ConsumeTopics("orders"),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ClientID("app"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			const n = 1000
			for i := range n {
				cl.Produce(ctx, &kgo.Record{Value: []byte(fmt.Sprintf("value %d %s", i, strings.Repeat("x", 500)))}, nil)
			}
			if err := cl.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			got := 0
			for got < n {
				f := cl.PollFetches(ctx)
				if err := f.Err(); err != nil {
					t.Fatal(err)
				}
				got += f.NumRecords()
			}
			cl.Close()
			r.settle()
			var read, wrote int64
			for _, rec := range r.all() {
				switch {
				case rec.Kind == "access" && rec.Operation == "READ":
					read += rec.GetMessages()
				case rec.Kind == "access" && rec.Operation == "WRITE" && rec.Resource == "orders":
					wrote += rec.GetMessages()
				}
			}
			if read != n || wrote != n {
				t.Errorf("records say %d read and %d written, want %d", read, wrote, n)
			}
		})
	}
}

func (r *rig) follow(ctx context.Context) {
	defer close(r.read)
	for rec := range r.journal.Follow(ctx, journal.Position{}) {
		r.mu.Lock()
		r.records = append(r.records, rec)
		r.mu.Unlock()
	}
}

// settle waits until every session has ended and its records are in.
func (r *rig) settle() {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for r.p.open() > 0 {
		if time.Now().After(deadline) {
			r.t.Fatalf("sessions are still open: %+v", r.p.Sessions())
		}
		time.Sleep(5 * time.Millisecond)
	}
	head := r.journal.Head().Seq
	for int64(len(r.all())) < head {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d of %d records came", len(r.all()), head)
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.found()
}

func (r *rig) all() []*access.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*access.Record(nil), r.records...)
}
