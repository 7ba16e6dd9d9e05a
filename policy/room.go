package policy

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Loading a big policy makes hundreds of megabytes of garbage in a second, and on a small machine each collection of it
// takes the processor that connections wait for: they were seen to wait 20 ms. So the collector gets more room meanwhile,
// a bounded amount of it.

// loadRoom is how much larger the heap may grow while policies load.
const loadRoom = 256 << 20

var loading struct {
	sync.Mutex
	loads  int
	before int // the collector's percentage when the first of them began
}

// makeRoom gives the collector room until done is called.
func makeRoom() (done func()) {
	loading.Lock()
	defer loading.Unlock()
	if loading.loads++; loading.loads == 1 {
		loading.before = debug.SetGCPercent(-1)
		debug.SetGCPercent(roomy(loading.before, liveHeap()))
	}
	return func() {
		loading.Lock()
		defer loading.Unlock()
		if loading.loads--; loading.loads == 0 {
			debug.SetGCPercent(loading.before)
		}
	}
}

// roomy is the percentage that lets a heap grow by loadRoom more. Below 0 the collector is switched off, and stays so.
func roomy(percent int, live uint64) int {
	if percent < 0 {
		return percent
	}
	return percent + int(loadRoom*100/max(live, 16<<20))
}

func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 1 << 30
	}
	return s[0].Value.Uint64()
}
