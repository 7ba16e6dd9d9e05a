package proxy

import (
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// How far back reads may reach (limits.read_from). A cluster's high watermarks are known from the answers that pass; the
// offset that a time stands for is asked for with ListOffsets, on the client's own connection, and kept for a while.

const (
	reachKept     = time.Minute // an offset for a time is good for so long, and an end to deny somebody for
	reachesKnown  = 1 << 16     // partitions of a cluster of which something is remembered; the oldest is forgotten
	reachesAsked  = 1000        // partitions in one question; more are looked at when they are read
	reachAges     = 4           // different ages that are remembered of one partition
	latestOffset  = -1          // ListOffsets' timestamp for the end
	listsByLatest = 2           // the version asked in: isolation levels, and every broker since 0.11 has it
)

// reaches is what a cluster's partitions are known for.
type reaches struct {
	mu    sync.Mutex
	byKey map[reachKey]*reached
	order []reachKey // oldest first, from head on
	head  int
}

type reachKey struct {
	topic     string
	partition int32
}

type reached struct {
	high  int64     // the high watermark last seen, -1: none
	heard time.Time // when that was, or when it was asked for in vain
	ages  []aged
}

// aged is the first offset that is no older than an age.
type aged struct {
	age    time.Duration
	offset int64
	since  int64 // what the age meant then, milliseconds since 1970
	asked  time.Time
}

// of returns what is known of a partition, made if it is not. The caller holds the lock.
func (r *reaches) of(k reachKey) *reached {
	if p := r.byKey[k]; p != nil {
		return p
	}
	if r.byKey == nil {
		r.byKey = map[reachKey]*reached{}
	}
	if len(r.byKey) >= reachesKnown {
		delete(r.byKey, r.order[r.head])
		r.head++
	}
	if r.head > len(r.order)/2 {
		r.order, r.head = append(r.order[:0], r.order[r.head:]...), 0
	}
	p := &reached{high: -1}
	r.byKey[k] = p
	r.order = append(r.order, k)
	return p
}

func (p *reached) aged(age time.Duration) *aged {
	for i := range p.ages {
		if p.ages[i].age == age {
			return &p.ages[i]
		}
	}
	return nil
}

func (p *reached) put(a aged) {
	if known := p.aged(a.age); known != nil {
		*known = a
		return
	}
	if len(p.ages) == reachAges {
		p.ages = p.ages[1:]
	}
	p.ages = append(p.ages, a)
}

// reach is how far back a read of a partition may reach; false: that is not known, and what it says is what is known.
func (r *reaches) reach(k reachKey, rf *access.ReadFrom, now time.Time) (api.Reach, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.of(k), true
	var reach api.Reach
	if rf.MaxBehind > 0 {
		known = p.high >= 0
		reach.Offset = max(0, p.high-rf.MaxBehind)
	}
	if rf.MaxAge <= 0 {
		return reach, known
	}
	a := p.aged(rf.MaxAge)
	if a == nil {
		reach.Since = now.Add(-rf.MaxAge).UnixMilli()
		return reach, false
	}
	reach.Offset, reach.Since = max(reach.Offset, a.offset), a.since
	return reach, known && now.Sub(a.asked) < reachKept
}

func (r *reaches) saw(k reachKey, high int64, now time.Time) {
	r.mu.Lock()
	p := r.of(k)
	p.high, p.heard = high, now
	r.mu.Unlock()
}

// unsaid notes that the broker said nothing of a partition's end: a follower serves reads (KIP-392), and no questions. What
// it answers to the read says it then.
func (r *reaches) unsaid(k reachKey, now time.Time) {
	r.mu.Lock()
	r.of(k).heard = now
	r.mu.Unlock()
}

// stale says whether it is worth asking for what reach says.
func (r *reaches) stale(k reachKey, rf *access.ReadFrom, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of(k)
	if rf.MaxAge > 0 {
		if a := p.aged(rf.MaxAge); a == nil || now.Sub(a.asked) >= reachKept {
			return true
		}
	}
	return rf.MaxBehind > 0 && now.Sub(p.heard) >= reachKept
}

// behind raises the first offset that may be read.
func (r *reaches) behind(k reachKey, rf *access.ReadFrom, offset int64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.of(k).aged(rf.MaxAge); a != nil {
		a.offset = max(a.offset, offset)
		return
	}
	r.of(k).put(aged{age: rf.MaxAge, offset: offset, since: now.Add(-rf.MaxAge).UnixMilli(), asked: now})
}

// learn takes what the broker said of the offset for an age; offset -1: nothing is that young, so that only the end may
// be read. An error leaves the offset open: the broker will say so to the read, too.
func (r *reaches) learn(k reachKey, a aged, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of(k)
	switch {
	case failed:
		a.offset = 0
	case a.offset < 0:
		a.offset = max(0, p.high)
	}
	p.put(a)
}

// Reach implements api.Limits.
func (l *limits) Reach(t *access.Topic, partition int32, rf *access.ReadFrom) (api.Reach, bool) {
	r, known := l.reaches.reach(reachKey{topicName(t.Name, t.ID), partition}, rf, l.meter.Now())
	return r, known || t.Name == "" // of a topic without a name nothing can be asked
}

// Saw implements api.Limits.
func (l *limits) Saw(t *access.Topic, partition int32, high int64) {
	l.reaches.saw(reachKey{topicName(t.Name, t.ID), partition}, high, l.meter.Now())
}

// Stale implements api.Limits.
func (l *limits) Stale(t *access.Topic, partition int32, rf *access.ReadFrom) bool {
	return t.Name != "" && l.reaches.stale(reachKey{topicName(t.Name, t.ID), partition}, rf, l.meter.Now()) // else nothing can be asked
}

// Behind implements api.Limits.
func (l *limits) Behind(t *access.Topic, partition int32, rf *access.ReadFrom, offset int64) {
	l.reaches.behind(reachKey{topicName(t.Name, t.ID), partition}, rf, offset, l.meter.Now())
}

// measure finds out how far back x may read where that is not known. The ends come first: the offset for an age may be
// the end.
func (q *requests) measure(x *api.Exchange) error {
	l := q.c.limits
	if l == nil {
		return nil
	}
	var ends []reachKey
	ages := map[time.Duration][]reachKey{}
	n := 0
	x.Unreached(func(t *access.Topic, partition int32, rf *access.ReadFrom) {
		if n++; n > reachesAsked {
			return
		}
		k := reachKey{t.Name, partition}
		ends = append(ends, k)
		if rf.MaxAge > 0 {
			ages[rf.MaxAge] = append(ages[rf.MaxAge], k)
		}
	})
	if n == 0 {
		return nil
	}
	now := l.meter.Now()
	if err := q.listOffsets(ends, latestOffset, func(k reachKey, offset int64, failed bool) {
		if failed {
			l.reaches.unsaid(k, now)
		} else {
			l.reaches.saw(k, max(0, offset), now)
		}
	}); err != nil {
		return err
	}
	for age, keys := range ages {
		since := now.Add(-age).UnixMilli()
		if err := q.listOffsets(keys, since, func(k reachKey, offset int64, failed bool) {
			l.reaches.learn(k, aged{age: age, offset: offset, since: since, asked: now}, failed)
		}); err != nil {
			return err
		}
	}
	return nil
}

// listOffsets asks the broker for the offsets of a time, and waits for the answer. heard is called once for each
// partition; what the answer leaves out has failed.
func (q *requests) listOffsets(keys []reachKey, at int64, heard func(k reachKey, offset int64, failed bool)) error {
	r := kmsg.NewPtrListOffsetsRequest()
	r.SetVersion(listsByLatest)
	asked := map[reachKey]bool{}
	topics := map[string]int{}
	for _, k := range keys {
		if asked[k] {
			continue
		}
		asked[k] = true
		i, ok := topics[k.topic]
		if !ok {
			i = len(r.Topics)
			topics[k.topic] = i
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = k.topic
			r.Topics = append(r.Topics, t)
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = k.partition, at
		r.Topics[i].Partitions = append(r.Topics[i].Partitions, p)
	}
	answers, err := q.put([]kmsg.Request{r})
	if err != nil {
		return err
	}
	for _, t := range answers[0].(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if k := (reachKey{t.Topic, p.Partition}); asked[k] {
				delete(asked, k)
				heard(k, p.Offset, p.ErrorCode != 0)
			}
		}
	}
	for k := range asked {
		heard(k, 0, true)
	}
	return nil
}
