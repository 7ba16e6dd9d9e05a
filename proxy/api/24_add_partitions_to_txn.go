package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AddPartitionsToTxn (key 24), versions 0 to 5 (KIP-98).
//
//   - v3: flexible; v4: several transactions, between brokers (KIP-890); v5: TRANSACTION_ABORTABLE
//
// Actions: WRITE on each transactional id, WRITE on each topic. From v4 Kafka asks CLUSTER_ACTION and nothing else;
// since that would let one who has it write under any id, ids and topics are asked all the same.
//
// Denied: without CLUSTER_ACTION 31 beside an otherwise empty answer. An id 53 on all its partitions. A topic 29 on its
// partitions, and then nothing of the transaction is done: partitions that do not exist get 3 (to v3; the broker is
// asked), all others 55; each partition once, in the orders of a Scala map and then
// of a HashMap of topics. Refused: 14.
var addPartitionsToTxnRow = row[kmsg.AddPartitionsToTxnRequest, kmsg.AddPartitionsToTxnResponse](
	kmsg.AddPartitionsToTxn, deriveAddPartitionsToTxn, nil,
	inquires(askAddedPartitions), denies(denyAddPartitionsToTxn), retries(errCoordinatorLoading))

func deriveAddPartitionsToTxn(x *Exchange, q *kmsg.AddPartitionsToTxnRequest) error {
	if q.Version < 4 {
		x.TransactionalID = q.TransactionalID
		x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
		for i := range q.Topics {
			x.askTopicName(access.OpWrite, q.Topics[i].Topic)
		}
		return nil
	}
	x.AskCluster(access.OpClusterAction)
	if len(q.Transactions) == 1 {
		x.TransactionalID = q.Transactions[0].TransactionalID
	}
	for i := range q.Transactions {
		t := &q.Transactions[i]
		x.Ask(access.OpWrite, access.ResTransactionalID, t.TransactionalID)
		for j := range t.Topics {
			x.askTopicName(access.OpWrite, t.Topics[j].Topic)
		}
	}
	return nil
}

// askAddedPartitions asks which of the partitions exist, where a topic is denied and others are not.
func askAddedPartitions(x *Exchange, q *kmsg.AddPartitionsToTxnRequest) []kmsg.Request {
	if q.Version >= 4 || x.txnError(q.TransactionalID) != 0 {
		return nil
	}
	var allowed []string
	for i := range q.Topics {
		if t := &q.Topics[i]; x.topicError(access.OpWrite, t.Topic) == 0 {
			allowed = append(allowed, t.Topic)
		}
	}
	return existence(allowed)
}

func denyAddPartitionsToTxn(x *Exchange, q *kmsg.AddPartitionsToTxnRequest) (*kmsg.AddPartitionsToTxnResponse, error) {
	if q.Version >= 4 {
		return denyTransactions(x, q)
	}
	r := kmsg.NewPtrAddPartitionsToTxnResponse()
	if code := x.txnError(q.TransactionalID); code != 0 {
		for i := range q.Topics {
			r.Topics = append(r.Topics, addedError(&q.Topics[i], code))
		}
		return r, nil
	}
	found := x.found()
	denied := false
	var errs grouped[kmsg.AddPartitionsToTxnResponseTopicPartition]
	for i := range q.Topics {
		t := &q.Topics[i]
		code := x.topicError(access.OpWrite, t.Topic)
		for _, partition := range t.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			p.Partition, p.ErrorCode = partition, code
			switch {
			case code != 0:
				denied = true
			case found.lacks(t.Topic, partition):
				p.ErrorCode = errUnknownTopic
			default:
				p.ErrorCode = errNotAttempted
			}
			errs.add(t.Topic, partition, p)
		}
	}
	if !denied { // a denied topic of which no partition was named
		return nil, nil
	}
	errs = errs.in(mutableOrder(errs.keys, len(errs.keys), partitionHash))
	for _, name := range hashOrder(errs.names) {
		t := kmsg.NewAddPartitionsToTxnResponseTopic()
		t.Topic, t.Partitions = name, errs.of[name]
		r.Topics = append(r.Topics, t)
	}
	return r, nil
}

func addedError(t *kmsg.AddPartitionsToTxnRequestTopic, code int16) kmsg.AddPartitionsToTxnResponseTopic {
	r := kmsg.NewAddPartitionsToTxnResponseTopic()
	r.Topic = t.Topic
	for _, partition := range t.Partitions {
		p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
		p.Partition, p.ErrorCode = partition, code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}

// denyTransactions is denyAddPartitionsToTxn for several transactions.
func denyTransactions(x *Exchange, q *kmsg.AddPartitionsToTxnRequest) (*kmsg.AddPartitionsToTxnResponse, error) {
	r := kmsg.NewPtrAddPartitionsToTxnResponse()
	if r.ErrorCode = x.clusterError(access.OpClusterAction); r.ErrorCode != 0 {
		return r, nil
	}
	kept, denied := take(q.Transactions, x.denyTransaction)
	if len(kept) == 0 {
		r.Transactions = entries(denied)
		return r, nil
	}
	q.Transactions = kept
	merges(x, func(r *kmsg.AddPartitionsToTxnResponse) { r.Transactions = append(r.Transactions, entries(denied)...) })
	return nil, nil
}

func (x *Exchange) denyTransaction(t *kmsg.AddPartitionsToTxnRequestTransaction) (r kmsg.AddPartitionsToTxnResponseTransaction, denied bool) {
	whole := x.txnError(t.TransactionalID)
	var errs grouped[kmsg.AddPartitionsToTxnResponseTransactionTopicPartition]
	for i := range t.Topics {
		code := whole
		if code == 0 {
			code = x.topicError(access.OpWrite, t.Topics[i].Topic)
		}
		denied = denied || code != 0
		if code == 0 {
			code = errNotAttempted
		}
		for _, partition := range t.Topics[i].Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			p.Partition, p.ErrorCode = partition, code
			errs.add(t.Topics[i].Topic, partition, p)
		}
	}
	r = kmsg.NewAddPartitionsToTxnResponseTransaction()
	r.TransactionalID = t.TransactionalID
	for _, name := range hashOrder(errs.names) {
		topic := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		topic.Topic, topic.Partitions = name, errs.of[name]
		r.Topics = append(r.Topics, topic)
	}
	return r, denied || whole != 0
}
