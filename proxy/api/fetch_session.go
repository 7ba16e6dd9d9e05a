package api

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"doorkeeper/access"
)

// FetchSessions are the fetch sessions (KIP-227) and share sessions (KIP-932) that a connection opened. The broker
// keeps them by id, for whoever names it; here a session belongs to the connection that opened it.
//
// State moves only when the broker's answer accepts a request: the request pump reads it, the response pump changes
// it, both under the lock. Only decisions are made anew by the request pump (check).
//
// A session holds what the client asked for. The broker's holds that without the partitions of topics that may not be
// read: those are answered here, in every answer, as the broker does with partitions that have an error.
type FetchSessions struct {
	mu    sync.Mutex
	fetch fetchSession
	share map[shareKey]*shareSession
}

// Bounds of one fetch session, and of all share sessions of a connection together: more than any broker has for one client.
const (
	maxSessionParts  = 200_000
	maxSessionTopics = maxActions
)

var errSession = errors.New("a fetch session, or share sessions, of more than 200000 partitions, or 10000 topics")

type fetchSession struct {
	id     int32 // 0: none
	byName map[string]*sessionTopic
	byID   map[[16]byte]*sessionTopic
	parts  int // of all topics

	made     basis      // of all decisions; the zero basis: not of all
	until    time.Time  // the first end of a decision; zero: none has one
	denies   bool       // some topic may not be read
	limits   bool       // some topic may be read within limits, or might once
	unnamed  bool       // some of them because nobody knows its name
	broken   bool       // what may be read has changed: the client must open it anew
	withheld []withheld // what stands for the topics that may not be read; nil: to be made
}

type sessionTopic struct {
	topic    *access.Topic
	decision *access.Decision
	parts    map[int32]asked
	far      map[int32]*access.Decision // of parts, those that begin too far back
}

func (t *sessionTopic) stops() bool { return t.decision != nil && t.decision.Stops() }

func (t *sessionTopic) putFar(partition int32, d *access.Decision) {
	if t.far == nil {
		t.far = map[int32]*access.Decision{}
	}
	t.far[partition] = d
}

// asked is what a request said of one partition.
type asked struct {
	offset int64
	epoch  int32 // the leader epoch that the client knows, -1: none
}

// drop forgets the fetch session.
func (s *FetchSessions) drop() {
	s.mu.Lock()
	s.fetch = fetchSession{}
	s.mu.Unlock()
}

// A standing is what becomes of an incremental fetch.
type standing uint8

const (
	good    standing = iota
	reopen           // the session is not open here, or what may be read in it has changed
	unknown          // nothing could be decided now
)

// check says whether an incremental fetch may go on. Where decisions may no longer hold, every topic of the session is
// asked for again, as the broker does on every fetch.
func (s *FetchSessions) check(x *Exchange) standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, made := &s.fetch, x.fetch.made
	switch {
	case f.id != x.fetch.q.SessionID || f.broken:
		return reopen
	case f.made == made && !f.unnamed && (f.until.IsZero() || x.now().Before(f.until)):
		return f.near(x)
	}
	var until time.Time
	for t := range f.topics {
		if len(t.parts) == 0 {
			continue
		}
		if known := x.Env.Cluster.TopicByID(t.topic.ID); t.topic.Name == "" && known != nil {
			t.topic = known
		}
		d := x.again(x.reading(), t.topic)
		if d.Stops() && d.Verdict == access.Refuse {
			return unknown
		}
		if d.Stops() != t.stops() {
			f.broken = true
			return reopen
		}
		t.decision = d
		f.limits = f.limits || d.Limits != nil
		until = earlier(until, d.NotAfter)
	}
	f.made, f.until, f.withheld = made, until, nil
	return f.near(x)
}

// near says that all is good, unless the session reads from before a reach.
func (s *fetchSession) near(x *Exchange) standing {
	if s.leftBehind(x) {
		s.broken = true
		return reopen
	}
	return good
}

// topics yields every topic of the session once.
func (s *fetchSession) topics(yield func(*sessionTopic) bool) {
	for _, t := range s.byID {
		if !yield(t) {
			return
		}
	}
	for _, t := range s.byName {
		if t.topic.ID == ([16]byte{}) && !yield(t) {
			return
		}
	}
}

// accept moves the session on, after the broker's answer with session id took the request in x. It returns what stands in
// the answer for topics of the session that may not be read, and whether decisions in it may no longer hold. It fails
// when the session becomes too large to be followed.
func (s *FetchSessions) accept(x *Exchange, id int32) (more []withheld, stale bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &x.fetch
	q := &f.q
	switch {
	case q.SessionEpoch > 0 && q.SessionID != 0: // incremental
		if q.SessionID != s.fetch.id {
			s.fetch = fetchSession{}
			return nil, true, nil
		}
		if err = s.fetch.add(f); err != nil {
			return nil, true, err
		}
		s.fetch.forget(f) // behind it, as the broker does: what is asked for and forgotten in one is forgotten
		more, stale = s.fetch.withhold(x.Version), s.fetch.made != f.made
		if id != s.fetch.id { // the broker has closed it
			s.fetch = fetchSession{}
		}
		return more, stale, nil
	case id == 0 && q.SessionID == 0 && q.SessionEpoch < 0: // without a session, beside the one that may be open
		return nil, false, nil
	case id == 0: // closed, or not opened
		s.fetch = fetchSession{}
		return nil, false, nil
	}
	// a full fetch that opened one
	s.fetch = fetchSession{id: id, byName: map[string]*sessionTopic{}, byID: map[[16]byte]*sessionTopic{}, made: f.made}
	return nil, false, s.fetch.add(f)
}

func (s *fetchSession) add(f *fetchState) error {
	if len(f.q.Topics) == 0 {
		return nil
	}
	if s.made != f.made {
		s.made = basis{} // not all of the session's decisions are of one basis
	}
	for i := range f.q.Topics {
		t := &f.q.Topics[i]
		st := s.topic(f.topics[i])
		before := len(st.parts)
		was := st.stops()
		st.decision = f.decisions[i]
		s.broken = s.broken || before > 0 && was != st.stops() // of its other partitions the broker has heard otherwise
		for n, p := range f.q.Partitions[t.First : t.First+t.Count] {
			st.parts[p.Index] = asked{p.Offset, p.LeaderEpoch}
			delete(st.far, p.Index)
			if f.far != nil && f.far[t.First+n] != nil {
				st.putFar(p.Index, f.far[t.First+n])
				s.denies = true
			}
		}
		s.parts += len(st.parts) - before
		if d := st.decision; d != nil {
			s.until = earlier(s.until, d.NotAfter)
			s.limits = s.limits || d.Limits != nil
		}
		s.denies = s.denies || st.stops()
		s.unnamed = s.unnamed || st.stops() && st.topic.Name == ""
	}
	s.withheld = nil
	if s.parts > maxSessionParts || len(s.byID)+len(s.byName) > 2*maxSessionTopics {
		return errSession
	}
	return nil
}

// withhold returns what stands in every answer for the topics that may not be read.
func (s *fetchSession) withhold(version int16) []withheld {
	if !s.denies || s.withheld != nil {
		return s.withheld
	}
	s.denies, s.unnamed = false, false
	for t := range s.topics {
		if !t.stops() && len(t.far) == 0 || len(t.parts) == 0 {
			continue
		}
		if version < 13 && s.byName[t.topic.Name] != t { // deleted and made anew: the name is the new one's
			continue
		}
		s.denies = true
		w := withheld{topic: t.topic, decision: t.decision, code: errTopicAuthorization}
		if t.topic.Name == "" && version >= 13 {
			s.unnamed, w.code = true, errUnknownTopicID
		}
		for p := range t.parts {
			if d := t.far[p]; d != nil && !t.stops() {
				w.decision = d
			} else if !t.stops() {
				continue
			}
			w.parts = append(w.parts, p)
		}
		slices.Sort(w.parts)
		s.withheld = append(s.withheld, w)
	}
	slices.SortFunc(s.withheld, func(a, b withheld) int {
		return cmp.Or(cmp.Compare(a.topic.Name, b.topic.Name), bytes.Compare(a.topic.ID[:], b.topic.ID[:]))
	})
	return s.withheld
}

// denying says whether some topic of the fetch session may not be read.
func (s *FetchSessions) denying() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetch.denies
}

func (s *fetchSession) topic(t *access.Topic) *sessionTopic {
	byID := t.ID != ([16]byte{})
	if byID {
		if st := s.byID[t.ID]; st != nil {
			return st
		}
	}
	// A topic that was deleted and made anew has the old one's name, and is another.
	if st := s.byName[t.Name]; st != nil && t.Name != "" && (!byID || st.topic.ID == [16]byte{}) {
		if byID {
			st.topic = t
			s.byID[t.ID] = st
		}
		return st
	}
	st := &sessionTopic{topic: t, parts: map[int32]asked{}}
	if byID {
		s.byID[t.ID] = st
	}
	if t.Name != "" {
		s.byName[t.Name] = st
	}
	return st
}

func (s *fetchSession) forget(f *fetchState) {
	for i := range f.q.Forgotten {
		t := f.forgotten[i]
		st := s.byID[t.ID]
		if st == nil {
			st = s.byName[t.Name]
		}
		if st == nil {
			continue
		}
		q := &f.q.Forgotten[i]
		before := len(st.parts)
		for _, p := range f.q.ForgottenIDs[q.First : q.First+q.Count] {
			delete(st.parts, p)
			delete(st.far, p)
		}
		s.parts += len(st.parts) - before
		s.withheld = nil
		if len(st.parts) == 0 {
			delete(s.byID, st.topic.ID)
			if s.byName[st.topic.Name] == st {
				delete(s.byName, st.topic.Name)
			}
		}
	}
}

// find returns what the session knows of a partition of the answer; false if nothing.
func (s *FetchSessions) find(name []byte, id [16]byte, partition int32) (*access.Topic, *access.Decision, asked, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t *sessionTopic
	if id != ([16]byte{}) {
		t = s.fetch.byID[id]
	} else {
		t = s.fetch.byName[string(name)]
	}
	if t == nil {
		return nil, nil, asked{-1, -1}, false
	}
	a, ok := t.parts[partition]
	if !ok {
		a = asked{-1, -1}
	}
	return t.topic, t.decision, a, true
}
