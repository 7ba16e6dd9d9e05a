package api

import (
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Produce (key 0), versions 0 to 13.
//
//   - v3: transactional id and record batches (KIP-98); before: message sets
//   - v8: errors of single records (KIP-467); v9: flexible
//   - v10: node endpoints in a tag of the answer (KIP-951); v12: transactions without AddPartitionsToTxn (KIP-890)
//   - v13: topics by id (KIP-516)
//
// Actions: WRITE on each topic; WRITE on the transactional id where a batch bears the transactional bit. acks=0 has no
// answer. A partition that is named twice counts once, as its last entry: so the broker appends it. What may not pass:
// 00_produce_enforce.go.
//
// There is no decode: the request pump feeds the frame, whole or as it comes, to the scanner of BeginProduce.
var produceRow = &API{
	Key: int16(kmsg.Produce), Max: mustMax(kmsg.Produce),
	derive: deriveProduce, enforce: enforceProduce, retry: errNotLeader,
}

// produceState is the part of an Exchange that a Produce needs. It is the scanner's listener.
type produceState struct {
	scan          protocol.ProduceScanner
	acks          int16
	topicsLeft    int32 // topics that the scanner has not come to
	transactional bool  // some batch bears the transactional bit
	batches       bool  // some batch was seen
	lost          bool  // no part of it reaches the broker as a whole: see LoseProduce
	withheld      bool  // some topic may not pass: its code is not 0
	topics        []producedTopic
	parts         []producedPart
	answer        protocol.ProduceResponse
	written       [access.Verdicts]Moved
	charged       time.Time        // when its records were charged; zero: they were not
	next          int              // where in the answer the next entry's is expected
	index         map[partName]int // made for a large answer of another order

	// Of the partition being accounted: kept here so that nothing is allocated.
	span  access.Span
	write access.Write
}

type producedTopic struct {
	topic    *access.Topic
	decision *access.Decision
	code     int16 // the error that it is answered with here, 0: it goes to the broker
}

type producedPart struct {
	topic     int // index into topics
	partition int32
	batches   int
	// superseded: a later entry names the same partition, and the broker appends that one.
	superseded bool
	batch      access.Batch // the sum of its batches: one in every version since v3
}

func (s *produceState) reset() {
	clear(s.topics)
	clear(s.parts)
	s.topics, s.parts, s.written = reuse(s.topics), reuse(s.parts), [access.Verdicts]Moved{}
	if cap(s.answer.Parts) > 1024 {
		s.answer = protocol.ProduceResponse{}
	}
	s.acks, s.topicsLeft, s.transactional, s.batches = 0, 1, false, false
	s.lost, s.withheld = false, false
	s.next, s.index, s.charged = 0, nil, time.Time{}
	s.span, s.write = access.Span{}, access.Write{}
}

func mustMax(key kmsg.Key) int16 {
	v, ok := protocol.MaxVersion(int16(key))
	if !ok {
		panic("api: kmsg does not know " + key.Name())
	}
	return v
}

// BeginProduce starts reading a Produce request with a body of size bytes, which follow through ProduceScanner.
func (x *Exchange) BeginProduce(size int64) {
	x.produce.reset()
	x.produce.scan.Reset(x.Version, size, (*produceListener)(x))
}

// ProduceScanner is where the frame's bytes go, in order.
func (x *Exchange) ProduceScanner() *protocol.ProduceScanner { return &x.produce.scan }

// ProduceDecided says whether everything that the open Produce request asks for was seen, and so decided: every topic,
// and whether the records are a transaction's. Honest batches all are, or none.
func (x *Exchange) ProduceDecided() bool {
	return x.produce.topicsLeft == 0 && (x.TransactionalID == "" || x.produce.batches)
}

// Silent says whether the broker will not answer (acks=0).
func (x *Exchange) Silent() bool { return x.API == produceRow && x.produce.acks == 0 }

// produceListener hears what the scanner finds.
type produceListener Exchange

func (l *produceListener) x() *Exchange { return (*Exchange)(l) }

// Head notes the transactional id.
func (l *produceListener) Head(transactionalID []byte, acks int16, _, topics int32) error {
	l.produce.acks, l.produce.topicsLeft = acks, topics
	l.TransactionalID = string(transactionalID)
	return nil
}

// Topic asks for the topic before any of its records may pass.
func (l *produceListener) Topic(name []byte, id [16]byte, _ int32) error {
	x := l.x()
	l.produce.topicsLeft--
	t := x.topicOf(name, id)
	l.produce.topics = append(l.produce.topics, producedTopic{topic: t, decision: x.AskTopic(access.OpWrite, t)})
	return x.over
}

// Partition opens the account of one partition.
func (l *produceListener) Partition(index int32, _ int64) error {
	s := &l.produce
	if len(s.parts) >= maxPartitions {
		l.over = errTooMany
		return l.over
	}
	if err := l.x().keep(writtenSize); err != nil {
		return err
	}
	s.parts = append(s.parts, producedPart{topic: len(s.topics) - 1, partition: index, batch: access.Batch{ProducerID: -1, Epoch: -1}})
	return nil
}

// Batch sums up one batch.
func (l *produceListener) Batch(b *protocol.Batch) error {
	s := &l.produce
	p := &s.parts[len(s.parts)-1]
	p.batches++
	s.batches = true
	p.batch.Messages += b.Records
	p.batch.Bytes += b.Have
	p.batch.Have = p.batch.Bytes
	p.batch.CRC = b.CRC
	p.batch.ProducerID, p.batch.ProducerEpoch, p.batch.BaseSequence = b.ProducerID, b.ProducerEpoch, b.BaseSequence
	p.batch.Control = b.Control()
	p.batch.Estimated = p.batch.Estimated || b.Estimated || b.Cut
	// Until the answer is here, Last is how far the last message is from the first.
	if b.HasLast && b.HasBase && p.batches == 1 {
		p.batch.Last = b.LastOffset - b.BaseOffset
	} else {
		p.batch.Last = int64(p.batch.Messages) - 1
	}
	if b.Transactional() && !s.transactional {
		s.transactional = true
		l.x().Ask(access.OpWrite, access.ResTransactionalID, l.TransactionalID)
	}
	return l.over // what could not be asked does not pass
}

// End has nothing to do: the frame was forwarded as it came.
func (l *produceListener) End() error { return nil }

// deriveProduce asks again for what the scanner found, once names were learned for ids.
func deriveProduce(x *Exchange) error {
	s := &x.produce
	for i := range s.topics {
		t := s.topics[i].topic
		if t.Name == "" && t.ID != ([16]byte{}) {
			t = x.Topic(nil, t.ID)
		}
		s.topics[i] = producedTopic{topic: t, decision: x.AskTopic(access.OpWrite, t)}
	}
	if s.transactional {
		x.Ask(access.OpWrite, access.ResTransactionalID, x.TransactionalID)
	}
	return nil
}

// Moved is how much record data of whole batches went to one side or the other.
type Moved struct{ Messages, Bytes int64 }

// Written returns what the broker has taken, by its answer, apart by what the policy said of it.
func (x *Exchange) Written() [access.Verdicts]Moved { return x.produce.written }

// ProduceUnanswered writes down a Produce to which no answer comes: acks=0, or the connection ended.
func (x *Exchange) ProduceUnanswered(log *journal.Log) {
	s := &x.produce
	if s.lost || x.enforced.local != nil {
		x.Account(log, 0, true)
		return
	}
	s.supersede()
	for i := range s.parts {
		if s.counts(i) {
			x.wrote(log, i, nil)
		}
	}
	x.accountStopped(log, 0)
}

// counts says whether entry i went to the broker, and counts there.
func (s *produceState) counts(i int) bool {
	return !s.parts[i].superseded && s.topics[s.parts[i].topic].code == 0
}

// AccountProduce writes down what the broker answered: frame is the whole answer without its length bytes. It returns
// the frame to send on.
func (x *Exchange) AccountProduce(dst, frame []byte, log *journal.Log) ([]byte, error) {
	s := &x.produce
	s.supersede()
	_, at, err := protocol.ParseResponseHeader(frame, x.API.Key, x.Version)
	if err != nil {
		return nil, err
	}
	if err := s.answer.Parse(x.Version, frame[at:]); err != nil {
		return nil, err
	}
	x.mute(frame[at:])
	out := frame
	if s.answer.HasEndpoints || s.withheld { // first: what cannot be sent on is an answer that never came
		if out, err = x.rewriteProduce(dst, frame, at); err != nil {
			return nil, err
		}
	}
	x.Throttle = s.answer.Throttle + x.held
	for i := range s.parts {
		if s.counts(i) {
			x.wrote(log, i, x.produced(i))
		}
	}
	x.accountStopped(log, int64(4+len(frame)))
	return out, nil
}

// supersede marks the entries that a later one of the same partition replaces.
func (s *produceState) supersede() {
	if len(s.parts) > fewParts {
		s.supersedeMany()
		return
	}
	for i := range s.parts {
		for j := i + 1; j < len(s.parts); j++ {
			if s.samePlace(i, j) {
				s.parts[i].superseded = true
				break
			}
		}
	}
}

// fewParts is up to where comparing every pair is cheaper than a map.
const fewParts = 32

func (s *produceState) samePlace(i, j int) bool {
	return s.parts[i].partition == s.parts[j].partition && s.name(i) == s.name(j)
}

// name is what tells entry i's partition from others: by the topic's id where it has one.
func (s *produceState) name(i int) partName {
	p := &s.parts[i]
	n := partName{id: s.topics[p.topic].topic.ID, index: p.partition}
	if n.id == ([16]byte{}) {
		n.name = s.topics[p.topic].topic.Name
	}
	return n
}

func (s *produceState) supersedeMany() {
	last := make(map[partName]int, len(s.parts))
	for i := range s.parts {
		k := s.name(i)
		if j, ok := last[k]; ok {
			s.parts[j].superseded = true
		}
		last[k] = i
	}
}

// produced finds the answer to entry i, nil if there is none. Answers mostly stand in the request's order.
func (x *Exchange) produced(i int) *protocol.ProducePart {
	s := &x.produce
	t, index := s.topics[s.parts[i].topic].topic, s.parts[i].partition
	if k := s.next; k < len(s.answer.Parts) && answersTo(&s.answer.Parts[k], t, index) {
		s.next++
		return &s.answer.Parts[k]
	}
	if len(s.answer.Parts) > fewParts {
		return s.lookUp(t, index)
	}
	for k := range s.answer.Parts {
		if answersTo(&s.answer.Parts[k], t, index) {
			s.next = k + 1
			return &s.answer.Parts[k]
		}
	}
	return nil
}

func answersTo(a *protocol.ProducePart, t *access.Topic, index int32) bool {
	if a.Index != index {
		return false
	}
	if a.TopicID != ([16]byte{}) {
		return a.TopicID == t.ID
	}
	return string(a.TopicName) == t.Name
}

func (s *produceState) lookUp(t *access.Topic, index int32) *protocol.ProducePart {
	if s.index == nil {
		s.index = make(map[partName]int, len(s.answer.Parts))
		for k := range s.answer.Parts {
			a := &s.answer.Parts[k]
			s.index[partName{string(a.TopicName), a.TopicID, a.Index}] = k
		}
	}
	for _, n := range [2]partName{{id: t.ID, index: index}, {name: t.Name, index: index}} {
		if k, ok := s.index[n]; ok {
			s.next = k + 1
			return &s.answer.Parts[k]
		}
	}
	return nil
}

func (x *Exchange) wrote(log *journal.Log, i int, a *protocol.ProducePart) {
	p := &x.produce.parts[i]
	t := &x.produce.topics[p.topic]
	s := &x.produce
	s.span = access.Span{
		Request: &x.Request, Topic: t.topic, Partition: p.partition, LeaderEpoch: -1, Requested: -1, Isolation: -1,
		Decision: t.decision, Broker: x.Session.Broker, Correlation: x.Correlation,
	}
	s.write = access.Write{Batch: p.batch, Throttle: x.Throttle}
	w := &s.write
	w.Span = &s.span
	switch {
	case a == nil:
		w.Unknown = true
	case a.Error != 0:
		w.Error = a.Error
		x.failed(a.Error)
		x.refundProduce(i)
	case a.BaseOffset < 0:
		w.Unknown = true // taken, but without an offset: a duplicate that the broker no longer knows
	default:
		w.First, w.Last, w.HasLast = a.BaseOffset, a.BaseOffset+p.batch.Last, true
		m := &s.written[t.decision.Said()]
		m.Messages += int64(p.batch.Messages)
		m.Bytes += p.batch.Bytes
	}
	log.Wrote(w)
}

func (x *Exchange) rewriteProduce(dst, frame []byte, at int) ([]byte, error) {
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(x.Version)
	if err := r.ReadFrom(frame[at:]); err != nil {
		return nil, err
	}
	for i := range r.Brokers {
		b := &r.Brokers[i]
		host, port, err := x.Env.Route.Advertise(b.NodeID, b.Host, b.Port)
		if err != nil {
			return nil, err
		}
		b.Host, b.Port = host, port
	}
	if x.produce.withheld {
		x.addWithheld(r)
		x.cite(r)
	}
	return r.AppendTo(append(dst, frame[:at]...)), nil
}
