package journal

import (
	"hash/maphash"
	"sync"

	"doorkeeper/access"
)

// retryWindow is how many batches of a producer in a partition are remembered: as many as the broker remembers, for
// an idempotent producer has no more than that in flight (KIP-98, KAFKA-5494).
const retryWindow = 5

// Bounds of the memory: shards, so that produce on many connections does not wait for one lock, times producers in a
// partition. About 12 MB at the most.
const (
	retryShards   = 16
	retryPerShard = 4096
)

// retries remembers which batches of idempotent producers were counted, across connections: a producer that lost its
// connection sends again what was written already, and the broker answers as if it had just been written.
type retries struct {
	seed   maphash.Seed
	shards [retryShards]retryShard
}

type retryShard struct {
	mu      sync.Mutex
	windows map[producerKey]*retryWindowOf
	order   []producerKey // ring of the keys, oldest at next once it is full
	next    int
}

type producerKey struct {
	cluster   string
	topic     string
	id        [16]byte
	partition int32
	producer  int64
}

type retryWindowOf struct {
	epoch     int16
	n, next   int
	sequences [retryWindow]int32
}

func newRetries() *retries {
	r := &retries{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].windows = make(map[producerKey]*retryWindowOf)
	}
	return r
}

// repeated says whether a batch that was written has been counted before, and remembers it. Batches without producer
// id or sequence are never the same.
func (r *retries) repeated(cluster string, b *access.Batch) bool {
	if b.ProducerID < 0 || b.BaseSequence < 0 {
		return false
	}
	key := producerKey{cluster: cluster, topic: b.Span.Topic.Name, partition: b.Span.Partition, producer: b.ProducerID}
	if key.topic == "" {
		key.id = b.Span.Topic.ID
	}
	s := &r.shards[maphash.Comparable(r.seed, key)%retryShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[key]
	if w == nil {
		w = &retryWindowOf{epoch: b.ProducerEpoch}
		s.add(key, w)
	}
	return w.repeated(b.ProducerEpoch, b.BaseSequence)
}

func (s *retryShard) add(key producerKey, w *retryWindowOf) {
	if len(s.order) < retryPerShard {
		s.order = append(s.order, key)
	} else {
		delete(s.windows, s.order[s.next])
		s.order[s.next] = key
		s.next = (s.next + 1) % retryPerShard
	}
	s.windows[key] = w
}

func (w *retryWindowOf) repeated(epoch int16, sequence int32) bool {
	if w.epoch != epoch { // a new epoch counts its sequences from 0
		*w = retryWindowOf{epoch: epoch}
	}
	for _, s := range w.sequences[:w.n] {
		if s == sequence {
			return true
		}
	}
	w.sequences[w.next] = sequence
	w.next = (w.next + 1) % retryWindow
	w.n = min(w.n+1, retryWindow)
	return false
}
