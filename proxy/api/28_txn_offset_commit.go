package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TxnOffsetCommit (key 28), versions 0 to 6 (KIP-98).
//
//   - v2: leader epochs (KIP-320); v3: flexible, member and generation (KIP-447)
//   - v4: TRANSACTION_ABORTABLE; v5: adds the group to the transaction by itself (KIP-890); v6: topics by id (KIP-1319)
//
// Actions: WRITE on the transactional id, READ on the group, READ on each topic.
var txnOffsetCommitRow = row[kmsg.TxnOffsetCommitRequest, kmsg.TxnOffsetCommitResponse](
	kmsg.TxnOffsetCommit, deriveTxnOffsetCommit, nil)

func deriveTxnOffsetCommit(x *Exchange, q *kmsg.TxnOffsetCommitRequest) error {
	x.TransactionalID, x.Group = q.TransactionalID, q.Group
	x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	for i := range q.Topics {
		x.AskTopic(access.OpRead, x.entry(q.Topics[i].Topic, q.Topics[i].TopicID))
	}
	return nil
}
