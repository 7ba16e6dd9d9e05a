package policy

import (
	"crypto/sha256"
	"hash/maphash"
	"sync"

	"doorkeeper/access"
)

// An answer is one decision and how long it may be kept.
type answer struct {
	fresh  *access.Decision // as it was made
	cached *access.Decision // the same with Cached set
	keep   bool             // false: it is to be asked for again each time
	span   span
	tried  bool // the policy said enforce: false
}

func newAnswer(d *access.Decision, keep bool, s span) *answer {
	a := &answer{fresh: d, cached: d, keep: keep, span: s}
	if keep {
		c := *d
		c.Cached = true
		a.cached = &c
	}
	return a
}

// A span of time in which something holds, in Unix nanoseconds: from (inclusive) to until; until 0: without an end. It
// has a beginning too because a clock may be set back.
type span struct{ from, until int64 }

func (s span) holds(now int64) bool { return s.until == 0 || s.from <= now && now < s.until }

// and is when both hold.
func (s span) and(o span) span {
	switch {
	case o.until == 0:
		return s
	case s.until == 0:
		return o
	}
	return span{max(s.from, o.from), min(s.until, o.until)}
}

// A cache keeps the answers of one program by the projection of the question that its rules read. It is bounded: of each
// shard's two generations the older one goes when the younger is full.
type cache struct {
	seed   maphash.Seed
	shards [cacheShards]shard
}

const (
	cacheShards = 64
	shardSize   = 512 // of one generation
)

type shard struct {
	mu         sync.Mutex
	young, old map[string]*answer
	_          [40]byte // shards share no cache line
}

// maxKey bounds a key: what is longer is replaced by its digest. The last byte tells the two apart.
const maxKey = 256

func shorten(key []byte) []byte {
	if len(key) <= maxKey {
		return append(key, 0)
	}
	sum := sha256.Sum256(key)
	return append(append(key[:0], sum[:]...), 1)
}

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

func (c *cache) shard(key []byte) *shard { return &c.shards[maphash.Bytes(c.seed, key)%cacheShards] }

// get returns nil where there is no answer that holds.
func (c *cache) get(key []byte, now int64) *answer {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.young[string(key)]
	if a == nil {
		if a = s.old[string(key)]; a != nil {
			s.put(string(key), a)
		}
	}
	if a == nil || !a.span.holds(now) {
		return nil
	}
	return a
}

func (c *cache) put(key []byte, a *answer) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(string(key), a)
}

func (s *shard) put(key string, a *answer) {
	if s.young == nil || len(s.young) >= shardSize {
		s.young, s.old = make(map[string]*answer), s.young
	}
	s.young[key] = a
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}
