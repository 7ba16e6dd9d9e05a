package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// InitProducerId (key 22), versions 0 to 5 (KIP-98).
//
//   - v2: flexible; v3: the producer id and epoch that the client has (KIP-360); v4: PRODUCER_FENCED
//   - v5: TRANSACTION_ABORTABLE (KIP-890)
//
// Actions: WRITE on the transactional id; without one IDEMPOTENT_WRITE on the cluster. For the latter Kafka also takes
// WRITE on any topic, whichever: a question that names no resource, so it is not asked.
var initProducerIDRow = row[kmsg.InitProducerIDRequest, kmsg.InitProducerIDResponse](
	kmsg.InitProducerID, deriveInitProducerID, nil)

func deriveInitProducerID(x *Exchange, q *kmsg.InitProducerIDRequest) error {
	if q.TransactionalID == nil {
		x.AskCluster(access.OpIdempotentWrite)
		return nil
	}
	x.TransactionalID = *q.TransactionalID
	x.Ask(access.OpWrite, access.ResTransactionalID, x.TransactionalID)
	return nil
}
