package proxy

import (
	"fmt"
	"testing"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// foreignFetch is an incremental Fetch of a session that this connection did not open, and our answer to it.
func foreignFetch(correlation int32) (request, answer []byte) {
	q := kmsg.NewPtrFetchRequest()
	q.SessionID, q.SessionEpoch = 99, 3
	r := kmsg.NewPtrFetchResponse()
	r.ErrorCode = 71
	request = numbered(framed(q, 12), correlation)
	return request, to(request, answered(r, 12, true))
}

func unanswered(correlation int32) []byte {
	q := kmsg.NewPtrProduceRequest()
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "orders"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = recordBatch(0, 3, 100)
	t.Partitions = append(t.Partitions, p)
	q.Topics = append(q.Topics, t)
	return numbered(framed(q, 9), correlation)
}

// Answers of ours, answers that pass, and requests without any: the client gets them in the order in which it asked,
// however the broker's come in.
func TestAnswersKeepTheirOrder(t *testing.T) {
	for _, piecemeal := range []bool{false, true} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("piecemeal ", piecemeal), func(t *testing.T) {
				l := newLine(t, mode, nil)
				q1, a1 := groups(1)
				q2, a2 := foreignFetch(2)
				q3 := unanswered(3)
				q4, a4 := groups(4)
				q5, a5 := foreignFetch(5)
				q6, a6 := cannedFetch(3, 200<<10)
				q6 = numbered(q6, 6)
				a6 = to(q6, a6)
				q7, a7 := foreignFetch(7)
				l.ask(q1, q2, q3, q4, q5, q6, q7)
				l.asked(q1, q3, q4, q6)
				if piecemeal {
					for _, b := range append(append(append([]byte(nil), a1...), a4...), a6[:100]...) {
						l.answer([]byte{b})
					}
					go l.answer(a6[100:])
				} else {
					go l.answer(a1, a4, a6)
				}
				l.answered(a1, a2, a4, a5, a6, a7)
				l.client.Close()
				l.settle()
				if !l.some(func(r *access.Record) bool {
					return r.Operation == "WRITE" && r.Outcome == "unknown" && r.GetMessages() == 3
				}) {
					t.Error("no record of the write that nobody answers")
				}
			})
		})
	}
}

// An answer of ours needs no answer of the broker to be sent.
func TestLocalAnswerAlone(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		for i := range int32(5) {
			q, a := foreignFetch(i)
			l.ask(q)
			l.answered(a)
		}
		l.accept()
		l.client.Close()
		l.settle()
	})
}

// A request goes to the broker only when its place in the queue is taken: else its answer could come too early.
func TestFullQueueHoldsRequests(t *testing.T) {
	one := func(_ *ClusterSpec, o *Options) { o.Limits.InFlight = 1 }
	qp, ap := cannedProduce(300)
	qg, ag := groups(0)
	for _, c := range []struct {
		name             string
		request, answers []byte
	}{{"produce", qp, ap}, {"other", qg, ag}} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, one)
			q1, q2 := numbered(c.request, 1), numbered(c.request, 2)
			l.ask(q1, q2)
			l.asked(q1)
			l.nothing("broker", l.broker)
			l.answer(to(q1, c.answers))
			l.answered(to(q1, c.answers))
			l.asked(q2)
			l.answer(to(q2, c.answers))
			l.answered(to(q2, c.answers))
			l.client.Close()
			l.settle()
		})
	}
}
