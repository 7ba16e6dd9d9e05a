package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	orders  = access.Topic{Name: "orders", ID: [16]byte{1}}
	payroll = access.Topic{Name: "payroll", ID: [16]byte{2}}
	stock   = access.Topic{Name: "stock", ID: [16]byte{3}}
	nobodys = access.Topic{ID: [16]byte{9}}
)

// A written is what a Produce answer says of one partition.
type written struct {
	Topic     string
	ID        [16]byte
	Partition int32
	Error     int16
	Offset    int64
}

// producing makes a Produce of partitions 0 and 1 of each topic.
func producing(version int16, acks int16, txn string, topics ...access.Topic) *kmsg.ProduceRequest {
	q := kmsg.NewPtrProduceRequest()
	q.SetVersion(version)
	q.Acks = acks
	if txn != "" {
		q.TransactionID = &txn
	}
	for _, topic := range topics {
		t := kmsg.NewProduceRequestTopic()
		t.Topic, t.TopicID = topic.Name, topic.ID
		for i := range int32(2) {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition, p.Records = i, recordBatch(0, 10, 100)
			if txn != "" {
				p.Records[22] |= 0x10
			}
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	return q
}

// produced answers a Produce frame as a broker does that takes all of it.
func produced(t *testing.T, frame []byte, endpoints bool) []byte {
	t.Helper()
	q := readProduce(t, frame)
	r := kmsg.NewPtrProduceResponse()
	for _, qt := range q.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = qt.Topic, qt.TopicID
		for _, qp := range qt.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.BaseOffset = qp.Partition, 77
			rt.Partitions = append(rt.Partitions, rp)
		}
		r.Topics = append(r.Topics, rt)
	}
	if endpoints {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port = 1, "broker.internal", 9092
		r.Brokers = append(r.Brokers, b)
	}
	return to(frame, answered(r, q.Version, q.Version >= 9))
}

func readProduce(t *testing.T, frame []byte) *kmsg.ProduceRequest {
	t.Helper()
	q := kmsg.NewPtrProduceRequest()
	q.Version = int16(binary.BigEndian.Uint16(frame[6:]))
	at := 14 + int(binary.BigEndian.Uint16(frame[12:]))
	if q.Version >= 9 {
		at++
	}
	if err := q.ReadFrom(frame[at:]); err != nil {
		t.Fatal("what the broker got cannot be read:", err)
	}
	return q
}

func readProduced(t *testing.T, version int16, frame []byte) (all []written) {
	t.Helper()
	r := kmsg.NewPtrProduceResponse()
	r.Version = version
	at := 8
	if version >= 9 {
		at++
	}
	if err := r.ReadFrom(frame[at:]); err != nil {
		t.Fatal("what the client got cannot be read:", err)
	}
	if again := r.AppendTo(nil); !bytes.Equal(again, frame[at:]) {
		t.Fatalf("the answer is not as kmsg writes it:\n% x\n% x", frame[at:], again)
	}
	for _, rt := range r.Topics {
		for _, p := range rt.Partitions {
			all = append(all, written{rt.Topic, rt.TopicID, p.Partition, p.ErrorCode, p.BaseOffset})
		}
	}
	return all
}

// topicsWritten wants these answers for both partitions of each topic.
func topicsWritten(version int16, codes map[*access.Topic]int16, order ...*access.Topic) (all []written) {
	for _, topic := range order {
		for i := range int32(2) {
			w := written{Topic: topic.Name, Partition: i, Error: codes[topic], Offset: 77}
			if version >= 13 {
				w.Topic, w.ID = "", topic.ID
			}
			if w.Error != 0 {
				w.Offset = -1
			}
			all = append(all, w)
		}
	}
	return all
}

// A denied topic is answered as a broker answers it, in every version, and the broker gets the rest as the client wrote it.
func TestProduceWithoutDeniedTopics(t *testing.T) {
	type codes = map[*access.Topic]int16
	for version := int16(0); version <= 13; version++ {
		for _, c := range []struct {
			name   string
			law    *law
			txn    string
			topics []*access.Topic
			from   int16
			codes  codes
			order  []*access.Topic // of the answer; nil: the request's
		}{
			{name: "one denied", law: newLaw("payroll"), topics: []*access.Topic{&payroll}, codes: codes{&payroll: 29}},
			{name: "all denied", law: newLaw("payroll", "stock"), topics: []*access.Topic{&payroll, &stock}, codes: codes{&payroll: 29, &stock: 29}},
			{name: "first denied", law: newLaw("payroll"), topics: []*access.Topic{&payroll, &orders}, codes: codes{&payroll: 29}, order: []*access.Topic{&orders, &payroll}},
			{name: "last denied", law: newLaw("payroll"), topics: []*access.Topic{&orders, &payroll}, codes: codes{&payroll: 29}},
			{name: "some denied", law: newLaw("payroll"), topics: []*access.Topic{&orders, &payroll, &stock}, codes: codes{&payroll: 29}, order: []*access.Topic{&orders, &stock, &payroll}},
			{name: "refused", law: refuses("payroll"), topics: []*access.Topic{&payroll}, codes: codes{&payroll: 6}},
			{name: "some refused", law: refuses("payroll"), topics: []*access.Topic{&orders, &payroll}, codes: codes{&payroll: 6}},
			{name: "transactional id denied", from: 3, law: newLaw("tx"), txn: "tx", topics: []*access.Topic{&orders, &payroll}, codes: codes{&orders: 53, &payroll: 53}},
			{name: "transactional id refused", from: 3, law: refuses("tx"), txn: "tx", topics: []*access.Topic{&orders}, codes: codes{&orders: 6}},
			{name: "transactional id allowed", from: 3, law: newLaw("payroll"), txn: "tx", topics: []*access.Topic{&orders, &payroll}, codes: codes{&payroll: 29}},
			{name: "nobody's id", from: 13, law: newLaw(), topics: []*access.Topic{&orders, &nobodys}, codes: codes{&nobodys: 100}},
		} {
			if version < c.from {
				continue
			}
			t.Run(fmt.Sprintf("v%d/%s", version, c.name), func(t *testing.T) {
				l := newLine(t, relay.ModeAuto, c.law.under)
				l.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
				var topics, passing []access.Topic
				passes := false
				for _, topic := range c.topics {
					topics = append(topics, *topic)
					if c.codes[topic] == 0 {
						passing, passes = append(passing, *topic), true
					}
				}
				frame := numbered(framed(producing(version, -1, c.txn, topics...), version), 5)
				l.ask(frame)
				if c.codes[&nobodys] != 0 {
					l.answersLookup()
				}
				if passes {
					want := numbered(framed(producing(version, -1, c.txn, passing...), version), 5)
					l.asked(want)
					l.answer(produced(t, want, version >= 10))
				}
				got := l.frame()
				if c.order == nil {
					c.order = c.topics
				}
				if id := binary.BigEndian.Uint32(got[4:]); id != 5 {
					t.Errorf("correlation id %d", id)
				}
				if bytes.Contains(got, []byte("broker.internal")) {
					t.Error("a broker's address passed")
				}
				if diff := cmp.Diff(topicsWritten(version, c.codes, c.order...), readProduced(t, version, got)); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				q, a := groups(6) // the connection goes on
				l.ask(q)
				l.asked(q)
				l.answer(a)
				l.answered(a)
				l.client.Close()
				l.settle()
				for topic, code := range c.codes {
					l.deniedOnce("WRITE", topic, code)
				}
			})
		}
	}
}

// A transaction without an id is nobody's, whatever else is denied: as with a broker, no part of the request is written.
func TestDeniedProduceOfNamelessTransaction(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	q := producing(9, -1, "", orders, payroll)
	for i := range q.Topics {
		for j := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[j].Records[22] |= 0x10
		}
	}
	l.ask(framed(q, 9))
	want := topicsWritten(9, map[*access.Topic]int16{&orders: 53, &payroll: 53}, &orders, &payroll)
	if diff := cmp.Diff(want, readProduced(t, 9, l.frame())); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	l.client.Close()
	l.settle()
}

// refuses is a law under which nothing can be said of some names.
func refuses(names ...string) *law {
	w := newLaw()
	for _, name := range names {
		w.says[name] = access.Refuse
	}
	return w
}

// deniedOnce wants one record of a denial, and none of a message.
func (l *line) deniedOnce(operation string, topic *access.Topic, code int16) {
	l.t.Helper()
	n := 0
	for _, r := range l.all() {
		if r.Kind != "access" || r.Resource != topic.Name || r.Operation != operation {
			continue
		}
		if r.GetMessages() > 0 || r.GetBytes() > 0 {
			l.t.Errorf("%s: %d messages, %d bytes are recorded", r.Resource, r.GetMessages(), r.GetBytes())
		}
		if r.Error == fmt.Sprint(code) {
			n++
			if want := map[string]string{"deny": "denied", "refuse": "refused", "allow": "failed"}[r.Decision]; r.Outcome != want {
				l.t.Errorf("%s: decision %s, outcome %s", r.Resource, r.Decision, r.Outcome)
			}
		}
	}
	if n != 1 {
		l.t.Errorf("%d records say that %s of %q was answered %d", n, operation, topic.Name, code)
	}
}

// However the frame is cut on its way, the broker gets the same bytes and the client the same answer.
func TestDeniedProduceComesInPieces(t *testing.T) {
	w := newLaw("payroll")
	l := newLine(t, relay.ModeAuto, w.under)
	l.client.Close()
	for _, version := range []int16{3, 9, 13} {
		l.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
		frame := framed(producing(version, -1, "", orders, payroll, stock), version)
		want := framed(producing(version, -1, "", orders, stock), version)
		answer := topicsWritten(version, map[*access.Topic]int16{&payroll: 29}, &orders, &stock, &payroll)
		for n := 1; n < len(frame); n += 1 + n%3 {
			l.client, l.broker = l.dial(), nil
			l.ask(frame[:n])
			time.Sleep(200 * time.Microsecond)
			l.ask(frame[n:])
			l.asked(want)
			l.answer(produced(t, want, false))
			if diff := cmp.Diff(answer, readProduced(t, version, l.frame())); diff != "" {
				t.Fatalf("v%d, cut at %d (-want +got):\n%s", version, n, diff)
			}
			l.client.Close()
			l.broker.Close()
		}
	}
	l.settle()
}

// Requests before and behind a denied one are answered in their order.
func TestDeniedProduceAmongOthers(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	q1, a1 := groups(1)
	denied := numbered(framed(producing(9, -1, "", payroll), 9), 2)
	mixed := numbered(framed(producing(9, 1, "", payroll, orders), 9), 3)
	kept := numbered(framed(producing(9, 1, "", orders), 9), 3)
	q4, a4 := groups(4)
	l.ask(q1, denied, mixed, q4)
	l.asked(q1, kept, q4)
	l.answer(a1, produced(t, kept, false), a4)
	l.answered(a1)
	if got := l.frame(); got[7] != 2 || len(readProduced(t, 9, got)) != 2 {
		t.Errorf("% x", got)
	}
	if got := l.frame(); got[7] != 3 || len(readProduced(t, 9, got)) != 4 {
		t.Errorf("% x", got)
	}
	l.answered(a4)
	l.client.Close()
	l.settle()
}

// With acks=0 the broker gets what may pass, and the connection ends.
func TestDeniedProduceWithoutAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		topics []access.Topic
		kept   []access.Topic
	}{
		{"all", []access.Topic{payroll}, nil},
		{"some", []access.Topic{orders, payroll, stock}, []access.Topic{orders, stock}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
			l.ask(framed(producing(9, 0, "", c.topics...), 9))
			l.accept()
			_ = l.broker.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(l.broker)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the broker's connection stays open")
			}
			var want []byte
			if c.kept != nil {
				want = framed(producing(9, 0, "", c.kept...), 9)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the broker got % x, want % x", got, want)
			}
			l.closed("acks=0")
			l.deniedOnce("WRITE", &payroll, 29)
			for _, topic := range c.kept {
				l.wrote(topic.Name, 20, "")
			}
		})
	}
}

// A frame that is too large to be held: what goes out before a denied topic is found never becomes a request.
func TestDeniedProduceTooLargeToHold(t *testing.T) {
	small := func(w *law) func(*ClusterSpec, *Options) {
		return func(_ *ClusterSpec, o *Options) {
			o.Policy = w
			o.Limits.ProduceFrame = 100_000
		}
	}
	type codes = map[string]int16
	for _, c := range []struct {
		name   string
		law    *law
		topics []access.Topic
		want   codes
		ends   bool
	}{
		{"one, denied", newLaw("payroll"), []access.Topic{payroll}, codes{"payroll": 29}, false},
		{"the first denied", newLaw("payroll"), []access.Topic{payroll, orders}, codes{"payroll": 29, "orders": 6}, false},
		{"the last denied", newLaw("payroll"), []access.Topic{orders, payroll}, codes{"payroll": 29, "orders": 6}, true},
		{"the last refused", refuses("payroll"), []access.Topic{orders, payroll, stock}, codes{"payroll": 6, "orders": 6, "stock": 6}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, small(c.law))
			q1, a1 := groups(1)
			frame, _ := produceTo(9, 150_000, c.topics...)
			frame = numbered(frame, 2)
			l.ask(q1)
			l.asked(q1)
			go l.ask(frame)
			l.answer(a1)
			l.answered(a1)
			l.frames(t, c.want)
			if c.ends {
				b, _ := io.ReadAll(l.broker)
				if len(b) >= len(frame) {
					t.Errorf("the broker got %d bytes of %d", len(b), len(frame))
				}
				l.closed("denied after a part")
			} else {
				q3, a3 := groups(3)
				l.ask(q3)
				l.asked(q3)
				l.answer(a3)
				l.answered(a3)
				l.client.Close()
				l.settle()
			}
			for name, code := range c.want {
				l.deniedOnce("WRITE", &access.Topic{Name: name}, code)
			}
		})
	}
}

// frames wants one answer to a Produce v9 with these errors.
func (l *line) frames(t *testing.T, want map[string]int16) {
	t.Helper()
	got := map[string]int16{}
	for _, w := range readProduced(t, 9, l.frame()) {
		got[w.Topic] = w.Error
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// A partition that is named twice has one answer, whichever entry is whose.
func TestDeniedProduceNamesAPartitionTwice(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll").under)
	frame := framed(producing(9, -1, "", payroll, orders, payroll), 9)
	kept := framed(producing(9, -1, "", orders), 9)
	l.ask(frame)
	l.asked(kept)
	l.answer(produced(t, kept, false))
	want := topicsWritten(9, map[*access.Topic]int16{&payroll: 29}, &orders, &payroll)
	if diff := cmp.Diff(want, readProduced(t, 9, l.frame())); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	l.client.Close()
	l.settle()
}
