package equivalence

import "github.com/twmb/franz-go/pkg/kmsg"

// The requests of transactions: keys 22, 24 to 28, 65, 66.

func initsProducers(g *gen) []script {
	txn := g.txn()
	make := func(id *string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrInitProducerIDRequest()
			q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = id, 60_000, -1, -1
			return q
		}
	}
	return []script{ask("transactional", make(&txn)), ask("idempotent", make(nil))}
}

func addsPartitions(g *gen) []script {
	txn, txns, names := g.txn(), g.txns(), g.topics()
	return []script{then("plain", begin(txn), func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrAddPartitionsToTxnRequest()
		q.TransactionalID = txn
		q.ProducerID, q.ProducerEpoch = producer(past)
		topics(&q.Topics, names, 0)
		for _, id := range txns {
			t := kmsg.NewAddPartitionsToTxnRequestTransaction()
			t.TransactionalID = id
			t.ProducerID, t.ProducerEpoch = producer(past)
			topics(&t.Topics, names, 0)
			q.Transactions = append(q.Transactions, t)
		}
		return q
	}, endTxn(txn, true)).cleaned(ends(txn))}
}

func addOffsets(txn, group string) func(past []kmsg.Response) kmsg.Request {
	return func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrAddOffsetsToTxnRequest()
		q.TransactionalID, q.Group = txn, group
		q.ProducerID, q.ProducerEpoch = producer(past)
		return q
	}
}

func addsOffsets(g *gen) []script {
	txn, group := g.txn(), g.group()
	return []script{then("plain", begin(txn), addOffsets(txn, group), endTxn(txn, true)).cleaned(ends(txn))}
}

func endsTxns(g *gen) []script {
	txn := g.txn()
	end := func(commit bool) step {
		return func(past []kmsg.Response) kmsg.Request {
			q := endTxn(txn, commit)(past).(*kmsg.EndTxnRequest)
			return q
		}
	}
	return []script{
		then("commit", begin(txn), addPartitions(txn, openTopics), end(true)).cleaned(ends(txn)),
		then("abort", begin(txn), addPartitions(txn, openTopics), end(false)).cleaned(ends(txn)),
	}
}

func writesMarkers(g *gen) []script {
	names := g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrWriteTxnMarkersRequest()
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID = 987_654
		topics(&m.Topics, names, 0)
		q.Markers = append(q.Markers, m)
		return q
	})}
}

func commitsInTxn(g *gen) []script {
	txn, group, names := g.txn(), g.group(), g.topics()
	addThen := func(past []kmsg.Response) kmsg.Request {
		q := addOffsets(txn, group)(past).(*kmsg.AddOffsetsToTxnRequest)
		q.SetVersion(3)
		return q
	}
	return []script{then("plain", begin(txn), addThen, func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrTxnOffsetCommitRequest()
		q.TransactionalID, q.Group = txn, group
		q.ProducerID, q.ProducerEpoch = producer(past)
		topics(&q.Topics, names, 0, 7)
		return q
	}, endTxn(txn, true)).cleaned(ends(txn))}
}

func describesTxns(g *gen) []script {
	txns := g.txns()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeTransactionsRequest()
		q.TransactionalIDs = txns
		return q
	})}
}

func listsTxns(*gen) []script {
	return []script{ask("plain", func() kmsg.Request { return kmsg.NewPtrListTransactionsRequest() }).lists()}
}
