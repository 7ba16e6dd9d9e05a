package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// EndTxn (key 26), versions 0 to 5 (KIP-98).
//
//   - v3: flexible; v4: TRANSACTION_ABORTABLE; v5: the next producer id and epoch in the answer (KIP-890)
//
// Actions: WRITE on the transactional id, for a commit and for an abort.
var endTxnRow = row[kmsg.EndTxnRequest, kmsg.EndTxnResponse](
	kmsg.EndTxn, deriveEndTxn, nil)

func deriveEndTxn(x *Exchange, q *kmsg.EndTxnRequest) error {
	x.TransactionalID = q.TransactionalID
	x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	return nil
}
