package api

import (
	"bytes"
	"slices"
	"time"

	"doorkeeper/access"
)

// maxShareSessions bounds the share sessions of one connection.
const maxShareSessions = 64

type shareKey struct{ group, member string }

// A shareSession is a share session as the client sees it. The broker's is without the topics that may not be read.
type shareSession struct {
	topics map[[16]byte]*sharedTopic
	parts  int // of all topics
	moves  int // how often it has changed

	made    basis     // of all decisions; the zero basis: not of all
	until   time.Time // the first end of a decision; zero: none has one
	denies  bool      // some topic may not be read
	unnamed bool      // some of them because nobody knows its name
}

type sharedTopic struct {
	topic    *access.Topic
	decision *access.Decision
	parts    map[int32]struct{}
}

// A turn is a topic of a session that may be read from now on, or may not any longer: the broker's session must be told.
type turn struct {
	topic    *access.Topic
	decision *access.Decision
	parts    []int32
}

// shareOpen says whether this connection opened the share session.
func (s *FetchSessions) shareOpen(group, member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.share[shareKey{group, member}] != nil
}

// shareDenying says whether some topic of the share session may not be read.
func (s *FetchSessions) shareDenying(group, member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.share[shareKey{group, member}]
	return o != nil && o.denies
}

// shareFind returns what the session knows of a topic of the answer.
func (s *FetchSessions) shareFind(group, member string, id [16]byte) (*access.Topic, *access.Decision, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.share[shareKey{group, member}]; o != nil {
		if t := o.topics[id]; t != nil {
			return t.topic, t.decision, true
		}
	}
	return nil, nil, false
}

// shareLimited calls f for each topic of the session that x goes on with.
func (s *FetchSessions) shareLimited(x *Exchange, f func(*access.Decision, *access.Topic)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.share[shareKey{x.shareFetch.group, x.shareFetch.member}]
	if o == nil || x.shareFetch.q.SessionEpoch <= 0 {
		return
	}
	for _, t := range o.topics {
		f(t.decision, t.topic)
	}
}

// checkShare asks again for every topic of the session that x goes on with, if the decisions may no longer hold. It
// returns what has turned, and false if something could not be decided. moves is what accept wants to hear.
func (s *FetchSessions) checkShare(x *Exchange) (turned []turn, moves int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &x.shareFetch
	o := s.share[shareKey{q.group, q.member}]
	if o == nil || q.q.SessionEpoch <= 0 {
		return nil, 0, true
	}
	if o.made == q.made && !o.unnamed && (o.until.IsZero() || x.now().Before(o.until)) {
		return nil, o.moves, true
	}
	for _, t := range o.topics {
		topic := t.topic
		if known := x.Env.Cluster.TopicByID(topic.ID); topic.Name == "" && known != nil {
			topic = known
		}
		d := x.again(access.OpRead, topic)
		switch {
		case d.Stops() && d.Verdict == access.Refuse:
			return nil, o.moves, false
		case d.Stops() != t.decision.Stops():
			w := turn{topic: topic, decision: d}
			for p := range t.parts {
				w.parts = append(w.parts, p)
			}
			slices.Sort(w.parts)
			turned = append(turned, w)
		}
	}
	slices.SortFunc(turned, func(a, b turn) int { return bytes.Compare(a.topic.ID[:], b.topic.ID[:]) })
	return turned, o.moves, true
}

// shareStarves says whether x goes on with a session of which nothing may be read. The broker's is empty then, and so it
// answers at once.
func (s *FetchSessions) shareStarves(x *Exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &x.shareFetch
	o := s.share[shareKey{q.group, q.member}]
	if o == nil || q.q.SessionEpoch <= 0 {
		return false
	}
	readable := 0
	for _, t := range o.topics {
		if !t.decision.Stops() {
			readable++
		}
	}
	for _, w := range q.turned {
		if w.decision.Stops() {
			readable--
		} else {
			readable++
		}
	}
	for _, d := range q.decisions {
		if !d.Stops() {
			return false
		}
	}
	return len(o.topics) > 0 && readable == 0
}

// shareAccept moves the share session on that x asked for, after the broker took the request. It says whether decisions in
// it may no longer hold.
func (s *FetchSessions) shareAccept(x *Exchange) (stale bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &x.shareFetch
	k := shareKey{q.group, q.member}
	o := s.share[k]
	switch {
	case q.q.SessionEpoch < 0:
		delete(s.share, k)
		return false, nil
	case q.q.SessionEpoch == 0:
		if o == nil && len(s.share) >= maxShareSessions {
			return false, nil
		}
		o = &shareSession{topics: map[[16]byte]*sharedTopic{}, made: q.made}
		if s.share == nil {
			s.share = map[shareKey]*shareSession{}
		}
		s.share[k] = o
	case o == nil:
		return true, nil
	}
	if o.made != q.made {
		if o.made = q.made; o.moves != q.moves {
			o.made = basis{} // what came in between was not asked for again
		}
	}
	for _, w := range q.turned {
		if t := o.topics[w.topic.ID]; t != nil {
			t.topic, t.decision = w.topic, w.decision
		}
	}
	o.add(q)
	o.forget(q)
	o.count()
	o.moves++
	if s.shareTooMuch() {
		return true, errSession
	}
	return o.made != q.made, nil
}

// shareTooMuch says that the share sessions of the connection are together more than can be followed: their members are
// names that a client makes up.
func (s *FetchSessions) shareTooMuch() bool {
	parts, topics := 0, 0
	for _, o := range s.share {
		parts, topics = parts+o.parts, topics+len(o.topics)
	}
	return parts > maxSessionParts || topics > maxSessionTopics
}

// shareAcknowledged forgets a session that a ShareAcknowledge has ended.
func (s *FetchSessions) shareAcknowledged(group, member string, epoch int32) {
	if epoch >= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.share, shareKey{group, member})
}

func (o *shareSession) add(q *shareFetchState) {
	for i := range q.q.Topics {
		t := &q.q.Topics[i]
		st := o.topics[t.ID]
		if st == nil {
			st = &sharedTopic{parts: map[int32]struct{}{}}
			o.topics[t.ID] = st
		}
		st.topic, st.decision = q.topics[i], q.decisions[i]
		for _, p := range q.q.Partitions[t.First : t.First+t.Count] {
			st.parts[p.Index] = struct{}{}
		}
	}
}

func (o *shareSession) forget(q *shareFetchState) {
	for i := range q.q.Forgotten {
		t := &q.q.Forgotten[i]
		st := o.topics[t.ID]
		if st == nil {
			continue
		}
		for _, p := range q.q.ForgottenIDs[t.First : t.First+t.Count] {
			delete(st.parts, p)
		}
		if len(st.parts) == 0 {
			delete(o.topics, t.ID)
		}
	}
}

// count sums up what the topics say together.
func (o *shareSession) count() {
	o.parts, o.denies, o.unnamed, o.until = 0, false, false, time.Time{}
	for _, t := range o.topics {
		o.parts += len(t.parts)
		o.until = earlier(o.until, t.decision.NotAfter)
		if t.decision.Stops() {
			o.denies = true
			o.unnamed = o.unnamed || t.topic.Name == ""
		}
	}
}

// shareWithheld returns the partitions of the session that may not be read, by topic.
func (s *FetchSessions) shareWithheld(x *Exchange) (all []withheld) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.share[shareKey{x.shareFetch.group, x.shareFetch.member}]
	if o == nil || !o.denies {
		return nil
	}
	for _, t := range o.topics {
		if !t.decision.Stops() {
			continue
		}
		w := withheld{topic: t.topic, decision: t.decision, code: x.topicCode(t.topic, t.decision)}
		for p := range t.parts {
			w.parts = append(w.parts, p)
		}
		slices.Sort(w.parts)
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b withheld) int { return bytes.Compare(a.topic.ID[:], b.topic.ID[:]) })
	return all
}
