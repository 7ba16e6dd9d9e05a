package api

import (
	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Produce of which something may not pass. The answers are the broker's own:
//
//   - a topic that is denied: 29 for each of its partitions, beside what the broker says of the others; from v13 on
//     UNKNOWN_TOPIC_ID where nobody knows whose id it is, upon which clients ask for metadata
//   - a transactional id that is denied: 53 for all
//   - refused: NOT_LEADER_OR_FOLLOWER, which producers retry
//   - acks=0: nothing; the connection ends, after what may pass has gone out
//
// The topics that may pass go on in the client's own bytes (ProduceKept), if the request could be held whole. Of one that
// could not, no part takes effect (LoseProduce): the denied topics are answered so, the others as refused ones are.

// LoseProduce says that the broker will never have the open request as a whole, and so does nothing of it.
func (x *Exchange) LoseProduce() { x.produce.lost = true }

// ProduceHopeless says that nothing of the open request may pass, whatever is still to come of it.
func (x *Exchange) ProduceHopeless() bool {
	if x.txnStops() != nil {
		return true
	}
	for i := range x.produce.topics {
		if !x.produce.topics[i].decision.Stops() {
			return false
		}
	}
	return x.produce.topicsLeft == 0
}

// txnStops returns the decision that stops the whole request, nil if there is none.
func (x *Exchange) txnStops() *access.Decision {
	if !x.produce.transactional {
		return nil
	}
	if d := x.Decided(access.OpWrite, access.ResTransactionalID, x.TransactionalID); d.Stops() {
		return d
	}
	return nil
}

// enforceProduce carries out the decisions of a request that has come to its end.
func enforceProduce(x *Exchange) (kmsg.Response, error) {
	s := &x.produce
	s.withheld = true
	stopped := x.stoppedTopics()
	whole := x.wholeProduce()
	passes := false
	for i := range s.topics {
		t := &s.topics[i]
		t.code = stopped[keyOf(t.topic)]
		switch {
		case whole != 0:
			t.code = whole
		case t.code == 0 && s.lost:
			t.code = x.API.retry
		}
		passes = passes || t.code == 0
	}
	x.failStopped()
	if passes {
		return nil, nil
	}
	rest := int16(errNotLeader)
	if whole != 0 {
		rest = whole
	}
	x.Fail(rest)
	s.supersede()
	r := kmsg.NewPtrProduceResponse()
	x.addWithheld(r)
	return r, nil
}

// wholeProduce is the error of the whole request, 0 for none. A transaction without an id is for nobody.
func (x *Exchange) wholeProduce() int16 {
	if txn := x.txnStops(); txn != nil {
		return x.Code(txn, errTxnAuthorization)
	}
	if x.produce.transactional && x.TransactionalID == "" {
		return errTxnAuthorization
	}
	return 0
}

// A topicKey is what tells topics apart: the id, or the name where there is none.
type topicKey struct {
	name string
	id   [16]byte
}

func keyOf(t *access.Topic) topicKey {
	if t.ID != ([16]byte{}) {
		return topicKey{id: t.ID}
	}
	return topicKey{name: t.Name}
}

// stoppedTopics returns the errors of the topics that may not pass. A topic that the request names twice may be decided
// twice, and not in the same way: then it is stopped.
func (x *Exchange) stoppedTopics() map[topicKey]int16 {
	stopped := make(map[topicKey]int16)
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Type != access.ResTopic || !a.Decision.Stops() {
			continue
		}
		t := access.Topic{Name: a.Name, ID: a.TopicID}
		stopped[keyOf(&t)] = x.topicCode(&t, a.Decision)
	}
	return stopped
}

// topicCode is the error that stands for a topic which a Produce, Fetch or ShareFetch may not have. A topic that nobody here knows was denied because of
// that: the client learns better from metadata, as from a broker that does not know the id.
func (x *Exchange) topicCode(t *access.Topic, d *access.Decision) int16 {
	if d.Verdict == access.Deny && t.Name == "" && x.byID() {
		return errUnknownTopicID
	}
	return x.Code(d, errTopicAuthorization)
}

// byID says whether the request names topics by id alone, of the data path's APIs.
func (x *Exchange) byID() bool {
	switch kmsg.Key(x.API.Key) {
	case kmsg.Produce, kmsg.Fetch:
		return x.Version >= 13
	case kmsg.ShareFetch, kmsg.ShareAcknowledge:
		return true
	}
	return false
}

// failStopped notes on the actions that were stopped what they are answered with.
func (x *Exchange) failStopped() {
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Error != 0 || !a.Decision.Stops() {
			continue
		}
		switch a.Type {
		case access.ResTopic:
			a.Error = x.topicCode(&access.Topic{Name: a.Name, ID: a.TopicID}, a.Decision)
		case access.ResGroup:
			a.Error = x.Code(a.Decision, errGroupAuthorization)
		case access.ResTransactionalID:
			a.Error = x.Code(a.Decision, errTxnAuthorization)
		default:
			a.Error = x.Code(a.Decision, errClusterAuthorization)
		}
	}
}

// addWithheld puts what did not go to the broker into an answer: one entry a partition, those of a topic together.
func (x *Exchange) addWithheld(r *kmsg.ProduceResponse) {
	s := &x.produce
	at := make(map[topicKey]int)
	for i := range s.parts {
		p := &s.parts[i]
		t := &s.topics[p.topic]
		if t.code == 0 || p.superseded {
			continue
		}
		key := keyOf(t.topic)
		k, ok := at[key]
		if !ok {
			k = len(r.Topics)
			at[key] = k
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.topic.Name, t.topic.ID
			r.Topics = append(r.Topics, rt)
		}
		rp := kmsg.NewProduceResponseTopicPartition()
		rp.Partition, rp.ErrorCode, rp.BaseOffset = p.partition, t.code, -1
		r.Topics[k].Partitions = append(r.Topics[k].Partitions, rp)
	}
}

// ProduceKept appends the start of the request that goes on to head, up to the number of its topics, and returns which
// ranges of the body follow. It is for a request that was held whole and enforced.
func (x *Exchange) ProduceKept(head, body []byte) ([]byte, []protocol.Range, error) {
	s := &x.produce
	topics, at, err := protocol.ProduceTopics(nil, x.Version, body)
	if err != nil {
		return nil, nil, err
	}
	kept := topics[:0]
	n, end := 0, at
	for i, r := range topics {
		if end = r.End; s.topics[i].code != 0 {
			continue
		}
		n++
		kept = append(kept, r)
	}
	kept = append(kept, protocol.Range{Start: end, End: len(body)})
	head = append(head, body[:at]...)
	return protocol.AppendCount(head, x.Version >= 9, n), kept, nil
}
