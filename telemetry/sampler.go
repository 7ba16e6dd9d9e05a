package telemetry

import (
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"doorkeeper/access"
)

// buckets is how many token buckets there are. A kind of request (principal, topic, API) has the one that its hash names;
// kinds that share one share its rate. That bounds the memory, 512 KiB, whatever names clients make up.
const buckets = 1 << 16

// A sampler picks requests: so many a second of each kind. It is a token bucket written as the time at which the bucket
// is full again (GCRA): one number, moved with one compare-and-swap.
type sampler struct {
	seed  maphash.Seed
	start time.Time
	cost  int64 // nanoseconds that one request takes to come back; 0: none is picked
	burst int64 // nanoseconds that the bucket may be behind
	full  [buckets]atomic.Int64
}

// newSampler picks rate requests a second of each kind, at least one at a time.
func newSampler(rate float64) *sampler {
	s := &sampler{seed: maphash.MakeSeed(), start: time.Now()}
	if rate > 0 {
		s.cost = int64(min(float64(time.Second)/rate, math.MaxInt64/4))
		s.burst = max(int64(time.Second), s.cost)
	}
	return s
}

// picks takes a token for the request. It allocates nothing.
func (s *sampler) picks(r *access.Request, topic string) bool {
	if s.cost == 0 {
		return false
	}
	now := int64(time.Since(s.start)) + s.burst
	bucket := &s.full[s.hash(r, topic)%buckets]
	for {
		full := bucket.Load()
		next := max(full, now-s.burst) + s.cost
		if next > now {
			return false
		}
		if bucket.CompareAndSwap(full, next) {
			return true
		}
	}
}

func (s *sampler) hash(r *access.Request, topic string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	if r.Identity != nil {
		_, _ = h.WriteString(r.Identity.Principal)
	}
	_ = h.WriteByte(0)
	_, _ = h.WriteString(topic)
	_, _ = h.Write([]byte{0, byte(r.API >> 8), byte(r.API)})
	return h.Sum64()
}
