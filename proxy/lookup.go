package proxy

import (
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A lookup asks the broker, on the client's own connection, for the names behind topic ids that nobody here knows, and
// whether topics exist that nobody here has seen: after a restart, or because another proxy saw the Metadata.
type lookup struct {
	ids   asked[[16]byte]
	names asked[string]
}

// asked remembers for what a broker was asked, and when.
type asked[K comparable] map[K]time.Time

// Bounds of asking: ids or names in one request, those remembered as asked, and how long an unanswered one is left alone.
const (
	lookupMost = 1000
	lookupKept = 4096
	lookupWait = 5 * time.Second
	// ownCorrelation marks requests of our own. Any value would do: answers come in order.
	ownCorrelation = 0x646b // "dk"
	metadataByID   = 12     // the first Metadata version that asks by id (KIP-516); any broker with ids has it
)

// resolve learns the names of the ids that x could not name, and the topics that it would create, and derives its
// actions again. What stays unknown is decided by its id alone.
func (q *requests) resolve(x *api.Exchange) error {
	var byID, byName []kmsg.MetadataRequestTopic
	for _, id := range q.lookup.ids.ask(x.Unknown, q.began) {
		t := kmsg.NewMetadataRequestTopic()
		t.TopicID = id
		byID = append(byID, t)
	}
	for _, name := range q.lookup.names.ask(x.Unseen, q.began) {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		byName = append(byName, t)
	}
	if len(byID)+len(byName) == 0 {
		return nil
	}
	if err := q.flush(); err != nil {
		return err
	}
	for _, topics := range [][]kmsg.MetadataRequestTopic{byID, byName} { // not both in one: where there are ids, names are overlooked
		if err := q.askTopics(topics); err != nil {
			return err
		}
	}
	if err := q.barrier(); err != nil {
		return err
	}
	if err := x.Derive(); err != nil {
		return errFrame{err}
	}
	return nil
}

// askTopics puts a question of ours about topics behind what was sent. It creates none.
func (q *requests) askTopics(topics []kmsg.MetadataRequestTopic) error {
	if len(topics) == 0 {
		return nil
	}
	m := kmsg.NewPtrMetadataRequest()
	m.SetVersion(metadataByID)
	m.Topics = topics
	if err := q.push(entry{kind: own, correlation: ownCorrelation}); err != nil {
		return err
	}
	q.w.Add(ownFrame(m, q.client))
	return nil
}

// ask picks what is worth asking for.
func (l *asked[K]) ask(unknown []K, now time.Time) (ask []K) {
	for _, k := range unknown {
		if at, ok := (*l)[k]; ok && now.Sub(at) < lookupWait || len(ask) == lookupMost {
			continue
		}
		if *l == nil || len(*l) >= lookupKept {
			*l = asked[K]{}
		}
		(*l)[k] = now
		ask = append(ask, k)
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
