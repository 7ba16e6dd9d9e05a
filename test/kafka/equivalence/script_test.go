package equivalence

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A script is what one user asks on one connection, a step after the other.
type script struct {
	name    string
	prepare func(*side) error // by the super user, past doorkeeper
	steps   []step
	listing bool              // the answer lists whatever there is: what other cases made is left out of it
	racing  bool              // which partitions are served is a race: of those that are, nothing is compared
	after   func(*side) error // by the super user, when the steps are done
	silent  []string          // topics that are written without an answer: where the connection is closed, the next case waits until both brokers have them
	// soon are more errors that go away in a moment; patience is how long an answer is waited for, 0: as long as usual.
	soon     []int16
	patience time.Duration
}

// A step makes the next request from the answers so far (of the same side; nil where the connection was closed). One
// for the API under test gets its version from the case, the others set their own.
type step func(past []kmsg.Response) kmsg.Request

// ask is a script of one request.
func ask(name string, make func() kmsg.Request) script {
	return script{name: name, steps: []step{func([]kmsg.Response) kmsg.Request { return make() }}}
}

// prepared adds what the super user does first.
func (s script) prepared(f func(*side) error) script {
	s.prepare = f
	return s
}

// lists marks a script whose answer lists whatever there is.
func (s script) lists() script {
	s.listing = true
	return s
}

// races marks a script whose answers hold what happens to be ready.
func (s script) races() script {
	s.racing = true
	return s
}

// cleaned adds what the super user does last.
func (s script) cleaned(f func(*side) error) script {
	s.after = f
	return s
}

// then is a script of several steps.
func then(name string, steps ...step) script { return script{name: name, steps: steps} }

// last returns the latest answer of a kind.
func last[R any](past []kmsg.Response) *R {
	for i := len(past) - 1; i >= 0; i-- {
		if r, ok := any(past[i]).(*R); ok && r != nil {
			return r
		}
	}
	return new(R)
}

// A batch of two messages as it was at a time that never changes, so that all brokers keep the same bytes.
func batch() []byte { return producerBatch(-1, -1, false) }

const batchTime = 1_700_000_000_000

func producerBatch(producer int64, epoch int16, transactional bool) []byte {
	var records []byte
	for i := range 2 {
		r := kmsg.Record{OffsetDelta: int32(i), Value: []byte("before the law")}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length of 0 takes one byte
		records = r.AppendTo(records)
	}
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: 1, FirstTimestamp: batchTime, MaxTimestamp: batchTime,
		ProducerID: producer, ProducerEpoch: epoch, FirstSequence: -1, NumRecords: 2, Records: records,
	}
	if producer >= 0 {
		b.FirstSequence = 0
	}
	if transactional {
		b.Attributes = 1 << 4
	}
	p := b.AppendTo(nil)
	binary.BigEndian.PutUint32(p[8:], uint32(len(p)-12))
	binary.BigEndian.PutUint32(p[17:], crc32.Checksum(p[21:], crc32.MakeTable(crc32.Castagnoli)))
	return p
}

// begin asks for a producer id for a transactional id.
func begin(txn string) step {
	return func([]kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrInitProducerIDRequest()
		q.SetVersion(5)
		q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = &txn, 60_000, -1, -1
		return q
	}
}

// producer is what begin was answered.
func producer(past []kmsg.Response) (int64, int16) {
	r := last[kmsg.InitProducerIDResponse](past)
	return r.ProducerID, r.ProducerEpoch
}

// addPartitions puts partition 0 of topics into the transaction.
func addPartitions(txn string, names []string) step {
	return func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrAddPartitionsToTxnRequest()
		q.SetVersion(3)
		q.TransactionalID = txn
		q.ProducerID, q.ProducerEpoch = producer(past)
		topics(&q.Topics, names, 0)
		return q
	}
}

// endTxn ends the transaction.
func endTxn(txn string, commit bool) step {
	return func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrEndTxnRequest()
		q.SetVersion(3)
		q.TransactionalID, q.Commit = txn, commit
		q.ProducerID, q.ProducerEpoch = producer(past)
		return q
	}
}

// member is the way of a classic consumer into a group that is new: join for an id, join with it, take the assignment.
func member(group string) []step {
	join := func(past []kmsg.Response) kmsg.Request {
		q := joinRequest(group)
		q.SetVersion(9)
		q.MemberID = last[kmsg.JoinGroupResponse](past).MemberID
		return q
	}
	return []step{join, join, func(past []kmsg.Response) kmsg.Request {
		q := syncRequest(group, past)
		q.SetVersion(5)
		return q
	}}
}

func joinRequest(group string) *kmsg.JoinGroupRequest {
	q := kmsg.NewPtrJoinGroupRequest()
	q.Group, q.SessionTimeoutMillis, q.RebalanceTimeoutMillis, q.ProtocolType = group, 30_000, 6_000, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	q.Protocols = append(q.Protocols, p)
	return q
}

func syncRequest(group string, past []kmsg.Response) *kmsg.SyncGroupRequest {
	joined := last[kmsg.JoinGroupResponse](past)
	q := kmsg.NewPtrSyncGroupRequest()
	q.Group, q.Generation, q.MemberID = group, joined.Generation, joined.MemberID
	q.ProtocolType, q.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	a.MemberID = joined.MemberID
	q.GroupAssignment = append(q.GroupAssignment, a)
	return q
}

// commits makes the super user commit an offset of every topic that is there, so that the groups are there.
func commits(groups ...string) func(*side) error {
	return func(s *side) error {
		for _, group := range groups {
			_, err := s.askReady(func() kmsg.Request {
				q := kmsg.NewPtrOffsetCommitRequest()
				q.SetVersion(9)
				q.Group, q.Generation = group, -1
				topics(&q.Topics, append(append([]string(nil), openTopics...), shutTopics...), 0)
				for i := range q.Topics {
					q.Topics[i].Partitions[0].Offset = 1
				}
				return q
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// makes makes the super user make topics.
func makes(names ...string) func(*side) error {
	return func(s *side) error { return s.makeTopics(names...) }
}

// removes makes the super user delete topics that may have been made, so that answers about all topics stay short.
func removes(names ...string) func(*side) error {
	return func(s *side) error {
		q := kmsg.NewPtrDeleteTopicsRequest()
		q.SetVersion(5)
		q.TimeoutMillis, q.TopicNames = 10_000, names
		_, err := s.asAdmin(q)
		return err
	}
}

// ends waits until no transaction under an id is on its way to its end: what comes next in a log must not depend on it.
func ends(txn string) func(*side) error {
	return func(s *side) error {
		return s.settled(func() (bool, error) {
			q := kmsg.NewPtrDescribeTransactionsRequest()
			q.TransactionalIDs = []string{txn}
			r, err := s.asAdmin(q)
			if err != nil {
				return false, err
			}
			return !strings.HasPrefix(r.(*kmsg.DescribeTransactionsResponse).TransactionStates[0].State, "Prepare"), nil
		})
	}
}
