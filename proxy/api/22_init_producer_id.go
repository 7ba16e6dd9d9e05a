package api

import (
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// InitProducerId (key 22), versions 0 to 5 (KIP-98).
//
//   - v2: flexible; v3: the producer id and epoch that the client has (KIP-360); v4: PRODUCER_FENCED
//   - v5: TRANSACTION_ABORTABLE (KIP-890); v6, two-phase commit (KIP-939), is not passed: kmsg does not know it
//
// Actions: WRITE on the transactional id; without one IDEMPOTENT_WRITE on the cluster. For the latter Kafka also takes
// WRITE on any topic, whichever: a question that names no resource, so that no policy can answer it. Every producer of
// today asks for an id, and all that it can do with one is decided when it produces. So a denial is carried out only if a
// rule is named for it; one by default is recorded and let pass.
//
// Denied: 53 with a transactional id, 31 without, producer id and epoch -1. Refused: 14.
var initProducerIDRow = row[kmsg.InitProducerIDRequest, kmsg.InitProducerIDResponse](
	kmsg.InitProducerID, deriveInitProducerID, nil, denies(denyInitProducerID), retries(errCoordinatorLoading))

func deriveInitProducerID(x *Exchange, q *kmsg.InitProducerIDRequest) error {
	if q.TransactionalID == nil {
		if d := x.AskCluster(access.OpIdempotentWrite); d.Verdict == access.Deny && d.Rule == "" && d.Stops() {
			x.overrule("any right to WRITE would do, and its writes are decided one by one")
		}
		return nil
	}
	x.TransactionalID = *q.TransactionalID
	x.Ask(access.OpWrite, access.ResTransactionalID, x.TransactionalID)
	x.began(time.Duration(q.TransactionTimeoutMillis) * time.Millisecond)
	return nil
}

func denyInitProducerID(x *Exchange, q *kmsg.InitProducerIDRequest) (*kmsg.InitProducerIDResponse, error) {
	r := kmsg.NewPtrInitProducerIDResponse()
	r.ProducerID, r.ProducerEpoch = -1, -1
	if q.TransactionalID == nil {
		r.ErrorCode = x.clusterError(access.OpIdempotentWrite)
	} else {
		r.ErrorCode = x.txnError(*q.TransactionalID)
	}
	return r, nil
}
