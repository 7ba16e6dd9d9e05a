package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListTransactions (key 66), versions 0 to 2 (KIP-664).
//
//   - v1: filter by duration (KIP-994)
//   - v2: filter by a pattern of transactional ids (KIP-1152)
//
// Actions: DESCRIBE on all transactional ids. The broker leaves out of its answer those that may not be described.
var listTransactionsRow = row[kmsg.ListTransactionsRequest, kmsg.ListTransactionsResponse](
	kmsg.ListTransactions, deriveListTransactions, nil)

func deriveListTransactions(x *Exchange, _ *kmsg.ListTransactionsRequest) error {
	x.Ask(access.OpDescribe, access.ResTransactionalID, access.AllResources)
	return nil
}
