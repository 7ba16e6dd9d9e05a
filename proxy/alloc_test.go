package proxy

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// In the steady state a Fetch or Produce costs no allocation, in either mover.
func TestNoAllocationPerFrame(t *testing.T) {
	if raced {
		return
	}
	for _, c := range hotPaths(t) {
		t.Run(c.name, func(t *testing.T) {
			trip := c.roundTrip(t)
			for range 500 {
				trip()
			}
			const rounds = 2000
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				trip()
			}
			runtime.ReadMemStats(&after)
			per := float64(after.Mallocs-before.Mallocs) / rounds
			t.Logf("%.3f allocations a frame", per)
			// The sweeper, flows closing once a second and the pools after a collection allocate: not per frame.
			if per > 0.1 {
				t.Errorf("%.2f allocations a frame", per)
			}
		})
	}
}

// A policy costs no system call, with limits or without: frames that go over a socket in one piece are read and written
// once on each side, as they are without one.
func TestNoCallMoreUnderAPolicy(t *testing.T) {
	for _, c := range hotPaths(t) {
		if len(c.pristine[0]) > 1<<10 || len(c.pristine[1]) > 1<<10 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			trip := c.roundTrip(t)
			calls := func() (n int64) {
				for last := int64(-1); n != last; time.Sleep(5 * time.Millisecond) { // a write counts a moment after it came
					s := c.rig.p.Stats()
					m := s.RequestMoves.Add(s.ResponseMoves)
					last, n = n, m.Reads+m.Writes+m.Peeks+m.Asks+m.Splices
				}
				return n
			}
			for range 10 {
				trip()
			}
			const rounds = 500
			before := calls()
			for range rounds {
				trip()
			}
			if got := calls() - before; got != 4*rounds {
				t.Errorf("%d system calls for %d frames and their answers", got, rounds)
			}
		})
	}
}

// BenchmarkFrame is a ping at depth 1 through the proxy over loopback: client, proxy and broker in one process.
func BenchmarkFrame(b *testing.B) {
	for _, c := range hotPaths(b) {
		b.Run(c.name, func(b *testing.B) {
			trip := c.roundTrip(b)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				trip()
			}
		})
	}
}

type hotPath struct {
	name            string
	mode            relay.Mode
	request, answer []byte
	pristine        [2][]byte
	key             int16
	batches         int
	opens           []byte // asked once before, and answered in the same way
	policy          api.Policy
	accounts        *policy.Accounts
	rig             *rig // of the round trips
}

func hotPaths(t testing.TB) []hotPath {
	var all []hotPath
	add := func(name string, mode relay.Mode, key int16, batches int, request, answer []byte) {
		all = append(all, hotPath{name: name, mode: mode, pristine: [2][]byte{request, answer}, key: key, batches: batches})
	}
	for _, mode := range []relay.Mode{relay.ModeUser, relay.ModeKernel} {
		q, a := cannedFetch(16, 16<<10)
		add("fetch 16 x 16 KiB "+mode.String(), mode, 1, 16, q, a)
		q, a = cannedFetch(8, 128<<10)
		add("fetch 8 x 128 KiB "+mode.String(), mode, 1, 8, q, a)
	}
	q, a := cannedFetch(1, 200)
	add("fetch 200 B", relay.ModeAuto, 1, 1, q, a)
	q, a = cannedProduce(200)
	add("produce 200 B", relay.ModeAuto, 0, 1, q, a)
	q, a = cannedProduce(16 << 10)
	add("produce 16 KiB", relay.ModeAuto, 0, 1, q, a)
	q, a = cannedProduce(512 << 10)
	add("produce 512 KiB", relay.ModeAuto, 0, 1, q, a)
	next := fetching(12, 7, 1, access.Topic{Name: "orders"})
	next.Topics[0].Partitions = next.Topics[0].Partitions[:1]
	next.Topics[0].Partitions[0].FetchOffset = firstOffset
	add("fetch in a session", relay.ModeAuto, 1, 1, framed(next, 12), inSession(t))
	all[len(all)-1].opens = framed(fetching(12, 0, 0, access.Topic{Name: "orders"}), 12)
	for _, h := range all {
		h.name += " under a policy"
		h.policy = decides(t, policy.Enforce)
		all = append(all, h)
		h.name += " with limits"
		limits := newTerms(t, access.Limits{FetchBytesPerSecond: 1 << 50, ProduceBytesPerSecond: 1 << 50,
			Budgets:  []access.Budget{{Bytes: 1 << 60, Window: time.Hour}, {Messages: 1 << 60, Window: time.Hour, Key: "topic"}},
			ReadFrom: &access.ReadFrom{MaxBehind: 1 << 61}})
		h.policy, h.accounts = limits, limits.accounts
		all = append(all, h)
	}
	return all
}

// inSession is an answer with one batch that opens or goes on with session 7.
func inSession(t testing.TB) []byte {
	r := fetched(12, 7, 200, access.Topic{Name: "orders"})
	r.Topics[0].Partitions = r.Topics[0].Partitions[:1]
	r.Topics[0].Partitions[0].RecordBatches = recordBatch(firstOffset, 10, 200)
	frame := answered(r, 12, true)
	if offsetsIn(frame, 1)[0] < 0 {
		t.Fatal("no offset in the answer")
	}
	return frame
}

// decides is a policy by the engine: orders may be read and written, and nothing of payroll.
func decides(t testing.TB, mode policy.Mode) api.Policy {
	e, err := policy.New(policy.Options{Mode: mode, Rules: policy.Rules{Files: map[string][]byte{"law.rego": []byte(`package doorkeeper

import rego.v1

decision := {"allow": allowed, "rule": "law"}

default allowed := false

allowed if input.action.resource.type != "TOPIC"

allowed if {
	input.action.operation in {"READ", "WRITE", "DESCRIBE"}
	input.action.resource.name == "orders"
}
`)}}})
	if err != nil {
		t.Fatal(err)
	}
	return engines{e}
}

type engines struct{ *policy.Engine }

func (e engines) Session(s *access.Session) api.Decider { return e.Engine.Session(s) }

func (h *hotPath) roundTrip(t testing.TB) func() {
	h.request, h.answer = bytes.Clone(h.pristine[0]), bytes.Clone(h.pristine[1])
	ends := answered(kmsg.NewPtrListOffsetsResponse(), listsByLatest, false)
	broker := newCanned(t, map[int16][]byte{h.key: h.answer, 2: ends})
	r := newRigWith(t, []string{broker.addr()}, h.mode, time.Hour, func(_ *ClusterSpec, o *Options) {
		o.Tracer = newNotebook(false) // which picks nothing
		if h.policy != nil {
			o.Policy, o.Accounts = h.policy, h.accounts
		}
	}) // no flow closes: that is per second, not per frame
	h.rig = r
	nc := dialRig(t, r)
	buf := make([]byte, len(h.answer))
	var asked []int
	if h.key == 1 {
		asked = offsetsIn(h.request, 1)
	}
	if h.opens != nil {
		if _, err := nc.Write(h.opens); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(nc, buf); err != nil {
			t.Fatal(err)
		}
	}
	given, next := offsetsIn(h.answer, h.batches), int64(0)
	return func() { // each goes on where the last one ended, as a consumer does: one flow
		setOffsets(h.request, asked, next)
		broker.mu.Lock()
		setOffsets(h.answer, given, next)
		broker.mu.Unlock()
		next += int64(10 * h.batches)
		if _, err := nc.Write(h.request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(nc, buf); err != nil {
			t.Fatal(err)
		}
	}
}
