package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AddOffsetsToTxn (key 25), versions 0 to 4 (KIP-98).
//
//   - v3: flexible; v4: TRANSACTION_ABORTABLE (KIP-890)
//
// Actions: WRITE on the transactional id, READ on the group.
var addOffsetsToTxnRow = row[kmsg.AddOffsetsToTxnRequest, kmsg.AddOffsetsToTxnResponse](
	kmsg.AddOffsetsToTxn, deriveAddOffsetsToTxn, nil)

func deriveAddOffsetsToTxn(x *Exchange, q *kmsg.AddOffsetsToTxnRequest) error {
	x.TransactionalID, x.Group = q.TransactionalID, q.Group
	x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}
