package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
)

// A law is a policy that a test changes as it likes: what it says of a topic, group or other resource by name. DESCRIBE it
// allows always: a client then goes on to what is denied.
type law struct {
	epoch atomic.Uint64
	asked atomic.Int64

	mu    sync.Mutex
	says  map[string]access.Verdict // by name; a topic without a name is denied, all else allowed
	until time.Time                 // the end of every decision
}

func newLaw(denied ...string) *law {
	w := &law{says: map[string]access.Verdict{"": access.Deny}}
	for _, name := range denied {
		w.says[name] = access.Deny
	}
	return w
}

func (w *law) Session(*access.Session) api.Decider { return w }

func (w *law) Epoch(*access.Identity) uint64 { return w.epoch.Load() }

func (w *law) Decide(_ *access.Request, a *access.Action) *access.Decision {
	w.asked.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.says[a.Name]
	if a.Operation == access.OpDescribe {
		v = access.Allow
	}
	return &access.Decision{Verdict: v, Enforced: true, Rule: "test", NotAfter: w.until}
}

// change says something else of a name from now on.
func (w *law) change(name string, v access.Verdict) {
	w.mu.Lock()
	w.says[name] = v
	w.mu.Unlock()
	w.epoch.Add(1)
}

// under makes a proxy serve under the law.
func (w *law) under(_ *ClusterSpec, o *Options) { o.Policy = w }
