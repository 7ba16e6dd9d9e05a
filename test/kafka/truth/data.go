package truth

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (s *Session) fetched(call *Call) {
	request := call.Request.(*kmsg.FetchRequest)
	response, ok := call.Response.(*kmsg.FetchResponse)
	if !ok {
		return
	}
	asked := map[Part]int64{}
	for _, t := range request.Topics {
		for _, p := range t.Partitions {
			asked[Part{t.Topic, t.TopicID, p.Partition}] = p.FetchOffset
		}
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			part := Part{t.Topic, t.TopicID, p.Partition}
			requested, listed := asked[part]
			if !listed {
				requested = -1
			}
			s.addReads(call, part, requested, p.RecordBatches)
		}
	}
}

func (s *Session) shareFetched(call *Call) {
	response, ok := call.Response.(*kmsg.ShareFetchResponse)
	if !ok {
		return
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			part := Part{ID: t.TopicID, Partition: p.Partition}
			s.addReads(call, part, -1, p.Records)
			for _, a := range p.AcquiredRecords {
				s.Acquired = append(s.Acquired, Acquired{part, a.FirstOffset, a.LastOffset, a.DeliveryCount})
			}
		}
	}
}

func (s *Session) addReads(call *Call, part Part, requested int64, records []byte) {
	for _, b := range Batches(records) {
		s.Reads = append(s.Reads, Read{
			Part: part, Batch: b, API: call.Key, Version: call.Version, Requested: requested, Frame: len(s.Calls) - 1,
		})
	}
}

// produced takes the batches of a Produce request. A partition that is named twice counts as the broker takes it: the
// last one is appended, and one answer comes.
func (s *Session) produced(call *Call) {
	request := call.Request.(*kmsg.ProduceRequest)
	var order []Part
	last := map[Part][]Batch{}
	for _, t := range request.Topics {
		for _, p := range t.Partitions {
			part := Part{t.Topic, t.TopicID, p.Partition}
			if _, again := last[part]; !again {
				order = append(order, part)
			}
			last[part] = Batches(p.Records)
		}
	}
	answers := answersOf(call)
	for _, part := range order {
		answer, answered := answers[part]
		for _, b := range last[part] {
			s.addWrite(part, b, answer, answered)
		}
	}
}

type answer struct {
	base int64
	code int16
}

func answersOf(call *Call) map[Part]answer {
	answers := map[Part]answer{}
	if response, ok := call.Response.(*kmsg.ProduceResponse); ok {
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				answers[Part{t.Topic, t.TopicID, p.Partition}] = answer{p.BaseOffset, p.ErrorCode}
			}
		}
	}
	return answers
}

func (s *Session) addWrite(part Part, b Batch, a answer, answered bool) {
	w := Write{Part: part, Batch: b, Error: a.code, Unknown: !answered}
	if answered && a.code == 0 {
		w.Last = a.base + b.Last - b.First
		w.First = a.base
	}
	w.Again = s.wroteBefore(w)
	s.Writes = append(s.Writes, w)
}

// wroteBefore says whether w is a retry of an idempotent batch that was answered without an error before.
func (s *Session) wroteBefore(w Write) bool {
	if w.ProducerID < 0 || w.Unknown || w.Error != 0 {
		return false
	}
	for _, old := range s.Writes {
		if old.Part == w.Part && old.ProducerID == w.ProducerID && old.ProducerEpoch == w.ProducerEpoch &&
			old.Sequence == w.Sequence && !old.Unknown && old.Error == 0 {
			return true
		}
	}
	return false
}
