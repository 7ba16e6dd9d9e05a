package proxy

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"doorkeeper/relay"
)

// In the steady state a Fetch or Produce costs no allocation, in either mover.
func TestNoAllocationPerFrame(t *testing.T) {
	if raced {
		return
	}
	for _, c := range hotPaths() {
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

// BenchmarkFrame is a ping at depth 1 through the proxy over loopback: client, proxy and broker in one process.
func BenchmarkFrame(b *testing.B) {
	for _, c := range hotPaths() {
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
}

func hotPaths() []hotPath {
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
	q, a = cannedProduce(16 << 10)
	add("produce 16 KiB", relay.ModeAuto, 0, 1, q, a)
	q, a = cannedProduce(512 << 10)
	add("produce 512 KiB", relay.ModeAuto, 0, 1, q, a)
	return all
}

func (h *hotPath) roundTrip(t testing.TB) func() {
	h.request, h.answer = bytes.Clone(h.pristine[0]), bytes.Clone(h.pristine[1])
	broker := newCanned(t, map[int16][]byte{h.key: h.answer})
	r := newRigWith(t, []string{broker.addr()}, h.mode, time.Hour, nil) // no flow closes: that is per second, not per frame
	nc := dialRig(t, r)
	buf := make([]byte, len(h.answer))
	var asked []int
	if h.key == 1 {
		asked = offsetsIn(h.request, 1)
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
