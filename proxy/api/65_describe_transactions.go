package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTransactions (key 65), version 0 (KIP-664).
//
// Actions: DESCRIBE on each transactional id. Which topics a transaction is in only the answer says: the broker leaves
// out those that the client may not DESCRIBE.
var describeTransactionsRow = row[kmsg.DescribeTransactionsRequest, kmsg.DescribeTransactionsResponse](
	kmsg.DescribeTransactions, deriveDescribeTransactions, nil)

func deriveDescribeTransactions(x *Exchange, q *kmsg.DescribeTransactionsRequest) error {
	for _, id := range q.TransactionalIDs {
		x.Ask(access.OpDescribe, access.ResTransactionalID, id)
	}
	return nil
}
