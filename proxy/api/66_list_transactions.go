package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListTransactions (key 66), versions 0 to 2 (KIP-664).
//
//   - v1: filter by duration (KIP-994)
//   - v2: filter by a pattern of transactional ids (KIP-1152)
//
// Actions: DESCRIBE on each transactional id of the answer, from which those that may not be described are left out.
var listTransactionsRow = row[kmsg.ListTransactionsRequest, kmsg.ListTransactionsResponse](
	kmsg.ListTransactions, deriveListTransactions, showTransactions, retries(errCoordinatorLoading))

func deriveListTransactions(x *Exchange, _ *kmsg.ListTransactionsRequest) error {
	x.noteAll(access.ResTransactionalID)
	return nil
}

func showTransactions(x *Exchange, r *kmsg.ListTransactionsResponse) (changed bool, err error) {
	f := x.filter()
	all := len(r.TransactionStates)
	r.TransactionStates = slices.DeleteFunc(r.TransactionStates, func(s kmsg.ListTransactionsResponseTransactionState) bool {
		return !f.shows(access.OpDescribe, access.ResTransactionalID, s.TransactionalID)
	})
	if f.undecided() {
		r.ErrorCode, r.TransactionStates, r.UnknownStateFilters = x.API.retry, nil, nil
		return x.hid(r, true), f.err()
	}
	return len(r.TransactionStates) < all, f.err()
}
