package protocol_test

import (
	"encoding/binary"
	"errors"
	"fmt"

	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The oracle tells what a scanner should have told, from what kmsg decoded. It sees record sets whole.

var errWalk = errors.New("oracle: bad batch")

func (j *journal) fetchResponse(correlation int32, r *kmsg.FetchResponse) error {
	j.add("head correlation=%d throttle=%d error=%d session=%d lock=0 topics=%d", correlation, r.ThrottleMillis, r.ErrorCode, r.SessionID, len(r.Topics))
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			e := protocol.FetchPartition{
				Name: []byte(t.Topic), ID: t.TopicID, Index: p.Partition, Error: p.ErrorCode,
				HighWatermark: p.HighWatermark, LastStable: -1, LogStart: -1, Aborted: -1, PreferredReplica: -1,
				LeaderID: -1, LeaderEpoch: -1, RecordBytes: nullLength(p.RecordBatches),
			}
			if r.Version >= 4 {
				e.LastStable = p.LastStableOffset
				if p.AbortedTransactions != nil {
					e.Aborted = int32(len(p.AbortedTransactions))
				}
			}
			if r.Version >= 5 {
				e.LogStart = p.LogStartOffset
			}
			if r.Version >= 11 {
				e.PreferredReplica = p.PreferredReadReplica
			}
			j.add("partition %s", printPartition(&e))
			if err := j.walk(p.RecordBatches); err != nil {
				return err
			}
		}
	}
	j.end()
	return nil
}

func (j *journal) shareFetchResponse(correlation int32, r *kmsg.ShareFetchResponse) error {
	j.add("head correlation=%d throttle=%d error=%d session=0 lock=%d topics=%d", correlation, r.ThrottleMillis, r.ErrorCode, r.AcquisitionLockTimeoutMillis, len(r.Topics))
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			e := protocol.FetchPartition{
				ID: t.TopicID, Index: p.Partition, Error: p.ErrorCode, AckError: p.AcknowledgeErrorCode,
				HighWatermark: -1, LastStable: -1, LogStart: -1, Aborted: -1, PreferredReplica: -1,
				LeaderID: p.CurrentLeader.LeaderID, LeaderEpoch: p.CurrentLeader.LeaderEpoch, RecordBytes: nullLength(p.Records),
			}
			j.add("partition %s", printPartition(&e))
			if err := j.walk(p.Records); err != nil {
				return err
			}
			for _, a := range p.AcquiredRecords {
				j.add("acquired %d-%d %d", a.FirstOffset, a.LastOffset, a.DeliveryCount)
			}
		}
	}
	j.end()
	return nil
}

func (j *journal) produceRequest(r *kmsg.ProduceRequest) error {
	var txn []byte
	if r.TransactionID != nil {
		txn = append([]byte{}, *r.TransactionID...)
	}
	j.add("head txn=%s acks=%d timeout=%d topics=%d", nullable(txn), r.Acks, r.TimeoutMillis, len(r.Topics))
	for _, t := range r.Topics {
		j.add("topic %q %x partitions=%d", t.Topic, t.TopicID, len(t.Partitions))
		for _, p := range t.Partitions {
			j.add("partition %d records=%d", p.Partition, nullLength(p.Records))
			if err := j.walk(p.Records); err != nil {
				return err
			}
		}
	}
	j.end()
	return nil
}

func nullLength(b []byte) int64 {
	if b == nil {
		return -1
	}
	return int64(len(b))
}

// walk takes the batches of a record set in order.
func (j *journal) walk(set []byte) error {
	for len(set) > 0 {
		b, err := walkOne(set)
		if err != nil {
			return err
		}
		j.batch(&b)
		set = set[b.Have:]
	}
	return nil
}

// walkOne reads one batch from its fields' places, one by one, as far as they are there.
func walkOne(set []byte) (protocol.Batch, error) {
	b := protocol.Batch{Have: int64(len(set)), Cut: true, Magic: -1, LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, MaxTimestamp: -1}
	has := func(n int) bool { return len(set) >= n }
	if has(8) {
		b.HasBase, b.BaseOffset = true, int64(binary.BigEndian.Uint64(set))
	}
	if has(12) {
		b.Length = 12 + int64(int32(binary.BigEndian.Uint32(set[8:])))
		if b.Length < 26 {
			return b, errWalk
		}
		b.Cut, b.Have = b.Length > int64(len(set)), min(b.Length, int64(len(set)))
	}
	if !has(17) {
		if has(12) && !b.Cut {
			return b, errWalk
		}
		return b, nil
	}
	b.Magic = int8(set[16])
	switch {
	case b.Magic == 2 && b.Length >= 61:
		return b, walkV2(&b, set[:b.Have])
	case b.Magic == 0, b.Magic == 1 && b.Length >= 34:
		walkOld(&b, set[:b.Have])
		return b, nil
	}
	return b, errWalk
}

func walkV2(b *protocol.Batch, set []byte) error {
	head := make([]byte, 61) // what did not come is zero here, and taken back below
	copy(head, set)
	binary.BigEndian.PutUint32(head[8:], 49)
	var k kmsg.RecordBatch
	if err := k.ReadFrom(head); err != nil {
		return err
	}
	n := len(set)
	b.LeaderEpoch = k.PartitionLeaderEpoch
	if n >= 21 {
		b.CRC = uint32(k.CRC)
	}
	if n >= 23 {
		b.Attributes = k.Attributes
	}
	if n >= 27 {
		b.HasLast, b.LastOffset = true, k.FirstOffset+int64(k.LastOffsetDelta)
		if k.LastOffsetDelta < 0 || b.LastOffset < k.FirstOffset {
			return errWalk
		}
	}
	if n >= 43 {
		b.MaxTimestamp = k.MaxTimestamp
	}
	if n >= 51 {
		b.ProducerID = k.ProducerID
	}
	if n >= 53 {
		b.ProducerEpoch = k.ProducerEpoch
	}
	if n >= 57 {
		b.BaseSequence = k.FirstSequence
	}
	if n >= 61 {
		b.Records = k.NumRecords
	}
	if b.Records < 0 {
		return errWalk
	}
	return nil
}

func walkOld(b *protocol.Batch, set []byte) {
	b.CRC = binary.BigEndian.Uint32(set[12:])
	b.HasLast, b.LastOffset, b.HasBase, b.Estimated = true, b.BaseOffset, false, true
	if len(set) < 18 {
		return
	}
	b.Attributes = int16(set[17])
	if b.Attributes&7 == 0 {
		b.HasBase, b.Estimated, b.Records = true, false, 1
	}
	if b.Magic == 1 && len(set) >= 26 {
		b.MaxTimestamp = int64(binary.BigEndian.Uint64(set[18:]))
	}
}

// printFetchRequest and its like print the same from our struct and from kmsg's.
func printFetchRequest(r *protocol.FetchRequest) string {
	s := fmt.Sprintf("replica=%d/%d wait=%d min=%d max=%d iso=%d session=%d/%d rack=%s cluster=%s", r.ReplicaID, r.ReplicaEpoch, r.MaxWait, r.MinBytes, r.MaxBytes, r.Isolation, r.SessionID, r.SessionEpoch, r.Rack, nullable(r.ClusterID))
	for _, t := range r.Topics {
		s += fmt.Sprintf("\n%q %x", t.Name, t.ID)
		for _, p := range r.Partitions[t.First : t.First+t.Count] {
			s += fmt.Sprintf("\n  %d epoch=%d/%d at=%d start=%d max=%d", p.Index, p.LeaderEpoch, p.LastEpoch, p.Offset, p.LogStart, p.MaxBytes)
		}
	}
	for _, t := range r.Forgotten {
		s += fmt.Sprintf("\nforget %q %x %v", t.Name, t.ID, r.ForgottenIDs[t.First:t.First+t.Count])
	}
	return s
}

func printKmsgFetchRequest(r *kmsg.FetchRequest) string {
	replica, epoch := r.ReplicaID, int64(-1)
	if r.Version >= 15 {
		replica, epoch = r.ReplicaState.ID, r.ReplicaState.Epoch
	}
	var cluster []byte
	if r.ClusterID != nil {
		cluster = append([]byte{}, *r.ClusterID...)
	}
	most := r.MaxBytes
	if r.Version < 3 {
		most = 1<<31 - 1
	}
	s := fmt.Sprintf("replica=%d/%d wait=%d min=%d max=%d iso=%d session=%d/%d rack=%s cluster=%s", replica, epoch, r.MaxWaitMillis, r.MinBytes, most, r.IsolationLevel, r.SessionID, r.SessionEpoch, r.Rack, nullable(cluster))
	for _, t := range r.Topics {
		s += fmt.Sprintf("\n%q %x", t.Topic, t.TopicID)
		for _, p := range t.Partitions {
			s += fmt.Sprintf("\n  %d epoch=%d/%d at=%d start=%d max=%d", p.Partition, p.CurrentLeaderEpoch, p.LastFetchedEpoch, p.FetchOffset, p.LogStartOffset, p.PartitionMaxBytes)
		}
	}
	for _, t := range r.ForgottenTopics {
		s += fmt.Sprintf("\nforget %q %x %v", t.Topic, t.TopicID, t.Partitions)
	}
	return s
}

func printShareFetchRequest(r *protocol.ShareFetchRequest) string {
	s := fmt.Sprintf("%s %s %d wait=%d min=%d max=%d/%d batch=%d mode=%d renew=%v", nullable(r.Group), nullable(r.Member), r.SessionEpoch, r.MaxWait, r.MinBytes, r.MaxBytes, r.MaxRecords, r.BatchSize, r.AcquireMode, r.RenewAck)
	for _, t := range r.Topics {
		s += fmt.Sprintf("\n%x", t.ID)
		for _, p := range r.Partitions[t.First : t.First+t.Count] {
			s += fmt.Sprintf("\n  %d max=%d acks=%d", p.Index, p.MaxBytes, p.Acks)
		}
	}
	for _, t := range r.Forgotten {
		s += fmt.Sprintf("\nforget %x %v", t.ID, r.ForgottenIDs[t.First:t.First+t.Count])
	}
	return s
}

func printKmsgShareFetchRequest(r *kmsg.ShareFetchRequest) string {
	text := func(s *string) []byte {
		if s == nil {
			return nil
		}
		return append([]byte{}, *s...)
	}
	s := fmt.Sprintf("%s %s %d wait=%d min=%d max=%d/%d batch=%d mode=%d renew=%v", nullable(text(r.GroupID)), nullable(text(r.MemberID)), r.ShareSessionEpoch, r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.MaxRecords, r.BatchSize, r.ShareAcquireMode, r.IsRenewAck)
	for _, t := range r.Topics {
		s += fmt.Sprintf("\n%x", t.TopicID)
		for _, p := range t.Partitions {
			s += fmt.Sprintf("\n  %d max=%d acks=%d", p.Partition, p.PartitionMaxBytes, len(p.AcknowledgementBatches))
		}
	}
	for _, t := range r.ForgottenTopicsData {
		s += fmt.Sprintf("\nforget %x %v", t.TopicID, t.Partitions)
	}
	return s
}

func printProduceResponse(r *protocol.ProduceResponse) string {
	s := fmt.Sprintf("throttle=%d endpoints=%v", r.Throttle, r.HasEndpoints)
	for _, p := range r.Parts {
		s += fmt.Sprintf("\n%q %x-%d error=%d base=%d time=%d start=%d %s", p.TopicName, p.TopicID, p.Index, p.Error, p.BaseOffset, p.LogAppendTime, p.LogStart, nullable(p.Message))
	}
	return s
}

func printKmsgProduceResponse(r *kmsg.ProduceResponse) string {
	s := fmt.Sprintf("throttle=%d endpoints=%v", r.ThrottleMillis, len(r.Brokers) > 0)
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			var message []byte
			if p.ErrorMessage != nil {
				message = append([]byte{}, *p.ErrorMessage...)
			}
			s += fmt.Sprintf("\n%q %x-%d error=%d base=%d time=%d start=%d %s", t.Topic, t.TopicID, p.Partition, p.ErrorCode, p.BaseOffset, p.LogAppendTime, p.LogStartOffset, nullable(message))
		}
	}
	return s
}
