package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AddOffsetsToTxn (key 25), versions 0 to 4 (KIP-98).
//
//   - v3: flexible; v4: TRANSACTION_ABORTABLE (KIP-890)
//
// Actions: WRITE on the transactional id, READ on the group. Denied: 53, or else 30. Refused: 14.
var addOffsetsToTxnRow = row[kmsg.AddOffsetsToTxnRequest, kmsg.AddOffsetsToTxnResponse](
	kmsg.AddOffsetsToTxn, deriveAddOffsetsToTxn, nil, denies(denyAddOffsetsToTxn), retries(errCoordinatorLoading))

func deriveAddOffsetsToTxn(x *Exchange, q *kmsg.AddOffsetsToTxnRequest) error {
	x.TransactionalID, x.Group = q.TransactionalID, q.Group
	x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	x.Ask(access.OpRead, access.ResGroup, q.Group)
	return nil
}

func denyAddOffsetsToTxn(x *Exchange, q *kmsg.AddOffsetsToTxnRequest) (*kmsg.AddOffsetsToTxnResponse, error) {
	r := kmsg.NewPtrAddOffsetsToTxnResponse()
	if r.ErrorCode = x.txnError(q.TransactionalID); r.ErrorCode == 0 {
		r.ErrorCode = x.groupError(access.OpRead, q.Group)
	}
	return r, nil
}
