package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TxnOffsetCommit (key 28), versions 0 to 6 (KIP-98).
//
//   - v2: leader epochs (KIP-320); v3: flexible, member and generation (KIP-447)
//   - v4: TRANSACTION_ABORTABLE; v5: adds the group to the transaction by itself (KIP-890); v6: topics by id (KIP-1319)
//
// Actions: WRITE on the transactional id, READ on the group, READ on each topic.
//
// Denied: 53 or 30 on every partition of every topic, the transactional id first; else as in OffsetCommit. Refused: 14,
// to v1 15, as a broker says it to clients that could not bear 14 (KAFKA-7296).
//
// Kafka 4.3 ends at v5. By id (v6, Kafka 4.4) it is taken to go as in OffsetCommit.
var txnOffsetCommitRow = row[kmsg.TxnOffsetCommitRequest, kmsg.TxnOffsetCommitResponse](
	kmsg.TxnOffsetCommit, deriveTxnOffsetCommit, nil, denies(denyTxnOffsetCommit), retries(errCoordinatorLoading))

func deriveTxnOffsetCommit(x *Exchange, q *kmsg.TxnOffsetCommitRequest) error {
	x.TransactionalID, x.Group = q.TransactionalID, q.Group
	x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.AskTopic(access.OpRead, x.entry(q.Topics[i].Topic, q.Topics[i].TopicID))
	}
	return nil
}

func denyTxnOffsetCommit(x *Exchange, q *kmsg.TxnOffsetCommitRequest) (*kmsg.TxnOffsetCommitResponse, error) {
	r := kmsg.NewPtrTxnOffsetCommitResponse()
	code := x.txnError(q.TransactionalID)
	if code == 0 {
		code = x.groupError(access.OpRead, q.Group)
	}
	if code != 0 {
		for i := range q.Topics {
			r.Topics = append(r.Topics, txnOffsetCommitError(&q.Topics[i], q.Version, code))
		}
		return r, nil
	}
	order := newOrder(q.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) topicKey { return topicKey{t.Topic, t.TopicID} })
	kept, denied := take(q.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) (kmsg.TxnOffsetCommitResponseTopic, bool) {
		code := x.entryError(access.OpRead, t.Topic, t.TopicID, q.Version >= 6)
		return txnOffsetCommitError(t, q.Version, code), code != 0
	})
	denied = folded(denied, txnOffsetCommitKey, func(to, from *kmsg.TxnOffsetCommitResponseTopic) {
		to.Partitions = append(to.Partitions, from.Partitions...)
	})
	if len(kept) == 0 {
		r.Topics = entries(denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.TxnOffsetCommitResponse) {
		r.Topics = insert(r.Topics, denied, func(at int, t *kmsg.TxnOffsetCommitResponseTopic) bool {
			return !slices.ContainsFunc(t.Partitions, txnOffsetCommitUnknown) || at < order[txnOffsetCommitKey(t)]
		})
	})
	return nil, nil
}

func txnOffsetCommitKey(t *kmsg.TxnOffsetCommitResponseTopic) topicKey {
	return topicKey{t.Topic, t.TopicID}
}

// txnOffsetCommitUnknown says whether a partition failed before the coordinator was asked.
func txnOffsetCommitUnknown(p kmsg.TxnOffsetCommitResponseTopicPartition) bool {
	return unknownTopic(p.ErrorCode)
}

func txnOffsetCommitError(t *kmsg.TxnOffsetCommitRequestTopic, version, code int16) kmsg.TxnOffsetCommitResponseTopic {
	if version < 2 && code == errCoordinatorLoading {
		code = errCoordinatorAbsent
	}
	r := kmsg.NewTxnOffsetCommitResponseTopic()
	r.Topic, r.TopicID = t.Topic, t.TopicID
	for i := range t.Partitions {
		p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = t.Partitions[i].Partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}
