package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a client might try to read, or write, what it may not.

// A session is widened by what may not be read, in every way that a request can say so: none of it reaches the broker.
func TestSessionIsNotWidened(t *testing.T) {
	for _, version := range []int16{7, 12, 13, 18} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			w := newLaw("payroll")
			l := newLine(t, relay.ModeAuto, w.under)
			l.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
			data, none := fetched(version, 7, 300, orders), fetched(version, 7, 0)
			opens := framed(fetching(version, 0, 0, orders), version)
			l.trip(opens, opens, data, data)
			inc := func(epoch int32, topics ...access.Topic) []byte {
				return framed(fetching(version, 7, epoch, topics...), version)
			}
			// Twice in one request, before and behind what may be read.
			l.trip(inc(1, payroll, orders, payroll), inc(1, orders), none, and(none, failing(payroll, 29)))
			// Forgotten and asked for in one: a broker forgets it.
			q := fetching(version, 7, 2, payroll)
			f := kmsg.NewFetchRequestForgottenTopic()
			f.Topic, f.TopicID, f.Partitions = payroll.Name, payroll.ID, []int32{0, 1}
			q.ForgottenTopics = append(q.ForgottenTopics, f)
			ask := framed(q, version)
			q.Topics = nil
			l.trip(ask, framed(q, version), none, none)
			// A topic beside the one in the session, under a name that differs in case alone: another topic.
			if version < 13 {
				upper := access.Topic{Name: "PAYROLL"}
				w.change("PAYROLL", access.Deny)
				l.trip(inc(3, upper), inc(3), none, and(none, failing(upper, 29)))
			}
			l.client.Close()
			l.settle()
			l.unread("payroll")
		})
	}
}

// Requests in a row, before any of them was answered: a session moves with the answers, and each is decided by itself.
func TestSessionInARow(t *testing.T) {
	const version = 12
	w := newLaw("payroll")
	l := newLine(t, relay.ModeAuto, w.under)
	data, none := fetched(version, 7, 300, orders), fetched(version, 7, 0)
	opens := framed(fetching(version, 0, 0, orders), version)
	l.trip(opens, opens, data, data)
	inc := func(epoch int32, topics ...access.Topic) []byte {
		return numbered(framed(fetching(version, 7, epoch, topics...), version), 100+epoch)
	}
	asks := [][]byte{inc(1, payroll), inc(2), inc(3, orders)}
	l.ask(asks...)
	l.asked(inc(1), inc(2), inc(3, orders))
	l.answer(frameOf(asks[0], none), frameOf(asks[1], data), frameOf(asks[2], none))
	for i, r := range []*kmsg.FetchResponse{none, data, none} {
		l.answered(frameOf(asks[i], and(r, failing(payroll, 29))))
	}
	// The law changes between two requests in flight and the third: that one is answered here, and the two that are
	// answered later bring nothing of what is denied now.
	l.ask(inc(4), inc(5))
	l.asked(inc(4), inc(5))
	w.change("orders", access.Deny)
	l.ask(inc(6))
	l.answer(frameOf(inc(4), none))
	l.answered(frameOf(inc(4), and(none, failing(payroll, 29))))
	go l.answer(frameOf(inc(5), data))
	l.gets(t, nil)
	l.client.Close()
	l.settle()
	l.mustCause("access revoked")
}

// The session of another connection is nobody's here, whatever the law says of it.
func TestSessionOfAnotherConnectionUnderALaw(t *testing.T) {
	const version = 12
	w := newLaw("payroll")
	l := newLine(t, relay.ModeAuto, w.under)
	data := fetched(version, 7, 300, orders)
	opens := framed(fetching(version, 0, 0, orders, payroll), version)
	l.trip(opens, framed(fetching(version, 0, 0, orders), version), data, and(data, failing(payroll, 29)))
	first, broker := l.client, l.broker
	l.client, l.broker = l.dial(), nil
	for _, topics := range [][]access.Topic{nil, {orders}, {payroll}} {
		l.trip(framed(fetching(version, 7, 1, topics...), version), nil, nil, failed(version, 71, 0))
	}
	l.client.Close()
	l.client, l.broker = first, broker
	inc := framed(fetching(version, 7, 1), version)
	l.trip(inc, inc, data, and(data, failing(payroll, 29)))
	l.client.Close()
	l.settle()
}

// A broker that answers with what nobody asked for: it is asked about, and what may not be read does not pass.
func TestAnswerOfWhatWasNotAsked(t *testing.T) {
	for _, version := range []int16{4, 12, 13} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			l := newLine(t, mode, newLaw("payroll").under)
			l.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
			ask := framed(fetching(version, 0, -1, orders), version)
			other := fetched(version, 0, 300, orders, stock) // of which stock may be read, too
			l.trip(ask, ask, other, other)
			l.ask(ask)
			l.asked(ask)
			go l.answer(frameOf(ask, fetched(version, 0, 300, payroll)))
			l.gets(t, frameOf(ask, fetched(version, 0, 300, payroll))[:40])
			l.client.Close()
			l.settle()
			l.mustCause("access revoked")
			l.unread("payroll")
		})
	}
}

// A topic that is in the broker's session, and denied by the time that the request names it: nothing of it passes, whatever
// the broker sends, and the session is opened anew.
func TestBrokerSendsWhatIsDenied(t *testing.T) {
	for _, sends := range []bool{true, false} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			w := newLaw()
			l := newLine(t, mode, w.under)
			data, none := fetched(12, 7, 300, orders), fetched(12, 7, 0)
			opens := framed(fetching(12, 0, 0, orders), 12)
			l.trip(opens, opens, data, data)
			w.mu.Lock()
			w.says["orders"] = access.Deny // and no epoch says so
			w.mu.Unlock()
			ask, kept := framed(fetching(12, 7, 1, orders), 12), framed(fetching(12, 7, 1), 12)
			if !sends {
				l.trip(ask, kept, none, and(none, failing(orders, 29)))
				l.trip(framed(fetching(12, 7, 2), 12), nil, nil, failed(12, 71, 0))
				l.client.Close()
				l.settle()
				return
			}
			l.ask(ask)
			l.asked(kept)
			go l.answer(frameOf(ask, data))
			l.gets(t, frameOf(ask, and(data, failing(orders, 29)))[:150])
			l.client.Close()
			l.settle()
			l.mustCause("access revoked")
		})
	}
}

// A Produce that is large, slow and denied keeps nothing of the proxy's, and costs the broker nothing.
func TestDeniedProduceIsNotKept(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) {
		o.Policy = newLaw("payroll")
		o.Limits.Buffers = 1 << 20
	})
	frame, _ := produceTo(9, 16<<20, payroll)
	go l.ask(frame)
	got := l.frame()
	if w := readProduced(t, 9, got); len(w) != 1 || w[0].Error != 29 {
		t.Errorf("%+v", w)
	}
	q, a := groups(8)
	l.ask(q)
	l.asked(q)
	l.answer(a)
	l.answered(a)
	l.client.Close()
	l.settle()
	l.deniedOnce("WRITE", &payroll, 29)
}

// Two topics over what may be held, in a proxy that has no room: what is denied is answered all the same.
func TestDeniedProduceFindsNoRoom(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) {
		o.Policy = newLaw("payroll")
		o.Limits.Buffers = 128 << 10
	})
	frame, _ := produceTo(9, 300_000, payroll, orders)
	go l.ask(frame)
	l.frames(t, map[string]int16{"payroll": 29, "orders": 6})
	l.client.Close()
	l.settle()
}

// A topic of the id of another, or of none, is decided as the broker would read it: by the id.
func TestProduceByIDs(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	l.cluster.LearnTopics([]access.Topic{orders, payroll})
	liar := access.Topic{Name: "orders", ID: payroll.ID} // v13 has no place for the name
	frame := framed(producing(13, -1, "", liar, access.Topic{}), 13)
	l.ask(frame)
	want := append(topicsWritten(13, map[*access.Topic]int16{&payroll: 29}, &payroll), written{Error: 100, Offset: -1}, written{Partition: 1, Error: 100, Offset: -1})
	got := readProduced(t, 13, l.frame())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	l.client.Close()
	l.settle()
}

// A denied request among many in flight is answered in its turn, with the queue full and everything slow.
func TestDeniedWithTheQueueFull(t *testing.T) {
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) {
		o.Policy = newLaw("payroll")
		o.Limits.InFlight = 2
	})
	l.cluster.LearnTopics([]access.Topic{orders, payroll})
	var asks, kept, wants, answers []byte
	for i := range int32(30) {
		mixed := numbered(framed(producing(9, -1, "", payroll, orders), 9), i)
		k := numbered(framed(producing(9, -1, "", orders), 9), i)
		fetch := numbered(framed(fetching(12, 0, -1, orders, payroll), 12), 1000+i)
		data := fetched(12, 0, 500, orders)
		asks = append(append(asks, mixed...), fetch...)
		kept = append(append(kept, k...), numbered(framed(fetching(12, 0, -1, orders), 12), 1000+i)...)
		a := produced(t, k, false)
		answers = append(append(answers, a...), frameOf(fetch, data)...)
		wants = append(wants, frameOf(fetch, and(data, failing(payroll, 29)))...)
	}
	go l.ask(asks)
	go func() {
		l.accept()
		buf := make([]byte, 1<<20)
		for range 60 {
			n, err := readFrame(l.broker, buf)
			if err != nil || !bytes.Equal(buf[:n], kept[:n]) {
				t.Error("the broker got another frame", err)
				return
			}
			size := 4 + int(binary.BigEndian.Uint32(answers))
			_, _ = l.broker.Write(answers[:size])
			kept, answers = kept[n:], answers[size:]
		}
	}()
	for range 30 {
		if w := readProduced(t, 9, l.frame()); len(w) != 4 || w[3].Error != 29 {
			t.Fatalf("%+v", w)
		}
		size := 4 + int(binary.BigEndian.Uint32(wants))
		l.answered(wants[:size])
		wants = wants[size:]
	}
	l.client.Close()
	l.settle()
}

// While a policy is only watched not a byte changes, and what would have been is in the records.
func TestNothingChangesWhileAPolicyIsWatched(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Policy = decides(t, policy.Monitor) })
		l.cluster.LearnTopics([]access.Topic{orders, payroll})
		data := fetched(17, 7, 300, orders, payroll)
		q := fetching(17, 0, 0, orders, payroll)
		q.MaxWaitMillis = 3_600_000
		opens := framed(q, 17)
		l.trip(opens, opens, data, data)
		next := framed(fetching(17, 7, 1), 17)
		l.trip(next, next, data, data)
		write := framed(producing(13, -1, "", orders, payroll), 13)
		l.ask(write)
		l.asked(write)
		l.answer(produced(t, write, false))
		l.answered(produced(t, write, false))
		l.client.Close()
		l.settle()
		for _, operation := range []string{"READ", "WRITE"} {
			if !l.some(func(r *access.Record) bool {
				return r.Operation == operation && r.Resource == "payroll" && r.GetMessages() > 0 && r.Would.GetDecision() == "deny"
			}) {
				t.Errorf("no record says that %s of payroll would have been denied", operation)
			}
		}
		for direction, moved := range map[string][access.Verdicts]Moved{"read": l.p.Stats().Read, "written": l.p.Stats().Written} {
			if allowed, denied := moved[access.Allow], moved[access.Deny]; denied.Messages == 0 || denied.Messages != allowed.Messages || denied.Bytes != allowed.Bytes {
				t.Errorf("%s of each topic the same, but %+v", direction, moved)
			}
		}
	})
}

// The last action that a request has room for is a topic's, and the one behind it a transactional id's that is denied: what
// there is no room to ask does not pass unasked.
func TestProduceOfMoreThanCanBeAsked(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("tx").under)
	q := producing(9, -1, "tx", orders)
	empty := kmsg.NewProduceRequestTopic()
	empty.Topic = orders.Name
	for range 9_999 {
		q.Topics = append(q.Topics, empty)
	}
	slices.Reverse(q.Topics)
	frame := framed(q, 9)
	go func() { _, _ = l.client.Write(frame) }()
	l.closed("it names more than 10000 resources")
}
