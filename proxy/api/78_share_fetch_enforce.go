package api

import (
	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A ShareFetch of which something may not pass. It carries acknowledgements, and its epoch counts: it is never answered
// here in the broker's place, but where the group is denied, as the broker does before it looks at anything else.
//
//   - A topic that is denied is taken out. Each of its partitions is answered 29, in every answer of the session, and so
//     are acknowledgements for them.
//   - A topic of the session that may no longer be read is forgotten at the broker, one that may be read from now on is
//     put in: the request is edited so. The client's session goes on.
//   - What cannot be decided waits a second and is asked once more; then the connection ends.

// shareEdit is what of a ShareFetch is its enforcement's.
type shareEdit struct {
	made     basis  // of decisions
	moves    int    // of the session when it was checked
	turned   []turn // topics of the session that may be read now, or no longer
	unsure   bool   // something of the session could not be decided
	body     []byte // of the request, the frame's own memory: until it is decided
	throttle int32  // what the client is asked to wait, milliseconds
}

// turns says whether the request must be edited although all that it asks for is allowed.
func (x *Exchange) turns() bool { return len(x.shareFetch.turned) > 0 || x.shareFetch.unsure }

func enforceShareFetch(x *Exchange) (kmsg.Response, error) {
	s := &x.shareFetch
	if s.unsure {
		return nil, errRefused
	}
	x.failStopped()
	if d := x.Decided(access.OpRead, access.ResGroup, x.Group); d.Stops() {
		x.Fail(errGroupAuthorization)
		x.waits(s.q.MaxWait)
		r := kmsg.NewPtrShareFetchResponse()
		r.ErrorCode = errGroupAuthorization
		return r, nil
	}
	if err := x.readRequest(s.body); err != nil {
		return nil, err
	}
	q := x.Body.(*kmsg.ShareFetchRequest)
	x.cutShareFetch(q)
	for _, w := range s.turned {
		if w.decision.Stops() {
			forgetShared(q, w)
		} else {
			addShared(q, w)
		}
	}
	if len(q.Topics) == 0 && s.q.SessionEpoch == 0 {
		x.starve()
	}
	return nil, nil
}

// starve lets a client wait of whose session nothing may be read: the broker has nothing to wait for, and an answer that
// comes at once would be asked for again at once.
func (x *Exchange) starve() {
	x.shareFetch.throttle = deniedThrottle
	x.waits(x.shareFetch.q.MaxWait)
}

// cutShareFetch takes topics that may not be read out of the request.
func (x *Exchange) cutShareFetch(q *kmsg.ShareFetchRequest) {
	stopped := x.stoppedTopics()
	kept := q.Topics[:0]
	for _, t := range q.Topics {
		if stopped[topicKey{id: t.TopicID}] == 0 {
			kept = append(kept, t)
		}
	}
	q.Topics = kept
}

func forgetShared(q *kmsg.ShareFetchRequest, w turn) {
	t := kmsg.NewShareFetchRequestForgottenTopicsData()
	t.TopicID, t.Partitions = w.topic.ID, w.parts
	q.ForgottenTopicsData = append(q.ForgottenTopicsData, t)
}

// addShared adds the partitions that the request itself neither names nor forgets.
func addShared(q *kmsg.ShareFetchRequest, w turn) {
	named := make(map[int32]bool)
	for i := range q.Topics {
		if q.Topics[i].TopicID == w.topic.ID {
			for _, p := range q.Topics[i].Partitions {
				named[p.Partition] = true
			}
		}
	}
	for i := range q.ForgottenTopicsData {
		if t := &q.ForgottenTopicsData[i]; t.TopicID == w.topic.ID {
			for _, p := range t.Partitions {
				named[p] = true
			}
		}
	}
	t := kmsg.NewShareFetchRequestTopic()
	t.TopicID = w.topic.ID
	for _, index := range w.parts {
		if !named[index] {
			p := kmsg.NewShareFetchRequestTopicPartition()
			p.Partition = index
			t.Partitions = append(t.Partitions, p)
		}
	}
	if len(t.Partitions) > 0 {
		q.Topics = append(q.Topics, t)
	}
}

// shareHead moves the share session on, and returns what stands in the answer for topics that may not be read.
func (r *Reader) shareHead(h *protocol.FetchHead) ([]withheld, error) {
	x := r.x
	s := &x.shareFetch
	r.base = s.made.law
	if h.Error != 0 {
		return nil, nil
	}
	stale, err := x.Env.Fetch.shareAccept(x)
	if err != nil {
		return nil, err
	}
	if stale {
		r.base = never
	}
	var put []withheld
	if s.q.SessionEpoch >= 0 && !s.q.RenewAck {
		put = x.Env.Fetch.shareWithheld(x)
	}
	return x.withholdAcks(put), nil
}

// withholdAcks adds what stands for the acknowledgements of topics that may not be read.
func (x *Exchange) withholdAcks(put []withheld) []withheld {
	s := &x.shareFetch
	if s.q.Acks == 0 || x.Allowed() {
		return put
	}
	stopped := x.stoppedTopics()
	for i := range s.q.Topics {
		t := &s.q.Topics[i]
		code := stopped[topicKey{id: t.ID}]
		if code == 0 {
			continue
		}
		for _, p := range s.q.Partitions[t.First : t.First+t.Count] {
			if p.Acks > 0 {
				put = withholdAck(put, s.topics[i], s.decisions[i], p.Index, code)
			}
		}
	}
	return put
}

func withholdAck(put []withheld, t *access.Topic, d *access.Decision, part int32, code int16) []withheld {
	for i := range put {
		if w := &put[i]; w.topic.ID == t.ID {
			w.ack(part, code)
			return put
		}
	}
	w := withheld{topic: t, decision: d}
	w.ack(part, code)
	return append(put, w)
}

// ack notes that acknowledgements for a partition are answered with a code.
func (w *withheld) ack(part int32, code int16) {
	if w.acks == nil {
		w.acks = make(map[int32]int16)
	}
	w.acks[part] = code
	for _, p := range w.parts {
		if p == part {
			return
		}
	}
	w.parts = append(w.parts, part)
	w.only = append(w.only, part)
}

// codes are what stands for partition k in a ShareFetch answer: for the records, and for the acknowledgements.
func (w *withheld) codes(k int) (code, ack int16) {
	p := w.parts[k]
	code = w.code
	for _, only := range w.only {
		if only == p {
			code = 0
		}
	}
	return code, w.acks[p]
}
