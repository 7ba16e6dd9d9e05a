package api

import (
	"errors"
	"sync"

	"doorkeeper/access"
)

// FetchSessions are the fetch sessions (KIP-227) and share sessions (KIP-932) that a connection opened. The broker
// keeps them by id, for whoever names it; here a session belongs to the connection that opened it.
//
// State moves only when the broker's answer accepts a request: the request pump reads it, the response pump changes
// it, both under the lock.
type FetchSessions struct {
	mu    sync.Mutex
	fetch fetchSession
	share map[shareKey]int32 // the next epoch
}

// maxSessionParts bounds the partitions of one fetch session: more than any broker has for one client.
const maxSessionParts = 200_000

var errSession = errors.New("a fetch session of more than 200000 partitions")

// maxShareSessions bounds the share sessions of one connection.
const maxShareSessions = 64

type fetchSession struct {
	id     int32 // 0: none
	epoch  int32 // of the next incremental request
	byName map[string]*sessionTopic
	byID   map[[16]byte]*sessionTopic
	parts  int // of all topics
}

type shareKey struct{ group, member string }

type sessionTopic struct {
	topic    *access.Topic
	decision *access.Decision
	parts    map[int32]asked
}

// asked is what a request said of one partition.
type asked struct {
	offset int64
	epoch  int32 // the leader epoch that the client knows, -1: none
}

// Open says whether an incremental fetch may go on the session id: whether this connection opened it.
func (s *FetchSessions) Open(id int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id != 0 && s.fetch.id == id
}

// drop forgets the fetch session.
func (s *FetchSessions) drop() {
	s.mu.Lock()
	s.fetch = fetchSession{}
	s.mu.Unlock()
}

// accept moves the session on, after the broker's answer with session id took the request in f. It fails when the session
// becomes too large to be followed.
func (s *FetchSessions) accept(f *fetchState, id int32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &f.q
	switch {
	case q.SessionEpoch > 0 && q.SessionID != 0: // incremental
		if id == 0 || id != s.fetch.id {
			s.fetch = fetchSession{}
			return nil
		}
		s.fetch.forget(f)
	case id == 0 && q.SessionID == 0 && q.SessionEpoch < 0: // without a session, beside the one that may be open
		return nil
	case id == 0: // closed, or not opened
		s.fetch = fetchSession{}
		return nil
	default: // a full fetch that opened one
		s.fetch = fetchSession{id: id, byName: map[string]*sessionTopic{}, byID: map[[16]byte]*sessionTopic{}}
	}
	s.fetch.epoch = q.SessionEpoch + 1
	s.fetch.add(f)
	if s.fetch.parts > maxSessionParts {
		return errSession
	}
	return nil
}

func (s *fetchSession) add(f *fetchState) {
	for i := range f.q.Topics {
		t := &f.q.Topics[i]
		st := s.topic(f.topics[i])
		st.decision = f.decisions[i]
		before := len(st.parts)
		for _, p := range f.q.Partitions[t.First : t.First+t.Count] {
			st.parts[p.Index] = asked{p.Offset, p.LeaderEpoch}
		}
		s.parts += len(st.parts) - before
	}
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
		}
		s.parts += len(st.parts) - before
		if len(st.parts) == 0 {
			delete(s.byID, st.topic.ID)
			if s.byName[st.topic.Name] == st {
				delete(s.byName, st.topic.Name)
			}
		}
	}
}

// find returns what the session knows of a topic of the answer; nil if nothing.
func (s *FetchSessions) find(name []byte, id [16]byte) *sessionTopic {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != ([16]byte{}) {
		return s.fetch.byID[id]
	}
	return s.fetch.byName[string(name)]
}

// ShareOpen says whether this connection opened the share session and epoch may follow.
func (s *FetchSessions) shareOpen(group, member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.share[shareKey{group, member}]
	return ok
}

// shareAccept moves a share session on: epoch is that of the request which the broker took.
func (s *FetchSessions) shareAccept(group, member string, epoch int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := shareKey{group, member}
	switch {
	case epoch < 0:
		delete(s.share, k)
	case s.share == nil:
		s.share = map[shareKey]int32{k: epoch + 1}
	case len(s.share) < maxShareSessions || epoch > 0:
		s.share[k] = epoch + 1
	}
}
