package api

import (
	"fmt"

	"doorkeeper/access"
	"doorkeeper/protocol"
)

// How far back a read may reach (limits.read_from). A Fetch says from which offset it reads: what lies before the reach is
// denied like a topic that may not be read, partition by partition. What an answer holds is looked at too, since a
// broker's fetch session keeps offsets of its own, and a ShareFetch says none: a batch from before the reach cuts the
// connection.

// A Reach is how far back the reads of one partition may reach now.
type Reach struct {
	Offset int64 // the first
	Since  int64 // batches whose newest message is older are out of reach, milliseconds since 1970; 0: no bound
}

// readFrom is a decision's bound, nil if it has none that is kept.
func readFrom(d *access.Decision) *access.ReadFrom {
	if d == nil || d.Limits == nil || d.Verdict != access.Allow {
		return nil
	}
	return d.Limits.ReadFrom
}

// keepsReach says whether reads are held to a bound before they go to the broker. Where it is only watched nothing is
// asked and nothing changes: the answer shows what would have been.
func (x *Exchange) keepsReach(d *access.Decision) bool {
	return x.Env.Limits != nil && readFrom(d) != nil && !d.Limits.Watched
}

// Unreached calls f for each partition that a Fetch is going to read of which is not known how far back it may, or which it
// may not for a reason that was true some time ago: a topic may have been deleted and made anew.
func (x *Exchange) Unreached(f func(t *access.Topic, partition int32, rf *access.ReadFrom)) {
	if x.API != fetchRow {
		return
	}
	ask := func(t *access.Topic, d *access.Decision, partition int32, offset int64) {
		rf := d.Limits.ReadFrom
		if r, known := x.Env.Limits.Reach(t, partition, rf); (!known || offset < r.Offset) && x.Env.Limits.Stale(t, partition, rf) {
			f(t, partition, rf)
		}
	}
	s := &x.fetch
	for i, d := range s.decisions {
		if !x.keepsReach(d) {
			continue
		}
		t := &s.q.Topics[i]
		for _, p := range s.q.Partitions[t.First : t.First+t.Count] {
			ask(s.topics[i], d, p.Index, p.Offset)
		}
	}
	if x.incremental() {
		x.Env.Fetch.reaching(x, func(t *sessionTopic) bool {
			for p, a := range t.parts {
				ask(t.topic, t.decision, p, a.offset)
			}
			return true
		})
	}
}

// reaching calls f for each topic of the fetch session whose reads may not reach back at will, until f returns false.
func (s *FetchSessions) reaching(x *Exchange, f func(*sessionTopic) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetch.reaching(x, f)
}

func (s *fetchSession) reaching(x *Exchange, f func(*sessionTopic) bool) {
	if !s.limits {
		return
	}
	for t := range s.topics {
		if x.keepsReach(t.decision) && !f(t) {
			return
		}
	}
}

// leftBehind says whether the session reads a partition, which the request does not move, from before its reach.
func (s *fetchSession) leftBehind(x *Exchange) (behind bool) {
	s.reaching(x, func(t *sessionTopic) bool {
		for p, a := range t.parts {
			if t.far[p] != nil {
				continue
			}
			if _, listed := x.fetch.look([]byte(t.topic.Name), t.topic.ID, p); listed {
				continue
			}
			if r, known := x.Env.Limits.Reach(t.topic, p, t.decision.Limits.ReadFrom); known && a.offset < r.Offset {
				behind = true
				return false
			}
		}
		return true
	})
	return behind
}

// farBack finds the partitions of a Fetch that begin before their reach, and says whether there are any.
func (x *Exchange) farBack() bool {
	f := &x.fetch
	f.far = nil
	if x.API != fetchRow {
		return false
	}
	for i, d := range f.decisions {
		if !x.keepsReach(d) {
			continue
		}
		t := &f.q.Topics[i]
		for k := t.First; k < t.First+t.Count; k++ {
			r, _ := x.Env.Limits.Reach(f.topics[i], f.q.Partitions[k].Index, d.Limits.ReadFrom)
			if f.q.Partitions[k].Offset >= r.Offset {
				continue
			}
			if f.far == nil {
				f.far = make([]*access.Decision, len(f.q.Partitions))
			}
			f.far[k] = x.tariff(d, f.topics[i]).TooFar()
		}
	}
	return f.far != nil
}

// stopFar completes the codes of the request by what begins too far back: a topic of which nothing else is asked goes to
// the broker no more. The denials become actions of the request, so that they are recorded.
func (x *Exchange) stopFar() {
	f := &x.fetch
	if f.far == nil {
		return
	}
	for i := range f.q.Topics {
		if f.codes[i] != 0 {
			continue
		}
		far, d := f.farParts(i)
		if d == nil {
			continue
		}
		if far == f.q.Topics[i].Count {
			f.codes[i] = errTopicAuthorization
		}
		x.put(access.Action{Operation: x.reading(), Type: access.ResTopic, Name: f.topics[i].Name, TopicID: f.topics[i].ID}, d, errTopicAuthorization)
	}
	x.enforced.index = nil
}

// movesFar says whether an incremental fetch moves a partition to before its reach that was not there: the client must
// open its session anew, for the broker's still has it.
func (s *FetchSessions) movesFar(x *Exchange) bool {
	f := &x.fetch
	if f.far == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range f.q.Topics {
		t := &f.q.Topics[i]
		known := s.fetch.known(f.topics[i])
		for k := t.First; k < t.First+t.Count; k++ {
			if f.far[k] != nil && (known == nil || known.far[f.q.Partitions[k].Index] == nil) {
				return true
			}
		}
	}
	return false
}

// known is what the session has of a topic, nil if nothing.
func (s *fetchSession) known(t *access.Topic) *sessionTopic {
	if st := s.byID[t.ID]; st != nil && t.ID != [16]byte{} {
		return st
	}
	return s.byName[t.Name]
}

// farParts returns how many partitions of topic entry i begin too far back, and the decision about one of them.
func (f *fetchState) farParts(i int) (n int, d *access.Decision) {
	if f.far == nil {
		return 0, nil
	}
	t := &f.q.Topics[i]
	for _, far := range f.far[t.First : t.First+t.Count] {
		if far != nil {
			n, d = n+1, far
		}
	}
	return n, d
}

// appendNear appends topic entry i of the request without the partitions that begin too far back.
func (x *Exchange) appendNear(dst, body []byte, i int) []byte {
	f := &x.fetch
	t := &f.q.Topics[i]
	far, _ := f.farParts(i)
	if far == 0 {
		return append(dst, body[t.Start:t.End]...)
	}
	compact := x.Version >= 12
	dst = protocol.AppendTopic(dst, x.Version, compact, string(t.Name), &t.ID, t.Count-far)
	end := t.Parts
	for k := t.First; k < t.First+t.Count; k++ {
		p := &f.q.Partitions[k]
		if end = p.End; f.far[k] == nil {
			dst = append(dst, body[p.Start:p.End]...)
		}
	}
	return append(dst, body[end:t.End]...) // the entry's tagged fields
}

// reach finds out how far back the open partition may be read.
func (r *Reader) reach(p *protocol.FetchPartition) {
	r.bound = Reach{}
	rf := readFrom(r.decision)
	if rf == nil || r.tariff == nil {
		return
	}
	limits := r.x.Env.Limits
	bound, known := limits.Reach(r.topic, p.Index, rf)
	if p.HighWatermark >= 0 {
		limits.Saw(r.topic, p.Index, p.HighWatermark)
	}
	if !known {
		bound, _ = limits.Reach(r.topic, p.Index, rf)
	}
	r.bound = bound
}

// within stops at a batch from before the reach.
func (r *Reader) within(b *protocol.Batch) error {
	if r.bound == (Reach{}) || b.Control() {
		return nil
	}
	if (!b.HasLast || b.LastOffset >= r.bound.Offset) && (b.MaxTimestamp < 0 || b.MaxTimestamp >= r.bound.Since) {
		return nil
	}
	d := r.tariff.TooFar()
	if !d.Stops() {
		r.decision, r.span.Decision = d, d
		return nil
	}
	if b.HasLast { // and the next request for it is denied
		r.x.Env.Limits.Behind(r.topic, r.span.Partition, readFrom(r.decision), b.LastOffset+1)
	}
	a := access.Action{Operation: r.x.reading(), Type: access.ResTopic, Name: r.topic.Name, TopicID: r.topic.ID}
	r.failed(&a, d, errTopicAuthorization)
	return fmt.Errorf("%w: %s of %q, from before its reach", ErrRevoked, a.Operation, r.topic.Name)
}
