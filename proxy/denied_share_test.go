package proxy

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A shared is what a ShareFetch says of a topic's partitions 0 and 1.
type shared struct {
	topic access.Topic
	acks  bool // of partition 0
}

// sharing makes a ShareFetch.
func sharing(version int16, epoch int32, topics ...shared) *kmsg.ShareFetchRequest {
	q := kmsg.NewPtrShareFetchRequest()
	q.SetVersion(version)
	q.GroupID, q.MemberID = kmsg.StringPtr("g"), kmsg.StringPtr("m")
	q.ShareSessionEpoch, q.MaxWaitMillis = epoch, 10
	for _, s := range topics {
		t := kmsg.NewShareFetchRequestTopic()
		t.TopicID = s.topic.ID
		for i := range int32(2) {
			p := kmsg.NewShareFetchRequestTopicPartition()
			p.Partition = i
			if s.acks && i == 0 {
				b := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
				b.FirstOffset, b.LastOffset, b.AcknowledgeTypes = 3, 4, []int8{1, 1}
				p.AcknowledgementBatches = append(p.AcknowledgementBatches, b)
			}
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	return q
}

// forgetting takes a topic out of the session.
func forgetting(q *kmsg.ShareFetchRequest, topic access.Topic) *kmsg.ShareFetchRequest {
	t := kmsg.NewShareFetchRequestForgottenTopicsData()
	t.TopicID, t.Partitions = topic.ID, []int32{0, 1}
	q.ForgottenTopicsData = append(q.ForgottenTopicsData, t)
	return q
}

// share is a ShareFetch answer, with a batch for both partitions of each topic.
func share(version int16, topics ...access.Topic) *kmsg.ShareFetchResponse {
	r := kmsg.NewPtrShareFetchResponse()
	r.SetVersion(version)
	for _, topic := range topics {
		t := kmsg.NewShareFetchResponseTopic()
		t.TopicID = topic.ID
		for i := range int32(2) {
			p := kmsg.NewShareFetchResponseTopicPartition()
			p.Partition, p.Records = i, recordBatch(0, 10, 100)
			a := kmsg.NewShareFetchResponseTopicPartitionAcquiredRecord()
			a.LastOffset = 9
			p.AcquiredRecords = append(p.AcquiredRecords, a)
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// unshared puts a topic that may not be read in front of an answer; ack is the error of acknowledgements for partition 0.
func unshared(r *kmsg.ShareFetchResponse, topic access.Topic, code, ack int16) *kmsg.ShareFetchResponse {
	t := kmsg.NewShareFetchResponseTopic()
	t.TopicID = topic.ID
	for i := range int32(2) {
		if code == 0 && i > 0 {
			break
		}
		p := kmsg.NewShareFetchResponseTopicPartition()
		p.Partition, p.ErrorCode, p.Records = i, code, []byte{}
		if i == 0 {
			p.AcknowledgeErrorCode = ack
		}
		t.Partitions = append(t.Partitions, p)
	}
	n := *r
	n.Topics = append([]kmsg.ShareFetchResponseTopic{t}, r.Topics...)
	return &n
}

// shares is line.trip for ShareFetch.
func (l *line) shares(ask, asked *kmsg.ShareFetchRequest, answer, wants *kmsg.ShareFetchResponse) {
	l.t.Helper()
	q := framed(ask, ask.Version)
	l.ask(q)
	if asked != nil {
		l.asked(framed(asked, ask.Version))
		l.answer(to(q, answered(answer, ask.Version, true)))
	}
	if want := to(q, answered(wants, ask.Version, true)); wants.ErrorCode == 30 {
		l.cited(want)
	} else {
		l.answered(want)
	}
}

// What may not be read stands in every answer of the share session; acknowledgements for it are answered as the broker
// answers them, and all others arrive.
func TestShareFetchWithoutDeniedTopics(t *testing.T) {
	for version := int16(1); version <= 2; version++ {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("v", version), func(t *testing.T) {
				w := newLaw("payroll")
				l := newLine(t, mode, w.under)
				l.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
				data, none := share(version, orders), share(version)
				l.shares(sharing(version, 0, shared{topic: orders}, shared{topic: payroll}), sharing(version, 0, shared{topic: orders}), data, unshared(data, payroll, 29, 0))
				l.shares(sharing(version, 1), sharing(version, 1), none, unshared(none, payroll, 29, 0))
				l.shares(sharing(version, 2, shared{payroll, true}, shared{orders, true}), sharing(version, 2, shared{orders, true}), data, unshared(data, payroll, 29, 29))

				w.change("payroll", access.Allow) // it is put into the broker's session, acknowledgements and all
				both := share(version, orders, payroll)
				l.shares(sharing(version, 3, shared{orders, true}), sharing(version, 3, shared{orders, true}, shared{topic: payroll}), both, both)
				l.shares(sharing(version, 4), sharing(version, 4), both, both)

				w.change("orders", access.Deny) // it is taken out of it
				pay := share(version, payroll)
				l.shares(sharing(version, 5, shared{orders, true}, shared{payroll, true}), forgetting(sharing(version, 5, shared{payroll, true}), orders), pay, unshared(pay, orders, 29, 29))
				l.shares(forgetting(sharing(version, 6), orders), forgetting(sharing(version, 6), orders), pay, pay)
				// In the last request only acknowledgements are answered.
				l.shares(sharing(version, -1, shared{orders, true}, shared{payroll, true}), sharing(version, -1, shared{payroll, true}), none, unshared(none, orders, 0, 29))
				l.client.Close()
				l.settle()
				for _, r := range l.all() {
					if r.Resource == "payroll" && r.Outcome == "denied" && r.GetBytes() > 0 {
						t.Error("denied bytes are recorded")
					}
				}
				if !l.some(func(r *access.Record) bool { return r.Resource == "payroll" && r.Outcome == "denied" }) {
					t.Error("no record says that payroll was denied")
				}
			})
		})
	}
}

// A session of nothing but denied topics is opened all the same: its epoch counts.
func TestShareFetchOfNothingButDenied(t *testing.T) {
	w := newLaw("payroll")
	l := newLine(t, relay.ModeAuto, w.under)
	l.cluster.LearnTopics([]access.Topic{orders, payroll})
	none := share(2)
	want := unshared(none, payroll, 29, 0)
	want.ThrottleMillis = 1000
	l.shares(sharing(2, 0, shared{topic: payroll}), sharing(2, 0), none, want)
	// So are its next requests, which name no topic: the broker, which has nothing to wait for, answers at once.
	l.shares(sharing(2, 1), sharing(2, 1), none, want)
	data := share(2, orders)
	l.shares(sharing(2, 2, shared{topic: orders}), sharing(2, 2, shared{topic: orders}), data, unshared(data, payroll, 29, 0))
	l.shares(sharing(2, 3), sharing(2, 3), data, unshared(data, payroll, 29, 0))
	l.shares(forgetting(sharing(2, 4), orders), forgetting(sharing(2, 4), orders), none, unshared(none, payroll, 29, 0))
	l.shares(sharing(2, 5), sharing(2, 5), none, want)
	failed := share(2)
	failed.ErrorCode = 123
	l.shares(sharing(2, 6), sharing(2, 6), failed, failed)
	l.client.Close()
	l.settle()
	l.unread("payroll")
}

// A group that is denied is answered as a whole, and the broker hears nothing.
func TestShareFetchOfADeniedGroup(t *testing.T) {
	w := newLaw("g")
	l := newLine(t, relay.ModeAuto, w.under)
	l.cluster.LearnTopics([]access.Topic{orders})
	denied := share(2)
	denied.ErrorCode = 30
	l.shares(sharing(2, 0, shared{topic: orders}), nil, nil, denied)
	w.change("g", access.Allow)
	data := share(2, orders)
	l.shares(sharing(2, 0, shared{topic: orders}), sharing(2, 0, shared{topic: orders}), data, data)
	w.change("g", access.Deny)
	l.shares(sharing(2, 1, shared{orders, true}), nil, nil, denied)
	q := framed(acknowledging(1, orders), 2)
	l.ask(q)
	a := kmsg.NewPtrShareAcknowledgeResponse()
	a.ErrorCode = 30
	l.cited(to(q, answered(a, 2, true)))
	w.change("g", access.Allow) // the epoch has not moved
	l.shares(sharing(2, 1, shared{orders, true}), sharing(2, 1, shared{orders, true}), data, data)
	l.client.Close()
	l.settle()
}

// What cannot be decided waits a moment, and is lost only if it still cannot.
func TestShareFetchThatCannotBeDecided(t *testing.T) {
	for _, again := range []access.Verdict{access.Allow, access.Refuse} {
		t.Run(again.String(), func(t *testing.T) {
			w := refuses("orders")
			l := newLine(t, relay.ModeAuto, w.under)
			l.cluster.LearnTopics([]access.Topic{orders})
			ask := sharing(2, 0, shared{topic: orders})
			time.AfterFunc(100*time.Millisecond, func() { w.change("orders", again) })
			if again == access.Allow {
				data := share(2, orders)
				l.shares(ask, ask, data, data)
				l.client.Close()
				l.settle()
				return
			}
			l.ask(framed(ask, 2))
			l.closed("ShareFetch was not let pass")
		})
	}
}

func acknowledging(epoch int32, topics ...access.Topic) *kmsg.ShareAcknowledgeRequest {
	q := kmsg.NewPtrShareAcknowledgeRequest()
	q.SetVersion(2)
	q.GroupID, q.MemberID, q.ShareSessionEpoch = kmsg.StringPtr("g"), kmsg.StringPtr("m"), epoch
	for _, topic := range topics {
		t, p := kmsg.NewShareAcknowledgeRequestTopic(), kmsg.NewShareAcknowledgeRequestTopicPartition()
		t.TopicID, p.Partition = topic.ID, 3
		t.Partitions = append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	return q
}

// Acknowledgements for what may not be read are answered here; the rest, be it nothing, goes to the broker, for the epoch
// counts.
func TestShareAcknowledgeOfDeniedTopics(t *testing.T) {
	w := newLaw("payroll")
	l := newLine(t, relay.ModeAuto, w.under)
	l.cluster.LearnTopics([]access.Topic{orders, payroll})
	data := share(2, orders)
	l.shares(sharing(2, 0, shared{topic: orders}), sharing(2, 0, shared{topic: orders}), data, data)
	for epoch, topics := range [][]access.Topic{1: {payroll, orders}, 2: {payroll}} {
		if topics == nil {
			continue
		}
		ask, kept := framed(acknowledging(int32(epoch), topics...), 2), framed(acknowledging(int32(epoch), topics[1:]...), 2)
		l.ask(ask)
		l.asked(kept)
		part := func(topic access.Topic, code int16) kmsg.ShareAcknowledgeResponseTopic {
			t, p := kmsg.NewShareAcknowledgeResponseTopic(), kmsg.NewShareAcknowledgeResponseTopicPartition()
			t.TopicID, p.Partition, p.ErrorCode = topic.ID, 3, code
			t.Partitions = append(t.Partitions, p)
			return t
		}
		r := kmsg.NewPtrShareAcknowledgeResponse()
		for _, topic := range topics[1:] {
			r.Topics = append(r.Topics, part(topic, 0))
		}
		l.answer(to(ask, answered(r, 2, true)))
		r.Topics = append(r.Topics, part(payroll, 29))
		l.cited(to(ask, answered(r, 2, true)))
	}
	l.shares(sharing(2, 3), sharing(2, 3), data, data)
	l.client.Close()
	l.settle()
	if !l.some(func(r *access.Record) bool {
		return r.Api == "79" && r.Resource == "payroll" && r.Outcome == "denied" && r.Error == "29"
	}) {
		t.Error("no record says that payroll was denied")
	}
}

// A right that goes during a long poll cuts a share fetch as it cuts a fetch.
func TestRightIsLostDuringAShareFetch(t *testing.T) {
	w := newLaw()
	l := newLine(t, relay.ModeAuto, w.under)
	l.cluster.LearnTopics([]access.Topic{orders})
	data := share(2, orders)
	l.shares(sharing(2, 0, shared{topic: orders}), sharing(2, 0, shared{topic: orders}), data, data)
	q := framed(sharing(2, 1), 2)
	l.ask(q)
	l.asked(q)
	w.change("orders", access.Deny)
	go l.answer(to(q, answered(data, 2, true)))
	l.gets(t, nil)
	l.client.Close()
	l.settle()
	l.mustCause("access revoked")
	if n := binary.BigEndian.Uint16(q[4:]); n != 78 {
		t.Fatal(n)
	}
}
