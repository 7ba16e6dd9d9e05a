package proxy

import (
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A lookup asks the broker, on the client's own connection, for the names behind topic ids that nobody here knows:
// after a restart, or because another proxy saw the Metadata.
type lookup struct {
	asked map[[16]byte]time.Time
}

// Bounds of asking: ids in one request, ids remembered as asked, and how long an unanswered id is left alone.
const (
	lookupIDs  = 1000
	lookupKept = 4096
	lookupWait = 5 * time.Second
	// ownCorrelation marks requests of our own. Any value would do: answers come in order.
	ownCorrelation = 0x646b // "dk"
	metadataByID   = 12     // the first Metadata version that asks by id (KIP-516); any broker with ids has it
)

// resolve learns the names of the ids that x could not name, and derives its actions again. What stays unknown is
// decided by its id alone.
func (q *requests) resolve(x *api.Exchange) error {
	ids := q.lookup.ask(x.Unknown, q.began)
	if len(ids) == 0 {
		return nil
	}
	m := kmsg.NewPtrMetadataRequest()
	m.SetVersion(metadataByID)
	for _, id := range ids {
		t := kmsg.NewMetadataRequestTopic()
		t.TopicID = id
		m.Topics = append(m.Topics, t)
	}
	if err := q.flush(); err != nil {
		return err
	}
	if err := q.push(entry{kind: own, correlation: ownCorrelation}); err != nil {
		return err
	}
	q.w.Add(ownFrame(m, q.client))
	if err := q.barrier(); err != nil {
		return err
	}
	if err := x.Derive(); err != nil {
		return errFrame{err}
	}
	return nil
}

// ask picks the ids worth asking for.
func (l *lookup) ask(ids [][16]byte, now time.Time) (ask [][16]byte) {
	for _, id := range ids {
		if at, ok := l.asked[id]; ok && now.Sub(at) < lookupWait || len(ask) == lookupIDs {
			continue
		}
		if l.asked == nil || len(l.asked) >= lookupKept {
			l.asked = map[[16]byte]time.Time{}
		}
		l.asked[id] = now
		ask = append(ask, id)
	}
	return ask
}

// ownFrame encodes a request of our own under the client's id, its length bytes included.
func ownFrame(r kmsg.Request, who *access.Client) []byte {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID(who.ID))
	return f.AppendRequest(nil, r, ownCorrelation)
}

// learn takes the broker's answer to an ownFrame; frame is without its length bytes.
func (c *conn) learn(frame []byte) error {
	r := kmsg.NewPtrMetadataResponse()
	r.SetVersion(metadataByID)
	body := frame[4:]
	if len(body) == 0 || body[0] != 0 { // no tags in the header: Kafka sends none
		return errTags
	}
	if err := r.ReadFrom(body[1:]); err != nil {
		return err
	}
	var topics []access.Topic
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ErrorCode == 0 && t.Topic != nil {
			topics = append(topics, access.Topic{Name: *t.Topic, ID: t.TopicID})
		}
	}
	c.s.cluster.LearnTopics(topics)
	return nil
}
