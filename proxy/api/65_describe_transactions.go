package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTransactions (key 65), version 0 (KIP-664).
//
// Actions: DESCRIBE on each transactional id. Which topics a transaction is in only the answer says: the broker leaves
// out those that the client may not DESCRIBE.
//
// Denied: 53 for the transactional id, in the order of the request; topics are left out of the answer.
var describeTransactionsRow = row[kmsg.DescribeTransactionsRequest, kmsg.DescribeTransactionsResponse](
	kmsg.DescribeTransactions, deriveDescribeTransactions, showTransactionTopics,
	denies(denyDescribeTransactions), retries(errCoordinatorLoading))

func deriveDescribeTransactions(x *Exchange, q *kmsg.DescribeTransactionsRequest) error {
	for _, id := range q.TransactionalIDs {
		x.Ask(access.OpDescribe, access.ResTransactionalID, id)
	}
	return nil
}

func denyDescribeTransactions(x *Exchange, q *kmsg.DescribeTransactionsRequest) (*kmsg.DescribeTransactionsResponse, error) {
	n := len(q.TransactionalIDs)
	kept, denied := take(q.TransactionalIDs, func(id *string) (kmsg.DescribeTransactionsResponseTransactionState, bool) {
		code := x.stopped(x.Decided(access.OpDescribe, access.ResTransactionalID, *id), errTxnAuthorization)
		return transactionError(*id, code), code != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrDescribeTransactionsResponse()
		r.TransactionStates = entries(denied)
		return r, nil
	}
	q.TransactionalIDs = kept
	merges(x, func(r *kmsg.DescribeTransactionsResponse) {
		r.TransactionStates = weave(r.TransactionStates, denied, n)
	})
	return nil, nil
}

func transactionError(id string, code int16) kmsg.DescribeTransactionsResponseTransactionState {
	s := kmsg.NewDescribeTransactionsResponseTransactionState()
	s.TransactionalID, s.ErrorCode = id, code
	return s
}

// showTransactionTopics leaves out the topics that may not be shown.
func showTransactionTopics(x *Exchange, r *kmsg.DescribeTransactionsResponse) (changed bool, err error) {
	f := x.filter()
	for i := range r.TransactionStates {
		s := &r.TransactionStates[i]
		all := len(s.Topics)
		s.Topics = slices.DeleteFunc(s.Topics, func(t kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
			return !f.shows(access.OpDescribe, access.ResTopic, t.Topic)
		})
		if f.undecided() {
			*s, changed = transactionError(s.TransactionalID, x.API.retry), true
		}
		changed = changed || len(s.Topics) < all
	}
	return x.hid(r, changed), f.err()
}
