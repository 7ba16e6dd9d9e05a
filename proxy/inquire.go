package proxy

import (
	"doorkeeper/protocol"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// An inquiry is a question that a request's row has before it can be enforced, with its answer.
type inquiry struct {
	key, version int16
	answer       kmsg.Response
}

// inquire puts the questions of x to the broker, and waits for the answers.
func (q *requests) inquire(x *api.Exchange) error {
	questions := x.Questions()
	if len(questions) == 0 {
		return nil
	}
	answers, err := q.put(questions)
	for _, a := range answers {
		x.Hear(a)
	}
	return err
}

// put puts questions of our own to the broker, and waits for the answers.
func (q *requests) put(questions []kmsg.Request) ([]kmsg.Response, error) {
	if err := q.flush(); err != nil {
		return nil, err
	}
	list := make([]*inquiry, 0, len(questions))
	for _, r := range questions {
		a := &inquiry{key: r.Key(), version: r.GetVersion()}
		if err := q.push(entry{kind: own, correlation: ownCorrelation, inquiry: a}); err != nil {
			return nil, err
		}
		q.w.Add(ownFrame(r, q.client))
		list = append(list, a)
	}
	if err := q.barrier(); err != nil {
		return nil, err
	}
	answers := make([]kmsg.Response, len(list))
	for i, a := range list {
		answers[i] = a.answer
	}
	return answers, nil
}

// take reads the answer; frame is without its length bytes.
func (a *inquiry) take(frame []byte) error {
	_, at, err := protocol.ParseResponseHeader(frame, a.key, a.version)
	if err != nil {
		return err
	}
	r := kmsg.ResponseForKey(a.key)
	r.SetVersion(a.version)
	if err := r.ReadFrom(frame[at:]); err != nil {
		return err
	}
	a.answer = r
	return nil
}
