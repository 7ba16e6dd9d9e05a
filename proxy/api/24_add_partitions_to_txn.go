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
var addPartitionsToTxnRow = row[kmsg.AddPartitionsToTxnRequest, kmsg.AddPartitionsToTxnResponse](
	kmsg.AddPartitionsToTxn, deriveAddPartitionsToTxn, nil)

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
