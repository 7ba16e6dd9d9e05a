package cluster

import (
	"hash/maphash"
	"maps"
	"sync/atomic"

	"doorkeeper/access"
)

// shards is how many parts a table has. With 200,000 topics a part holds about 800, which is what one new topic costs
// to copy.
const shards = 256

// A table maps names or ids to topics. Each shard is an immutable map behind an atomic pointer: reading takes no lock,
// and a change copies the shards that it touches. The seed is random, so that nobody can choose names that share one.
type table[K comparable] struct {
	seed  maphash.Seed
	hash  func(maphash.Seed, K) uint64
	shard [shards]atomic.Pointer[map[K]*access.Topic]
}

func newTable[K comparable](hash func(maphash.Seed, K) uint64) *table[K] {
	t := &table[K]{seed: maphash.MakeSeed(), hash: hash}
	for i := range t.shard {
		t.shard[i].Store(&map[K]*access.Topic{})
	}
	return t
}

func hashID(seed maphash.Seed, id [16]byte) uint64 { return maphash.Bytes(seed, id[:]) }

func (t *table[K]) index(key K) int { return int(t.hash(t.seed, key) % shards) }

func (t *table[K]) get(key K) *access.Topic { return (*t.shard[t.index(key)].Load())[key] }

// find is get with a name that is not a string yet, without making it one. A string's hash is that of its bytes.
func find(t *table[string], name []byte) *access.Topic {
	return (*t.shard[maphash.Bytes(t.seed, name)%shards].Load())[string(name)]
}

// A tableEdit holds copies of the shards that a writer changed. One writer at a time.
type tableEdit[K comparable] struct {
	*table[K]
	changed map[int]map[K]*access.Topic
}

func (t *table[K]) edit() *tableEdit[K] {
	return &tableEdit[K]{table: t, changed: map[int]map[K]*access.Topic{}}
}

// get sees the edit's own changes.
func (e *tableEdit[K]) get(key K) *access.Topic {
	if m, ok := e.changed[e.index(key)]; ok {
		return m[key]
	}
	return e.table.get(key)
}

func (e *tableEdit[K]) put(key K, t *access.Topic) { e.copyOf(key)[key] = t }

// drop removes a key, if it still leads to the topic.
func (e *tableEdit[K]) drop(key K, t *access.Topic) {
	if e.get(key) == t {
		delete(e.copyOf(key), key)
	}
}

func (e *tableEdit[K]) copyOf(key K) map[K]*access.Topic {
	i := e.index(key)
	m, ok := e.changed[i]
	if !ok {
		m = maps.Clone(*e.shard[i].Load())
		e.changed[i] = m
	}
	return m
}

// commit shows readers what changed, and says whether anything did.
func (e *tableEdit[K]) commit() bool {
	for i, m := range e.changed {
		e.shard[i].Store(&m)
	}
	return len(e.changed) > 0
}
