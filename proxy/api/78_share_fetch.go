package api

import (
	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ShareFetch (key 78), versions 1 to 2 (KIP-932; v0 was early access of Kafka 4.0).
//
//   - v1: batch size in place of the partitions' byte limit; v2: renewing acknowledgements and acquire mode (KIP-1222)
//   - node endpoints stand behind the records, as an ordinary array
//
// Actions: READ on the group, READ on each topic. Records are accounted as those of a Fetch. A share session belongs
// to the connection that opened it: on any other the answer is SHARE_SESSION_NOT_FOUND, and clients open a new one. What
// may not pass: 78_share_fetch_enforce.go.
var shareFetchRow = &API{
	Key: int16(kmsg.ShareFetch), Max: mustMax(kmsg.ShareFetch),
	decode: func(x *Exchange, body []byte) error {
		s := &x.shareFetch
		if err := s.parse(x.Version, body); err != nil {
			return err
		}
		x.lowerWait(body, s.q.MaxWaitAt, &s.q.MaxWait)
		s.body = body
		return x.keepPlaces(len(s.q.Topics)+len(s.q.Forgotten), len(s.q.Partitions))
	},
	derive: deriveShareFetch, enforce: enforceShareFetch,
}

const shareSessionNotFound = 122

// shareFetchState is the part of an Exchange that a ShareFetch needs.
type shareFetchState struct {
	q         protocol.ShareFetchRequest
	group     string
	member    string
	topics    []*access.Topic
	decisions []*access.Decision
	shareEdit
}

func (s *shareFetchState) reset() {
	clear(s.topics)
	clear(s.decisions)
	s.topics, s.decisions = reuse(s.topics), reuse(s.decisions)
	s.group, s.member = "", ""
	s.shareEdit = shareEdit{}
}

func (s *shareFetchState) parse(version int16, body []byte) error {
	if err := s.q.Parse(version, body); err != nil {
		return err
	}
	s.group, s.member = string(s.q.Group), string(s.q.Member)
	return nil
}

func deriveShareFetch(x *Exchange) error {
	s := &x.shareFetch
	clear(s.topics)
	clear(s.decisions)
	s.topics, s.decisions = s.topics[:0], s.decisions[:0]
	s.made = x.basis()
	x.Group = s.group
	x.Ask(access.OpRead, access.ResGroup, x.Group)
	for i := range s.q.Topics {
		t := x.topicOf(nil, s.q.Topics[i].ID)
		s.topics = append(s.topics, t)
		s.decisions = append(s.decisions, x.AskTopic(access.OpRead, t))
	}
	var ok bool
	s.turned, s.moves, ok = x.Env.Fetch.checkShare(x)
	s.unsure = !ok
	if ok && x.Env.Fetch.shareStarves(x) {
		x.starve()
	}
	return nil
}

// topic finds a topic of the answer. Share sessions list only what changed, as fetch sessions do.
func (s *shareFetchState) topic(x *Exchange, id [16]byte) (*access.Topic, *access.Decision) {
	for i, t := range s.topics {
		if t.ID == id {
			return t, s.decisions[i]
		}
	}
	if t, d, ok := x.Env.Fetch.shareFind(s.group, s.member, id); ok {
		return t, d
	}
	return x.topicOf(nil, id), nil
}

// localShareFetch returns the answer to a ShareFetch on a share session that this connection did not open; nil if the
// request may go to the broker. The broker itself would serve it: sessions are known to it by group and member alone.
func (x *Exchange) localShareFetch() kmsg.Response {
	s := &x.shareFetch
	if s.q.SessionEpoch <= 0 || x.Env.Fetch.shareOpen(s.group, s.member) {
		return nil
	}
	r := kmsg.NewPtrShareFetchResponse()
	r.SetVersion(x.Version)
	r.ErrorCode = shareSessionNotFound
	x.Fail(r.ErrorCode)
	x.enforced.local = r
	return r
}
