package protocol_test

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Makers of random, valid messages. All that they draw comes from one seeded source, so that a failure comes back.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 20))} }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m maker) text(most int) string {
	b := make([]byte, m.IntN(most+1))
	for i := range b {
		b[i] = byte('a' + m.IntN(26))
	}
	return string(b)
}

func (m maker) nullText(most int) *string {
	if m.chance(40) {
		return nil
	}
	s := m.text(most)
	return &s
}

func (m maker) id() (id [16]byte) {
	for i := range id {
		id[i] = byte(m.IntN(256))
	}
	return id
}

func (m maker) blob(most int) []byte {
	b := make([]byte, m.IntN(most+1))
	for i := range b {
		b[i] = byte(m.IntN(256))
	}
	return b
}

// tags sets unknown tagged fields now and then.
func (m maker) tags(t *kmsg.Tags) {
	for m.chance(15) {
		t.Set(uint32(10+m.IntN(300)), m.blob(200))
	}
}

// batch appends one batch of format 2 with a body that is noise.
func (m maker) batch(dst []byte) []byte {
	body := m.blob(300)
	b := kmsg.RecordBatch{
		FirstOffset:          m.Int64N(1 << 40),
		Length:               int32(49 + len(body)),
		PartitionLeaderEpoch: m.Int32N(100) - 1,
		Magic:                2,
		CRC:                  int32(m.Uint32()),
		Attributes:           int16(m.IntN(0x80)),
		LastOffsetDelta:      m.Int32N(1000),
		FirstTimestamp:       m.Int64N(1 << 41),
		MaxTimestamp:         m.Int64N(1 << 41),
		ProducerID:           m.Int64N(1000) - 1,
		ProducerEpoch:        int16(m.IntN(10) - 1),
		FirstSequence:        m.Int32N(1000) - 1,
		NumRecords:           m.Int32N(1000),
		Records:              body,
	}
	return b.AppendTo(dst)
}

// oldMessage appends one entry of format 0 or 1; with a codec it is a wrapper.
func (m maker) oldMessage(dst []byte) []byte {
	key, value := m.blob(20), m.blob(200)
	attributes := int8(m.IntN(4))
	if m.chance(50) {
		v := kmsg.MessageV0{Offset: m.Int64N(1 << 40), CRC: int32(m.Uint32()), Magic: 0, Attributes: attributes, Key: key, Value: value}
		v.MessageSize = int32(len(v.AppendTo(nil)) - 12)
		return v.AppendTo(dst)
	}
	v := kmsg.MessageV1{Offset: m.Int64N(1 << 40), CRC: int32(m.Uint32()), Magic: 1, Attributes: attributes, Timestamp: m.Int64N(1 << 41), Key: key, Value: value}
	v.MessageSize = int32(len(v.AppendTo(nil)) - 12)
	return v.AppendTo(dst)
}

// records returns a record set: null, empty, of new or old batches, and often cut where a broker's byte limit fell.
func (m maker) records() []byte {
	switch m.IntN(10) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	b := []byte{}
	last := 0
	for range 1 + m.IntN(4) {
		last = len(b)
		if m.chance(25) {
			b = m.oldMessage(b)
		} else {
			b = m.batch(b)
		}
	}
	switch m.IntN(3) {
	case 0: // cut within the last batch's header
		return b[:last+m.IntN(min(62, len(b)-last))]
	case 1:
		return b[:last+m.IntN(len(b)-last)]
	}
	return b
}

func (m maker) fetchResponse(version int16) *kmsg.FetchResponse {
	r := kmsg.NewPtrFetchResponse()
	r.Version, r.ThrottleMillis, r.ErrorCode, r.SessionID = version, m.Int32N(1000), int16(m.IntN(100)), m.Int32()
	for range m.IntN(4) {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = m.text(30), m.id()
		for range m.IntN(4) {
			t.Partitions = append(t.Partitions, m.fetchPartition())
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	if m.chance(50) {
		for range m.IntN(4) {
			b := kmsg.NewFetchResponseBroker()
			b.NodeID, b.Host, b.Port, b.Rack = m.Int32N(100), m.text(60), m.Int32N(65536), m.nullText(10)
			m.tags(&b.UnknownTags)
			r.Brokers = append(r.Brokers, b)
		}
	}
	m.tags(&r.UnknownTags)
	return r
}

func (m maker) fetchPartition() kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.HighWatermark = m.Int32N(1000), int16(m.IntN(100)), m.Int64N(1<<40)
	p.LastStableOffset, p.LogStartOffset, p.PreferredReadReplica = m.Int64N(1<<40), m.Int64N(1<<40), m.Int32N(9)-1
	for range m.IntN(4) {
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = m.Int64N(1000), m.Int64N(1<<40)
		m.tags(&a.UnknownTags)
		p.AbortedTransactions = append(p.AbortedTransactions, a)
	}
	if m.chance(20) {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = m.Int32N(9), m.Int64N(1000)
		m.tags(&p.DivergingEpoch.UnknownTags)
	}
	if m.chance(20) {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = m.Int32N(9), m.Int32N(1000)
	}
	if m.chance(20) {
		p.SnapshotID.EndOffset, p.SnapshotID.Epoch = m.Int64N(9), m.Int32N(1000)
	}
	p.RecordBatches = m.records()
	m.tags(&p.UnknownTags)
	return p
}

func (m maker) shareFetchResponse(version int16) *kmsg.ShareFetchResponse {
	r := kmsg.NewPtrShareFetchResponse()
	r.Version, r.ThrottleMillis, r.ErrorCode, r.ErrorMessage = version, m.Int32N(1000), int16(m.IntN(100)), m.nullText(40)
	r.AcquisitionLockTimeoutMillis = m.Int32N(1000)
	for range m.IntN(4) {
		t := kmsg.NewShareFetchResponseTopic()
		t.TopicID = m.id()
		for range m.IntN(4) {
			t.Partitions = append(t.Partitions, m.sharePartition())
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	if m.chance(60) {
		for range m.IntN(4) {
			b := kmsg.NewShareFetchResponseNodeEndpoint()
			b.NodeID, b.Host, b.Port, b.Rack = m.Int32N(100), m.text(120), m.Int32N(65536), m.nullText(10)
			m.tags(&b.UnknownTags)
			r.NodeEndpoints = append(r.NodeEndpoints, b)
		}
	}
	m.tags(&r.UnknownTags)
	return r
}

func (m maker) sharePartition() kmsg.ShareFetchResponseTopicPartition {
	p := kmsg.NewShareFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.ErrorMessage = m.Int32N(1000), int16(m.IntN(100)), m.nullText(20)
	p.AcknowledgeErrorCode, p.AcknowledgeErrorMessage = int16(m.IntN(100)), m.nullText(20)
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = m.Int32N(9), m.Int32N(1000)
	p.Records = m.records()
	for range m.IntN(4) {
		a := kmsg.NewShareFetchResponseTopicPartitionAcquiredRecord()
		a.FirstOffset, a.LastOffset, a.DeliveryCount = m.Int64N(1000), m.Int64N(1000), int16(m.IntN(5))
		m.tags(&a.UnknownTags)
		p.AcquiredRecords = append(p.AcquiredRecords, a)
	}
	m.tags(&p.UnknownTags)
	return p
}

func (m maker) produceRequest(version int16) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.TransactionID, r.Acks, r.TimeoutMillis = version, m.nullText(30), int16(m.IntN(3)-1), m.Int32N(60000)
	for range m.IntN(4) {
		t := kmsg.NewProduceRequestTopic()
		t.Topic, t.TopicID = m.text(30), m.id()
		for range m.IntN(4) {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition, p.Records = m.Int32N(1000), m.records()
			m.tags(&p.UnknownTags)
			t.Partitions = append(t.Partitions, p)
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	m.tags(&r.UnknownTags)
	return r
}

func (m maker) produceResponse(version int16) *kmsg.ProduceResponse {
	r := kmsg.NewPtrProduceResponse()
	r.Version, r.ThrottleMillis = version, m.Int32N(1000)
	for range m.IntN(4) {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = m.text(30), m.id()
		for range m.IntN(4) {
			t.Partitions = append(t.Partitions, m.producePartition())
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	for range m.IntN(3) {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = m.Int32N(100), m.text(60), m.Int32N(65536), m.nullText(10)
		r.Brokers = append(r.Brokers, b)
	}
	m.tags(&r.UnknownTags)
	return r
}

func (m maker) producePartition() kmsg.ProduceResponseTopicPartition {
	p := kmsg.NewProduceResponseTopicPartition()
	p.Partition, p.ErrorCode, p.BaseOffset = m.Int32N(1000), int16(m.IntN(100)), m.Int64N(1<<40)
	p.LogAppendTime, p.LogStartOffset, p.ErrorMessage = m.Int64N(1<<40), m.Int64N(1<<40), m.nullText(40)
	for range m.IntN(3) {
		e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		e.RelativeOffset, e.ErrorMessage = m.Int32N(100), m.nullText(20)
		p.ErrorRecords = append(p.ErrorRecords, e)
	}
	if m.chance(30) {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = m.Int32N(9), m.Int32N(1000)
	}
	m.tags(&p.UnknownTags)
	return p
}

func (m maker) fetchRequest(version int16) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.Version, r.MaxWaitMillis, r.MinBytes, r.MaxBytes = version, m.Int32N(1000), m.Int32N(1000), m.Int32N(1<<30)
	r.IsolationLevel, r.SessionID, r.SessionEpoch, r.Rack = int8(m.IntN(2)), m.Int32(), m.Int32N(100), m.text(10)
	if version < 15 {
		r.ReplicaID = m.Int32N(9) - 2
	} else if m.chance(30) {
		r.ReplicaState.ID, r.ReplicaState.Epoch = m.Int32N(9), m.Int64N(9)
	}
	if m.chance(20) {
		r.ClusterID = m.nullText(20)
	}
	for range m.IntN(4) {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = m.text(30), m.id()
		for range m.IntN(4) {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.CurrentLeaderEpoch, p.FetchOffset = m.Int32N(1000), m.Int32N(100), m.Int64N(1<<40)
			p.LastFetchedEpoch, p.LogStartOffset, p.PartitionMaxBytes = m.Int32N(100), m.Int64N(1<<40), m.Int32N(1<<20)
			if m.chance(20) && version >= 17 {
				p.ReplicaDirectoryID = m.id()
			}
			if m.chance(20) && version >= 18 {
				p.HighWatermark = m.Int64N(1000)
			}
			m.tags(&p.UnknownTags)
			t.Partitions = append(t.Partitions, p)
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	for range m.IntN(3) {
		t := kmsg.NewFetchRequestForgottenTopic()
		t.Topic, t.TopicID = m.text(30), m.id()
		for range m.IntN(4) {
			t.Partitions = append(t.Partitions, m.Int32N(1000))
		}
		r.ForgottenTopics = append(r.ForgottenTopics, t)
	}
	m.tags(&r.UnknownTags)
	return r
}

func (m maker) shareFetchRequest(version int16) *kmsg.ShareFetchRequest {
	r := kmsg.NewPtrShareFetchRequest()
	r.Version, r.GroupID, r.MemberID, r.ShareSessionEpoch = version, m.nullText(20), m.nullText(20), m.Int32N(100)
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.MaxRecords = m.Int32N(1000), m.Int32N(1000), m.Int32N(1<<30), m.Int32N(1000)
	r.BatchSize, r.ShareAcquireMode, r.IsRenewAck = m.Int32N(1000), int8(m.IntN(2)), m.chance(50)
	for range m.IntN(4) {
		t := kmsg.NewShareFetchRequestTopic()
		t.TopicID = m.id()
		for range m.IntN(4) {
			p := kmsg.NewShareFetchRequestTopicPartition()
			p.Partition, p.PartitionMaxBytes = m.Int32N(1000), m.Int32N(1<<20)
			for range m.IntN(4) {
				a := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
				a.FirstOffset, a.LastOffset = m.Int64N(1000), m.Int64N(1000)
				for range m.IntN(4) {
					a.AcknowledgeTypes = append(a.AcknowledgeTypes, int8(m.IntN(4)))
				}
				m.tags(&a.UnknownTags)
				p.AcknowledgementBatches = append(p.AcknowledgementBatches, a)
			}
			m.tags(&p.UnknownTags)
			t.Partitions = append(t.Partitions, p)
		}
		m.tags(&t.UnknownTags)
		r.Topics = append(r.Topics, t)
	}
	for range m.IntN(3) {
		t := kmsg.NewShareFetchRequestForgottenTopicsData()
		t.TopicID = m.id()
		for range m.IntN(4) {
			t.Partitions = append(t.Partitions, m.Int32N(1000))
		}
		r.ForgottenTopicsData = append(r.ForgottenTopicsData, t)
	}
	m.tags(&r.UnknownTags)
	return r
}

// frame puts the response header in front of a body: correlation id 7, and tagged fields where the version has them.
func (m maker) frame(r kmsg.Response) []byte {
	dst := binary.BigEndian.AppendUint32(nil, 7)
	if r.IsFlexible() {
		var tags kmsg.Tags
		m.tags(&tags)
		dst = append(dst, byte(tags.Len()))
		dst = tags.AppendEach(dst)
	}
	return r.AppendTo(dst)
}
