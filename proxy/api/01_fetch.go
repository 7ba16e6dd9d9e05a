package api

import (
	"fmt"

	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fetch (key 1), versions 0 to 18.
//
//   - v4: isolation level and aborted transactions (KIP-98); v5: log start offset (KIP-107)
//   - v7: fetch sessions (KIP-227): a request lists only what changed, and may be empty
//   - v9: the leader epoch that the client knows (KIP-320); v11: rack and preferred read replica (KIP-392)
//   - v12: flexible; v13: topics by id (KIP-516)
//   - v15: the replica id moves into tag 1 (KIP-903); v16: node endpoints in a tag behind the records (KIP-951)
//   - v17: directory id (KIP-853); v18: high watermark in the request (KIP-1166)
//
// Actions: READ on each topic; CLUSTER_ACTION for a replica id of 0 and above. Answers are streamed: see Reader.
var fetchRow = &API{
	Key: int16(kmsg.Fetch), Max: mustMax(kmsg.Fetch),
	decode: func(x *Exchange, body []byte) error { return x.fetch.q.Parse(x.Version, body) },
	derive: deriveFetch,
}

// consumer is the replica id of an ordinary client.
const consumer = -1

// fetchState is the part of an Exchange that a Fetch needs.
type fetchState struct {
	q         protocol.FetchRequest
	topics    []*access.Topic    // of q.Topics
	decisions []*access.Decision // of q.Topics
	forgotten []*access.Topic    // of q.Forgotten
	hint      int                // index into q.Partitions where the next answer is expected
}

func (f *fetchState) reset() {
	clear(f.topics)
	clear(f.decisions)
	clear(f.forgotten)
	f.topics, f.decisions, f.forgotten, f.hint = f.topics[:0], f.decisions[:0], f.forgotten[:0], 0
}

func deriveFetch(x *Exchange) error {
	f := &x.fetch
	f.reset()
	x.ReplicaID = f.q.ReplicaID
	if x.ReplicaID != consumer {
		if x.ReplicaID < consumer {
			return fmt.Errorf("Fetch v%d: replica id %d is neither a consumer's nor a broker's", x.Version, x.ReplicaID)
		}
		x.AskCluster(access.OpClusterAction)
	}
	for i := range f.q.Topics {
		t := x.topicOf(f.q.Topics[i].Name, f.q.Topics[i].ID)
		f.topics = append(f.topics, t)
		f.decisions = append(f.decisions, x.AskTopic(access.OpRead, t))
	}
	for i := range f.q.Forgotten {
		f.forgotten = append(f.forgotten, x.topicOf(f.q.Forgotten[i].Name, f.q.Forgotten[i].ID))
	}
	return nil
}

// topicOf is Topic for the parsers of our own, whose names are bytes of the frame.
func (x *Exchange) topicOf(name []byte, id [16]byte) *access.Topic {
	if id == ([16]byte{}) {
		if t := x.Env.Cluster.TopicByName(name); t != nil {
			return t
		}
		return x.Env.Cluster.Intern(string(name))
	}
	return x.Topic(nil, id)
}

// localFetch returns the answer that doorkeeper gives itself, if the request may not go to the broker: an incremental
// fetch on a session that this connection did not open is answered INVALID_FETCH_SESSION_EPOCH, upon which clients open
// a new one and name the old id, so that the broker frees its slot (KIP-227).
func (x *Exchange) localFetch() kmsg.Response {
	q := &x.fetch.q
	if q.SessionID == 0 || q.SessionEpoch <= 0 || x.Env.Fetch.Open(q.SessionID) {
		return nil
	}
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(x.Version)
	r.ErrorCode = 71
	return r
}

// asked returns what the request, or the fetch session behind it, said of one partition of the answer.
func (f *fetchState) asked(name []byte, id [16]byte, partition int32) (*access.Topic, *access.Decision, asked, bool) {
	n := len(f.q.Topics)
	for k := range n {
		i := (f.hint + k) % n
		t := f.topics[i]
		if id != ([16]byte{}) && t.ID != id || id == ([16]byte{}) && t.Name != string(name) {
			continue
		}
		qt := &f.q.Topics[i]
		for _, p := range f.q.Partitions[qt.First : qt.First+qt.Count] {
			if p.Index == partition {
				f.hint = i
				return t, f.decisions[i], asked{p.Offset, p.LeaderEpoch}, true
			}
		}
	}
	return nil, nil, asked{offset: -1, epoch: -1}, false
}
