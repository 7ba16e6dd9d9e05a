package proxy

import (
	"testing"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessionFetch is a Fetch in a session: of one partition of a topic at an offset, or of what is in the session already.
func sessionFetch(version int16, id, epoch int32, topic *access.Topic, offset int64) []byte {
	q := kmsg.NewPtrFetchRequest()
	q.SessionID, q.SessionEpoch = id, epoch
	if topic != nil {
		t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
		t.Topic, t.TopicID, p.FetchOffset, p.PartitionMaxBytes = topic.Name, topic.ID, offset, 1<<20
		t.Partitions = append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	return framed(q, version)
}

// forgets takes partition 0 of a topic out of a session.
func forgets(version int16, id, epoch int32, topic *access.Topic) []byte {
	q := kmsg.NewPtrFetchRequest()
	q.SessionID, q.SessionEpoch = id, epoch
	t := kmsg.NewFetchRequestForgottenTopic()
	t.Topic, t.TopicID, t.Partitions = topic.Name, topic.ID, []int32{0}
	q.ForgottenTopics = append(q.ForgottenTopics, t)
	return framed(q, version)
}

// sessionAnswer has one batch of one message at an offset, or none.
func sessionAnswer(version int16, id int32, code int16, topic *access.Topic, offset int64) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.SessionID, r.ErrorCode = id, code
	if topic != nil {
		t, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		t.Topic, t.TopicID, p.RecordBatches = topic.Name, topic.ID, recordBatch(offset, 1, 100)
		t.Partitions = append(t.Partitions, p)
		r.Topics = append(r.Topics, t)
	}
	return answered(r, version, version >= 12)
}

// A fetch session (KIP-227) is followed: an answer to a request that names nothing is accounted under what the session
// holds, by name and by id.
func TestFetchSessionIsFollowed(t *testing.T) {
	orders, payroll := &fetchTopics[0], &fetchTopics[1]
	for _, version := range []int16{7, 12, 13, 18} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			l := newLine(t, mode, nil)
			l.cluster.LearnTopics(fetchTopics)
			trip := func(request, answer []byte) {
				t.Helper()
				l.ask(request)
				l.asked(request)
				l.answer(to(request, answer))
				l.answered(to(request, answer))
			}
			trip(sessionFetch(version, 0, 0, orders, 5), sessionAnswer(version, 7, 0, orders, 5))
			trip(sessionFetch(version, 7, 1, orders, 6), sessionAnswer(version, 7, 0, nil, 0))
			trip(sessionFetch(version, 7, 2, nil, 0), sessionAnswer(version, 7, 0, orders, 6))
			trip(sessionFetch(version, 7, 3, payroll, 90), sessionAnswer(version, 7, 0, payroll, 90))
			trip(forgets(version, 7, 4, orders), sessionAnswer(version, 7, 0, nil, 0))
			l.client.Close()
			l.settle()
			wantRead(t, l, "orders", 5, 6, 5)
			wantRead(t, l, "payroll", 90, 90, 90)
		})
	}
}

// wantRead wants a read of a topic's offsets, asked from an offset on.
func wantRead(t *testing.T, l *line, topic string, first, last, requested int64) {
	t.Helper()
	for _, r := range l.all() {
		if r.Operation != "READ" || r.Resource != topic || r.FirstOffset == nil {
			continue
		}
		if r.GetFirstOffset() != first || r.GetLastOffset() != last || r.GetRequestedOffset() != requested {
			t.Errorf("%s: %d to %d from %d on, want %d to %d from %d on", topic,
				r.GetFirstOffset(), r.GetLastOffset(), r.GetRequestedOffset(), first, last, requested)
		}
		return
	}
	t.Errorf("no record of reading %s", topic)
}

// The broker serves a session to whoever names it. Here it belongs to the connection that opened it.
func TestForeignSessions(t *testing.T) {
	orders := &fetchTopics[0]
	opened := func(l *line) {
		request := sessionFetch(12, 0, 0, orders, 5)
		l.ask(request)
		l.asked(request)
		l.answer(to(request, sessionAnswer(12, 7, 0, orders, 5)))
		l.frame()
	}
	refused := func(l *line, request []byte) {
		l.t.Helper()
		l.ask(request)
		l.answered(to(request, sessionAnswer(12, 0, 71, nil, 0)))
	}
	passes := func(l *line, request []byte, id int32, code int16) {
		l.t.Helper()
		l.ask(request)
		l.asked(request)
		l.answer(to(request, sessionAnswer(12, id, code, nil, 0)))
		l.answered(to(request, sessionAnswer(12, id, code, nil, 0)))
	}
	for _, c := range []struct {
		name string
		play func(l *line)
	}{
		{"of nobody", func(l *line) { refused(l, sessionFetch(12, 7, 1, nil, 0)) }},
		{"of another connection", func(l *line) {
			opened(l)
			first, broker := l.client, l.broker
			l.client, l.broker = l.dial(), nil
			refused(l, sessionFetch(12, 7, 1, nil, 0))
			l.client.Close()
			l.client, l.broker = first, broker
			passes(l, sessionFetch(12, 7, 1, nil, 0), 7, 0) // the owner's goes on
		}},
		{"another id than its own", func(l *line) { opened(l); refused(l, sessionFetch(12, 8, 1, nil, 0)) }},
		{"after the broker lost it", func(l *line) {
			opened(l)
			passes(l, sessionFetch(12, 7, 1, nil, 0), 0, 70)
			refused(l, sessionFetch(12, 7, 2, nil, 0))
		}},
		{"after it was closed", func(l *line) {
			opened(l)
			passes(l, sessionFetch(12, 7, -1, orders, 5), 0, 0)
			refused(l, sessionFetch(12, 7, 1, nil, 0))
		}},
		{"its own, after a fetch without a session", func(l *line) {
			opened(l)
			passes(l, sessionFetch(12, 0, -1, orders, 5), 0, 0)
			passes(l, sessionFetch(12, 7, 1, nil, 0), 7, 0)
		}},
		{"after it was replaced", func(l *line) {
			opened(l)
			passes(l, sessionFetch(12, 7, 0, orders, 5), 9, 0)
			refused(l, sessionFetch(12, 7, 1, nil, 0))
			passes(l, sessionFetch(12, 9, 1, nil, 0), 9, 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, nil)
			l.cluster.LearnTopics(fetchTopics)
			c.play(l)
			l.client.Close()
			l.settle()
		})
	}
}

// Share sessions are the broker's by group and member, and here the connection's, too.
func TestForeignShareSessions(t *testing.T) {
	fetch := func(epoch int32) []byte {
		q := kmsg.NewPtrShareFetchRequest()
		q.GroupID, q.MemberID, q.ShareSessionEpoch = kmsg.StringPtr("g"), kmsg.StringPtr("m"), epoch
		return framed(q, 1)
	}
	fetched := func(code int16) []byte {
		r := kmsg.NewPtrShareFetchResponse()
		r.ErrorCode = code
		return answered(r, 1, true)
	}
	ack := func(epoch int32) []byte {
		q := kmsg.NewPtrShareAcknowledgeRequest()
		q.GroupID, q.MemberID, q.ShareSessionEpoch = kmsg.StringPtr("g"), kmsg.StringPtr("m"), epoch
		return framed(q, 1)
	}
	acked := func(code int16) []byte {
		r := kmsg.NewPtrShareAcknowledgeResponse()
		r.ErrorCode = code
		return answered(r, 1, true)
	}
	l := newLine(t, relay.ModeAuto, nil)
	for _, s := range []struct {
		request, answer []byte
		ours            bool
	}{
		{fetch(1), fetched(122), true},
		{ack(1), acked(122), true},
		{fetch(0), fetched(0), false},
		{fetch(1), fetched(0), false},
		{ack(2), acked(0), false},
		{ack(-1), acked(0), false},
		{fetch(3), fetched(122), true},
	} {
		l.ask(s.request)
		if !s.ours {
			l.asked(s.request)
			l.answer(to(s.request, s.answer))
		}
		l.answered(to(s.request, s.answer))
	}
	l.client.Close()
	l.settle()
}

// Names behind topic ids that nobody here knows are asked on the client's own connection, once, before the request goes
// on; the client sees nothing of it. What the broker does not know either goes on by its id.
func TestUnknownTopicIDs(t *testing.T) {
	orders := &fetchTopics[0]
	for _, known := range []bool{true, false} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			l := newLine(t, mode, nil)
			q, a := groups(3)
			request := sessionFetch(13, 0, -1, orders, 5)
			answer := to(request, sessionAnswer(13, 0, 0, orders, 5))
			l.ask(q, request, request)
			l.asked(q)
			l.answer(a)
			if known {
				l.answersLookup(*orders)
			} else {
				l.answersLookup()
			}
			l.asked(request, request)
			l.answer(answer, answer)
			l.answered(a, answer, answer)
			l.client.Close()
			l.settle()
			want := ""
			if known {
				want = "orders"
			}
			if !l.some(func(r *access.Record) bool { return r.Operation == "READ" && r.Resource == want && r.TopicId != "" }) {
				t.Errorf("no record of the read under %q", want)
			}
		})
	}
}
