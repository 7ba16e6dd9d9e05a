package api

import (
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
// Actions: READ on each topic; for a replica id of 0 and above CLUSTER_ACTION, and then NONE on the topics, as the broker
// asks. What may not pass: 01_fetch_enforce.go. Answers are streamed: see Reader.
var fetchRow = &API{
	Key: int16(kmsg.Fetch), Max: mustMax(kmsg.Fetch),
	decode: func(x *Exchange, body []byte) error {
		q := &x.fetch.q
		if err := q.Parse(x.Version, body); err != nil {
			return err
		}
		x.lowerWait(body, q.MaxWaitAt, &q.MaxWait)
		return x.keepPlaces(len(q.Topics)+len(q.Forgotten), len(q.Partitions))
	},
	derive: deriveFetch, enforce: enforceFetch, retry: errOffsetNotAvailable,
}

// consumer is the replica id of an ordinary client.
const consumer = -1

// fetchState is the part of an Exchange that a Fetch needs.
type fetchState struct {
	q         protocol.FetchRequest
	topics    []*access.Topic    // of q.Topics
	decisions []*access.Decision // of q.Topics
	forgotten []*access.Topic    // of q.Forgotten
	next      place              // where the next answer is expected
	index     map[partName]place // made for a large request whose answer has another order

	made     basis              // of decisions
	far      []*access.Decision // of q.Partitions: the denial of one that begins too far back; nil: none does
	codes    []int16            // of q.Topics, where some may not be read: 0 for those that go to the broker
	withheld []withheld         // what stands for the others in the answer to a full fetch
	closes   bool               // it goes to the broker as one without a session, which ends the one that it names
	emptied  bool               // and without topics
	throttle int32              // what the client is asked to wait, milliseconds
}

func (f *fetchState) reset() {
	clear(f.topics)
	clear(f.decisions)
	clear(f.forgotten)
	f.topics, f.decisions, f.forgotten = reuse(f.topics), reuse(f.decisions), reuse(f.forgotten)
	f.next, f.index = place{}, nil
	f.made, f.far, f.codes, f.withheld = basis{}, nil, nil, nil
	f.closes, f.emptied, f.throttle = false, false, 0
}

// A place is a partition entry of a request: index of its topic, and index into the partitions.
type place struct{ topic, part int }

// A partName names a partition as an answer does.
type partName struct {
	name  string
	id    [16]byte
	index int32
}

// reuse returns s empty, or nothing if one large request made it grow.
func reuse[T any](s []T) []T {
	if cap(s) > 1024 {
		return nil
	}
	return s[:0]
}

// keepPlaces accounts for the entries of a request that name topics and partitions.
func (x *Exchange) keepPlaces(topics, parts int) error {
	return x.keep(int64(topics)*topicSize + int64(parts)*partSize)
}

func deriveFetch(x *Exchange) error {
	f := &x.fetch
	f.reset()
	x.ReplicaID = f.q.ReplicaID
	f.made = x.basis()
	if x.ReplicaID != consumer {
		if err := x.askReplica(x.ReplicaID); err != nil {
			return err
		}
	}
	op := x.reading()
	for i := range f.q.Topics {
		t := x.topicOf(f.q.Topics[i].Name, f.q.Topics[i].ID)
		f.topics = append(f.topics, t)
		f.decisions = append(f.decisions, x.AskTopic(op, t))
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

// asked returns what the request said of one partition of the answer. Mostly the answer has the request's order.
func (f *fetchState) asked(name []byte, id [16]byte, partition int32) (*access.Topic, *access.Decision, asked, bool) {
	at, ok := f.next, f.isAt(f.next, name, id, partition)
	if !ok {
		if at, ok = f.look(name, id, partition); !ok {
			return nil, nil, asked{offset: -1, epoch: -1}, false
		}
	}
	f.next = f.behind(at)
	p := &f.q.Partitions[at.part]
	return f.topics[at.topic], f.decisions[at.topic], asked{p.Offset, p.LeaderEpoch}, true
}

// isAt says whether the entry at p is the one that an answer names.
func (f *fetchState) isAt(p place, name []byte, id [16]byte, partition int32) bool {
	if p.topic >= len(f.topics) || p.part >= len(f.q.Partitions) || f.q.Partitions[p.part].Index != partition {
		return false
	}
	t := f.topics[p.topic]
	if id != ([16]byte{}) {
		return t.ID == id
	}
	return t.Name == string(name)
}

// behind returns the entry after p.
func (f *fetchState) behind(p place) place {
	p.part++
	for p.topic < len(f.q.Topics) && p.part >= f.q.Topics[p.topic].First+f.q.Topics[p.topic].Count {
		p.topic++
	}
	return p
}

// look searches for an entry. Of two for the same partition the last one counts, as in the broker.
func (f *fetchState) look(name []byte, id [16]byte, partition int32) (found place, ok bool) {
	if len(f.q.Partitions) > fewParts {
		return f.lookUp(name, id, partition)
	}
	for p := f.behind(place{part: -1}); p.part < len(f.q.Partitions); p = f.behind(p) {
		if f.isAt(p, name, id, partition) {
			found, ok = p, true
		}
	}
	return found, ok
}

func (f *fetchState) lookUp(name []byte, id [16]byte, partition int32) (place, bool) {
	if f.index == nil {
		f.index = make(map[partName]place, len(f.q.Partitions))
		for p := f.behind(place{part: -1}); p.part < len(f.q.Partitions); p = f.behind(p) {
			t, index := f.topics[p.topic], f.q.Partitions[p.part].Index
			f.index[partName{t.Name, [16]byte{}, index}] = p
			f.index[partName{"", t.ID, index}] = p
		}
	}
	if id != ([16]byte{}) {
		p, ok := f.index[partName{id: id, index: partition}]
		return p, ok
	}
	p, ok := f.index[partName{name: string(name), index: partition}]
	return p, ok
}
