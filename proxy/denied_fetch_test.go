package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetching makes a Fetch of partitions 0 and 1 of each topic.
func fetching(version int16, id, epoch int32, topics ...access.Topic) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.SetVersion(version)
	q.MaxWaitMillis, q.MaxBytes, q.SessionID, q.SessionEpoch = 20, 50<<20, id, epoch
	if version < 7 {
		q.SessionID, q.SessionEpoch = 0, -1
	}
	for _, topic := range topics {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = topic.Name, topic.ID
		for i := range int32(2) {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.PartitionMaxBytes = i, 1<<20
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	return q
}

// fetched is a broker's answer with a batch of so many bytes for both partitions of each topic.
func fetched(version int16, id int32, size int, topics ...access.Topic) *kmsg.FetchResponse {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(version)
	if version >= 7 {
		r.SessionID = id
	}
	for _, topic := range topics {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = topic.Name, topic.ID
		for i := range int32(2) {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.HighWatermark, p.RecordBatches = i, 100, recordBatch(0, 10, size)
			p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// failing is what stands in an answer for both partitions of a topic that may not be read.
func failing(topic access.Topic, code int16) kmsg.FetchResponseTopic {
	t := kmsg.NewFetchResponseTopic()
	t.Topic, t.TopicID = topic.Name, topic.ID
	for i := range int32(2) {
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition, p.ErrorCode, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = i, code, -1, -1, -1
		p.AbortedTransactions, p.RecordBatches = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}, []byte{}
		t.Partitions = append(t.Partitions, p)
	}
	return t
}

// and is an answer with these topics in front.
func and(r *kmsg.FetchResponse, topics ...kmsg.FetchResponseTopic) *kmsg.FetchResponse {
	n := *r
	n.Topics = append(topics, r.Topics...)
	return &n
}

// frameOf encodes an answer to a request's frame.
func frameOf(request []byte, r *kmsg.FetchResponse) []byte {
	return to(request, answered(r, r.Version, r.Version >= 12))
}

// trip lets the client ask, wants the broker to be asked so, lets it answer, and wants the client to be answered so.
func (l *line) trip(ask, asked []byte, answer, answered *kmsg.FetchResponse) {
	l.t.Helper()
	l.ask(ask)
	if asked != nil {
		l.asked(asked)
		go l.answer(frameOf(ask, answer))
	}
	l.answered(frameOf(ask, answered))
}

func throttled(r *kmsg.FetchResponse, ms int32) *kmsg.FetchResponse {
	n := *r
	n.ThrottleMillis = ms
	return &n
}

// What may not be read is answered as a broker answers it, in every version, and the broker gets the rest as the client
// wrote it: small answers, and such as stream.
func TestFetchWithoutDeniedTopics(t *testing.T) {
	for version := int16(0); version <= 18; version++ {
		for _, size := range []int{100, 200_000} {
			if size > 100 && version%3 != 0 {
				continue
			}
			eachMode(t, func(t *testing.T, mode relay.Mode) {
				t.Run(fmt.Sprintf("v%d/%d", version, size), func(t *testing.T) { fetchesWithout(t, version, size, mode) })
			})
		}
	}
}

func fetchesWithout(t *testing.T, version int16, size int, mode relay.Mode) {
	w := newLaw("payroll", "stock")
	w.says["later"] = access.Refuse
	later := access.Topic{Name: "later", ID: [16]byte{4}}
	l := newLine(t, mode, w.under)
	l.cluster.LearnTopics([]access.Topic{orders, payroll, stock, later})
	full := func(epoch int32, topics ...access.Topic) []byte {
		return framed(fetching(version, 0, epoch, topics...), version)
	}
	answer := fetched(version, 0, size, orders)
	empty := fetched(version, 0, 0)
	throttle := int32(1000)
	if version == 0 {
		throttle = 0
	}
	l.trip(full(-1, orders), full(-1, orders), answer, answer)
	l.trip(full(-1, orders, payroll), full(-1, orders), answer, and(answer, failing(payroll, 29)))
	l.trip(full(-1, payroll, orders, stock), full(-1, orders), answer, and(answer, failing(payroll, 29), failing(stock, 29)))
	l.trip(full(-1, payroll, stock), nil, nil, throttled(and(empty, failing(payroll, 29), failing(stock, 29)), throttle))
	l.trip(full(-1, later), nil, nil, throttled(empty, throttle))
	l.trip(full(-1, later, payroll), nil, nil, throttled(and(empty, failing(later, 78), failing(payroll, 29)), throttle))
	// With a topic that nothing can be said of, no session is opened.
	l.trip(full(0, orders, later), full(-1, orders), answer, and(answer, failing(later, 78)))
	// A partition that is named twice has one answer.
	l.trip(full(-1, payroll, orders, payroll), full(-1, orders), answer, and(answer, failing(payroll, 29)))
	l.client.Close()
	l.settle()
	for _, topic := range []string{"payroll", "stock", "later"} {
		l.unread(topic)
	}
	if !l.some(func(r *access.Record) bool {
		return r.Resource == "payroll" && r.Outcome == "denied" && r.Error == "29"
	}) {
		t.Error("no record says that payroll was denied")
	}
	if !l.some(func(r *access.Record) bool { return r.Resource == "later" && r.Outcome == "refused" && r.Error == "78" }) {
		t.Error("no record says that later was refused")
	}
	var bytes int64
	for _, r := range l.all() {
		if r.Resource == "orders" {
			bytes += r.GetBytes()
		}
	}
	if want := int64(5 * 2 * size); bytes != want {
		t.Errorf("%d bytes of orders are recorded, want %d", bytes, want)
	}
}

// unread wants no byte of a topic in the records.
func (l *line) unread(topic string) {
	l.t.Helper()
	for _, r := range l.all() {
		if r.Resource == topic && (r.GetBytes() > 0 || r.GetMessages() > 0 || r.CutBytes > 0) {
			l.t.Errorf("a record says that %d bytes of %s were read", r.GetBytes(), topic)
		}
	}
}

// Topics by the id of nobody: the client learns better from metadata.
func TestFetchOfAnUnknownID(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw().under)
	l.cluster.LearnTopics([]access.Topic{orders})
	ask := framed(fetching(13, 0, 0, orders, nobodys), 13)
	kept := framed(fetching(13, 0, 0, orders), 13)
	answer := fetched(13, 7, 100, orders)
	l.ask(ask)
	l.answersLookup()
	l.asked(kept)
	l.answer(frameOf(ask, answer))
	l.answered(frameOf(ask, and(answer, failing(nobodys, 100))))
	// It stays so in the session, until somebody knows the name: then the client opens it anew.
	next := framed(fetching(13, 7, 1), 13)
	none := fetched(13, 7, 0)
	l.trip(next, next, none, and(none, failing(nobodys, 100)))
	l.cluster.LearnTopics([]access.Topic{{Name: "stock", ID: nobodys.ID}})
	l.trip(framed(fetching(13, 7, 2), 13), nil, nil, failed(13, 71, 0))
	l.client.Close()
	l.settle()
}

// failed is an answer that is an error as a whole.
func failed(version, code int16, throttle int32) *kmsg.FetchResponse {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(version)
	r.ErrorCode, r.ThrottleMillis = code, throttle
	return r
}

// A session holds what the client asked for; the broker's is without what may not be read.
func TestFetchSessionWithDeniedTopics(t *testing.T) {
	for _, version := range []int16{7, 11, 12, 13, 16, 18} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("v", version), func(t *testing.T) {
				w := newLaw("payroll", "stock")
				l := newLine(t, mode, w.under)
				l.cluster.LearnTopics([]access.Topic{orders, payroll, stock, other})
				inc := func(epoch int32, topics ...access.Topic) []byte {
					return framed(fetching(version, 7, epoch, topics...), version)
				}
				data, none := fetched(version, 7, 300, orders), fetched(version, 7, 0)
				l.trip(framed(fetching(version, 0, 0, orders, payroll), version), framed(fetching(version, 0, 0, orders), version), data, and(data, failing(payroll, 29)))
				l.trip(inc(1), inc(1), data, and(data, failing(payroll, 29)))
				l.trip(inc(2), inc(2), none, and(none, failing(payroll, 29)))
				l.trip(inc(3, stock), inc(3), none, and(none, failing(payroll, 29), failing(stock, 29)))
				l.trip(inc(4, payroll, orders), inc(4, orders), data, and(data, failing(payroll, 29), failing(stock, 29)))
				forget := func(epoch int32, topics ...access.Topic) []byte {
					q := fetching(version, 7, epoch)
					for _, topic := range topics {
						f := kmsg.NewFetchRequestForgottenTopic()
						f.Topic, f.TopicID, f.Partitions = topic.Name, topic.ID, []int32{0, 1}
						q.ForgottenTopics = append(q.ForgottenTopics, f)
					}
					return framed(q, version)
				}
				l.trip(forget(5, payroll), forget(5, payroll), none, and(none, failing(stock, 29)))
				// The broker throttles: it says nothing of any partition.
				l.trip(inc(6), inc(6), throttled(none, 300), throttled(none, 300))
				// An error of the session's is the answer.
				l.trip(inc(7), inc(7), failed(version, 71, 0), failed(version, 71, 0))
				l.trip(inc(8), nil, nil, failed(version, 71, 0))
				// Of a new one only what is denied is left: the broker ends it.
				l.trip(framed(fetching(version, 7, 0, orders, payroll), version), framed(fetching(version, 7, 0, orders), version), data, and(data, failing(payroll, 29)))
				ended := fetched(version, 0, 0)
				l.trip(forget(1, orders), forget(1, orders), ended, and(ended, failing(payroll, 29)))
				l.trip(inc(2), nil, nil, failed(version, 71, 0))
				// A full fetch of which nothing is left ends the session that it names.
				last := framed(fetching(version, 7, 0, payroll), version)
				l.trip(last, framed(fetching(version, 7, -1), version), ended, throttled(and(ended, failing(payroll, 29)), 1000))
				l.client.Close()
				l.settle()
				l.unread("payroll")
				l.unread("stock")
			})
		})
	}
}

var other = access.Topic{Name: "other", ID: [16]byte{5}}

// When what may be read in a session has changed, the client opens it anew, in either way; when it has not, it goes on.
func TestFetchSessionAfterAChange(t *testing.T) {
	for _, version := range []int16{7, 13, 17} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			w := newLaw("payroll")
			l := newLine(t, relay.ModeAuto, w.under)
			l.cluster.LearnTopics([]access.Topic{orders, payroll, stock, other})
			full := func(id int32, topics ...access.Topic) []byte {
				return framed(fetching(version, id, 0, topics...), version)
			}
			inc := func(epoch int32, topics ...access.Topic) []byte {
				return framed(fetching(version, 7, epoch, topics...), version)
			}
			data := fetched(version, 7, 300, orders)
			opens := func(id int32) {
				t.Helper()
				l.trip(full(id, orders, payroll), full(id, orders), data, and(data, failing(payroll, 29)))
			}
			opens(0)
			before := w.asked.Load()
			l.trip(inc(1), inc(1), data, and(data, failing(payroll, 29)))
			if n := w.asked.Load() - before; n != 0 {
				t.Errorf("%d questions were asked while nothing had changed", n)
			}
			w.change("stock", access.Deny) // concerns nobody
			l.trip(inc(2), inc(2), data, and(data, failing(payroll, 29)))
			w.change("orders", access.Deny)
			l.trip(inc(3), nil, nil, failed(version, 71, 0))
			l.trip(inc(3), nil, nil, failed(version, 71, 0)) // and it stays so
			w.change("orders", access.Allow)
			l.trip(inc(3), nil, nil, failed(version, 71, 0))
			opens(7)
			w.change("payroll", access.Allow)
			l.trip(inc(1), nil, nil, failed(version, 71, 0))
			both := fetched(version, 7, 300, orders, payroll)
			l.trip(full(7, orders, payroll), full(7, orders, payroll), both, both)
			l.trip(inc(1), inc(1), both, both)
			w.change("orders", access.Refuse)
			l.trip(inc(2), nil, nil, failed(version, 71, 1000))
			w.change("orders", access.Allow)
			l.trip(inc(2), inc(2), both, both) // the session was good all the time
			w.change("stock", access.Refuse)
			l.trip(inc(3, stock), nil, nil, failed(version, 71, 1000))
			l.trip(inc(3), inc(3), both, both)
			l.client.Close()
			l.settle()
		})
	}
}

// A decision has an end of its own: then it is asked for again, without any change.
func TestFetchSessionAfterTheEndOfADecision(t *testing.T) {
	w := newLaw()
	w.until = time.Now().Add(time.Hour)
	l := newLine(t, relay.ModeAuto, w.under)
	l.cluster.LearnTopics([]access.Topic{orders})
	data := fetched(13, 7, 300, orders)
	opens, inc := framed(fetching(13, 0, 0, orders), 13), func(epoch int32) []byte { return framed(fetching(13, 7, epoch), 13) }
	w.mu.Lock()
	w.until = time.Now()
	w.mu.Unlock()
	l.trip(opens, opens, data, data) // asked again when the answer began, and allowed
	w.mu.Lock()
	w.says["orders"] = access.Deny
	w.mu.Unlock()
	l.trip(inc(1), nil, nil, failed(13, 71, 0))
	l.client.Close()
	l.settle()
}

// The same session under another client id or version is another thing to decide.
func TestFetchSessionUnderAnotherName(t *testing.T) {
	w := newLaw()
	l := newLine(t, relay.ModeAuto, w.under)
	data := fetched(12, 7, 300, orders)
	opens := framed(fetching(12, 0, 0, orders), 12)
	l.trip(opens, opens, data, data)
	w.mu.Lock()
	w.says["orders"] = access.Deny // no epoch moves: the law reads the client id
	w.mu.Unlock()
	q := fetching(12, 7, 1)
	renamed := kmsg.NewRequestFormatter(kmsg.FormatterClientID("thief")).AppendRequest(nil, q, 7)
	l.trip(renamed, nil, nil, failed(12, 71, 0))
	l.client.Close()
	l.settle()
}

// A follower that may not be one gets 29 for everything, as from a broker; one that may is not asked for READ.
func TestFetchOfAFollower(t *testing.T) {
	for _, version := range []int16{5, 11, 17} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			w := newLaw(access.ClusterResource)
			l := newLine(t, relay.ModeAuto, w.under)
			l.cluster.LearnTopics([]access.Topic{orders})
			q := fetching(version, 0, -1, orders)
			if q.ReplicaID = 2; version >= 15 {
				q.ReplicaID, q.ReplicaState.ID = -1, 2
			}
			ask := framed(q, version)
			l.trip(ask, nil, nil, throttled(and(fetched(version, 0, 0), failing(orders, 29)), 1000))
			w.change(access.ClusterResource, access.Allow)
			data := fetched(version, 0, 300, orders)
			l.trip(ask, ask, data, data)
			l.client.Close()
			l.settle()
		})
	}
}

// revokes is a Fetch whose answer is under way when the right to it goes: nothing of the answer may come any more.
func TestRightIsLostDuringALongPoll(t *testing.T) {
	for _, version := range []int16{4, 12, 13, 16} {
		for _, session := range []bool{false, true} {
			if session && version < 7 {
				continue
			}
			eachMode(t, func(t *testing.T, mode relay.Mode) {
				t.Run(fmt.Sprintf("v%d/session %v", version, session), func(t *testing.T) {
					w := newLaw()
					l := newLine(t, mode, w.under)
					l.cluster.LearnTopics([]access.Topic{orders})
					data := fetched(version, 7, 300, orders)
					ask := framed(fetching(version, 0, -1, orders), version)
					if session {
						opens := framed(fetching(version, 0, 0, orders), version)
						l.trip(opens, opens, data, data)
						ask = framed(fetching(version, 7, 1), version)
					}
					l.ask(ask)
					l.asked(ask)
					w.change("orders", access.Deny)
					go l.answer(frameOf(ask, data))
					l.gets(t, nil)
					l.client.Close()
					l.settle()
					l.mustCause("access revoked")
					if !l.some(func(r *access.Record) bool { return r.Resource == "orders" && r.Outcome == "denied" }) {
						t.Error("no record says so")
					}
				})
			})
		}
	}
}

// slow is a law that can say nothing for a moment: the next questions, so many, are refused.
type slow struct {
	*law
	refuses atomic.Int64
}

func (w *slow) Session(*access.Session) api.Decider { return w }

func (w *slow) Decide(r *access.Request, a *access.Action) *access.Decision {
	if w.refuses.Add(-1) >= 0 {
		return &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: "slow"}
	}
	return w.law.Decide(r, a)
}

// After a change every answer under way is asked about at once, and one slow moment of the policy ends no connection.
func TestSlowMomentDuringALongPoll(t *testing.T) {
	for _, refuses := range []int64{1, 2} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			w := &slow{law: newLaw()}
			l := newLine(t, mode, func(_ *ClusterSpec, o *Options) { o.Policy = w })
			ask, data := framed(fetching(12, 0, -1, orders), 12), fetched(12, 0, 300, orders)
			l.ask(ask)
			l.asked(ask)
			w.refuses.Store(refuses)
			w.change("stock", access.Deny)
			go l.answer(frameOf(ask, data))
			if refuses == 1 {
				l.answered(frameOf(ask, data))
				l.client.Close()
				l.settle()
				return
			}
			l.gets(t, nil)
			l.client.Close()
			l.settle()
			l.mustCause("access revoked")
		})
	}
}

// gets wants no more at the client than the start of want, and then the end.
func (l *line) gets(t *testing.T, want []byte) {
	t.Helper()
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(l.client)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection stays open")
	}
	if len(b) > len(want) || !bytes.Equal(b, want[:len(b)]) {
		t.Errorf("the client got % x", head(b))
	}
}

// The right goes in the middle of an answer: from the next batch on nothing comes any more.
func TestRightIsLostInTheMiddle(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		w := newLaw()
		l := newLine(t, mode, w.under)
		ask := framed(fetching(12, 0, -1, orders), 12)
		r := fetched(12, 0, 100_000, orders)
		r.Topics[0].Partitions[0].RecordBatches = bytes.Repeat(recordBatch(0, 10, 100_000), 5)
		frame := frameOf(ask, r)
		l.ask(ask)
		l.asked(ask)
		const first = 250_000
		l.answer(frame[:first])
		l.answered(frame[:first-1000])
		w.change("orders", access.Deny)
		go func() { _, _ = l.broker.Write(frame[first:]) }()
		// What is left of the batch that was under way when the law changed may still come.
		l.gets(t, frame[first-1000:320_000])
		l.client.Close()
		l.settle()
		l.mustCause("access revoked")
	})
}

// An answer whose head changes, cut anywhere on its way, is the same answer.
func TestDeniedFetchComesInPieces(t *testing.T) {
	w := newLaw("payroll")
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, w.under)
		l.client.Close()
		for _, version := range []int16{4, 12, 16} {
			l.cluster.LearnTopics([]access.Topic{orders, payroll})
			ask := framed(fetching(version, 0, -1, payroll, orders), version)
			kept := framed(fetching(version, 0, -1, orders), version)
			data := fetched(version, 0, 80, orders)
			answer := frameOf(ask, data)
			want := frameOf(ask, and(data, failing(payroll, 29)))
			for n := 1; n < len(answer); n += 1 + n/20 {
				l.client, l.broker = l.dial(), nil
				l.ask(ask)
				l.asked(kept)
				l.answer(answer[:n])
				time.Sleep(200 * time.Microsecond)
				l.answer(answer[n:])
				l.answered(want)
				l.client.Close()
				l.broker.Close()
			}
		}
		l.settle()
	})
}

// Endpoints behind the records, and topics in front of them, in one small frame; and in one that streams.
func TestDeniedFetchWithEndpoints(t *testing.T) {
	for _, size := range []int{100, 50_000} {
		w := newLaw("payroll")
		l := newLine(t, relay.ModeAuto, w.under)
		l.cluster.LearnTopics([]access.Topic{orders, payroll})
		ask := framed(fetching(17, 0, -1, payroll, orders), 17)
		data := fetched(17, 0, size, orders)
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = 1, "broker.internal", 9092
		data.Brokers = append(data.Brokers, b)
		l.ask(ask)
		l.asked(framed(fetching(17, 0, -1, orders), 17))
		go l.answer(frameOf(ask, data))
		got := l.frame()
		r := kmsg.NewPtrFetchResponse()
		r.SetVersion(17)
		if err := r.ReadFrom(got[9:]); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got, []byte("broker.internal")) {
			t.Error("a broker's address passed")
		}
		if held := size < 1000; held != (len(r.Brokers) == 1) {
			t.Errorf("%d endpoints", len(r.Brokers))
		}
		want := and(data, failing(payroll, 29))
		want.Brokers, r.Brokers, r.UnknownTags = nil, nil, kmsg.Tags{}
		if !bytes.Equal(want.AppendTo(nil), r.AppendTo(nil)) {
			t.Errorf("%d bytes: another answer: %+v", size, r)
		}
		l.client.Close()
		l.settle()
		if reads := l.reads(); reads["orders-0"].Bytes != int64(size) || reads["orders-1"].Bytes != int64(size) {
			t.Errorf("records: %+v", reads)
		}
	}
}

// Fetches in a row, some of them denied: every answer in its turn, every byte accounted.
func TestDeniedFetchesInARow(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		w := newLaw("payroll")
		l := newLine(t, mode, w.under)
		l.cluster.LearnTopics([]access.Topic{orders, payroll})
		rng := rand.New(rand.NewPCG(3, 4))
		var asks, keeps, answers, wants []byte
		total := 0
		for i := range int32(40) {
			size := 61 + rng.IntN(1<<rng.IntN(18))
			with := []access.Topic{orders}
			if rng.IntN(2) == 0 {
				with = append(with, payroll)
			}
			ask := numbered(framed(fetching(12, 0, -1, with...), 12), i)
			data := fetched(12, 0, size, orders)
			asks, keeps = append(asks, ask...), append(keeps, numbered(framed(fetching(12, 0, -1, orders), 12), i)...)
			answers = append(answers, frameOf(ask, data)...)
			total += 2 * size
			if len(with) > 1 {
				data = and(data, failing(payroll, 29))
			}
			wants = append(wants, frameOf(ask, data)...)
		}
		go l.ask(asks)
		l.asked(keeps)
		go sendChunks(l.broker, rng, answers)
		l.answered(wants)
		l.client.Close()
		l.settle()
		reads := l.reads()
		if got := reads["orders-0"].Bytes + reads["orders-1"].Bytes; got != int64(total) {
			t.Errorf("%d bytes are recorded, want %d", got, total)
		}
		l.unread("payroll")
	})
}

// A wait of more than a minute is lowered, unless nothing is enforced.
func TestLongWaitIsLowered(t *testing.T) {
	w := newLaw()
	for _, enforced := range []bool{true, false} {
		change := w.under
		if !enforced {
			change = nil
		}
		l := newLine(t, relay.ModeAuto, change)
		q := fetching(12, 0, -1, orders)
		q.MaxWaitMillis = 3_600_000
		ask := framed(q, 12)
		if enforced {
			q.MaxWaitMillis = 60_000
		}
		data := fetched(12, 0, 100, orders)
		l.trip(ask, framed(q, 12), data, data)
		l.client.Close()
		l.settle()
	}
}

// A client that is denied everything does not spin: each answer takes its time.
func TestDeniedFetchTakesItsTime(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	q := fetching(12, 0, -1, payroll)
	q.MaxWaitMillis = 100
	began := time.Now()
	l.trip(framed(q, 12), nil, nil, throttled(and(fetched(12, 0, 0), failing(payroll, 29)), 1000))
	if d := time.Since(began); d < 100*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
	l.client.Close()
	l.settle()
}

// Everybody's broker errors pass: an answer with an error as a whole gets no topic.
func TestDeniedFetchThatTheBrokerRefuses(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	ask := framed(fetching(12, 0, -1, payroll, orders), 12)
	l.trip(ask, framed(fetching(12, 0, -1, orders), 12), failed(12, 35, 0), failed(12, 35, 0))
	if n := binary.BigEndian.Uint16(ask[6:]); n != 12 {
		t.Fatal(n)
	}
	l.client.Close()
	l.settle()
}

// Random answers of every sort, with topics in front of them that may not be read: the client gets exactly that, in either
// mover, and the records say what was in it.
func TestStreamsUnderALawAreExact(t *testing.T) {
	for seed := range uint64(6) {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { exactUnderALaw(t, mode, seed) })
		})
	}
}

func exactUnderALaw(t *testing.T, mode relay.Mode, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 9))
	l := newLine(t, mode, newLaw("payroll").under)
	l.cluster.LearnTopics(fetchTopics)
	trips := make([]fetchTrip, 15)
	var asks, kept, answers []byte
	want := map[string]readSums{}
	for i := range trips {
		f := randomFetch(rng, int32(i), randomSize(rng))
		asks = append(asks, f.request...)
		f.withoutPayroll(t)
		f.walk(len(f.answer), want)
		if f.request != nil {
			kept, answers = append(kept, f.request...), append(answers, f.answer...)
		}
		trips[i] = f
	}
	go l.ask(asks)
	l.asked(kept)
	go sendChunks(l.broker, rand.New(rand.NewPCG(seed, 2)), answers)
	for _, f := range trips {
		f.answer = f.client
		f.same(t, l.frame())
	}
	l.client.Close()
	l.settle()
	if diff := cmp.Diff(want, l.reads()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// withoutPayroll makes of a trip what the broker is asked and answers where payroll may not be read, and what the client
// gets. A request of which nothing is left is nil.
func (f *fetchTrip) withoutPayroll(t *testing.T) {
	t.Helper()
	q, r := kmsg.NewPtrFetchRequest(), kmsg.NewPtrFetchResponse()
	q.Version, r.Version = f.version, f.version
	body, tags := 8, f.version >= 12
	if tags {
		body++
	}
	if err := r.ReadFrom(f.answer[body:]); err != nil {
		t.Fatal(err)
	}
	at := 14 + int(binary.BigEndian.Uint16(f.request[12:])) + body - 8
	if err := q.ReadFrom(f.request[at:]); err != nil {
		t.Fatal(err)
	}
	is := func(name string, id [16]byte) bool {
		return f.version < 13 && name == payroll.Name || f.version >= 13 && id == payroll.ID
	}
	var failing []kmsg.FetchResponseTopic
	topics := q.Topics[:0:0]
	for _, qt := range q.Topics {
		if !is(qt.Topic, qt.TopicID) {
			topics = append(topics, qt)
			continue
		}
		ft := kmsg.NewFetchResponseTopic()
		ft.Topic, ft.TopicID = qt.Topic, qt.TopicID
		for _, p := range qt.Partitions {
			fp := kmsg.NewFetchResponseTopicPartition()
			fp.Partition, fp.ErrorCode, fp.HighWatermark = p.Partition, 29, -1
			fp.AbortedTransactions, fp.RecordBatches = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}, []byte{}
			ft.Partitions = append(ft.Partitions, fp)
		}
		failing = append(failing, ft)
	}
	var passing []kmsg.FetchResponseTopic
	for _, rt := range r.Topics {
		if !is(rt.Topic, rt.TopicID) {
			passing = append(passing, rt)
		}
	}
	id := f.request
	q.Topics, r.Topics = topics, passing
	f.answer = to(id, answered(r, f.version, tags))
	if len(failing) == 0 {
		f.client = f.answer
		return
	}
	f.request = numbered(framed(q, f.version), int32(binary.BigEndian.Uint32(id[8:])))
	runs := f.runs[:0:0]
	for _, run := range f.runs {
		if run.topic != payroll.Name {
			run.at = bytes.Index(f.answer, run.data)
			runs = append(runs, run)
		}
	}
	f.runs = runs
	if len(topics) == 0 {
		f.request, f.answer, r.Brokers, f.endpoints, r.ThrottleMillis = nil, nil, nil, false, 1000
	}
	r.Topics = append(failing, passing...)
	f.client = to(id, answered(r, f.version, tags))
}
