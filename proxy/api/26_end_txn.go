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
//
// Denied: 53, producer id and epoch -1. Refused: 14. But who had the right within the transaction's timeout may still
// abort, so that a producer that lost it in the middle does not stall its readers: a difference to Kafka, which asks the
// same for both.
var endTxnRow = row[kmsg.EndTxnRequest, kmsg.EndTxnResponse](
	kmsg.EndTxn, deriveEndTxn, nil, denies(denyEndTxn), retries(errCoordinatorLoading))

func deriveEndTxn(x *Exchange, q *kmsg.EndTxnRequest) error {
	x.TransactionalID = q.TransactionalID
	d := x.Ask(access.OpWrite, access.ResTransactionalID, q.TransactionalID)
	if !q.Commit && d.Verdict == access.Deny && d.Stops() && x.mayAbort() {
		x.overrule("an abort of a transaction that it could begin")
	}
	return nil
}

func denyEndTxn(x *Exchange, q *kmsg.EndTxnRequest) (*kmsg.EndTxnResponse, error) {
	r := kmsg.NewPtrEndTxnResponse() // producer id and epoch -1
	r.ErrorCode = x.txnError(q.TransactionalID)
	return r, nil
}
