package proxy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
	"doorkeeper/quarantine"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Who is about to cut a producer off hears which of its transactions are open, over all its sessions.
func TestOpenTransactions(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	trip := func(q kmsg.Request, version int16, r kmsg.Response, tags bool) {
		t.Helper()
		frame := framed(q, version)
		l.ask(frame)
		l.asked(frame)
		a := to(frame, answered(r, version, tags))
		l.answer(a)
		l.answered(a)
	}
	open := func() (ids []string) {
		for _, tx := range l.p.Concerned(complete(quarantine.Quarantine{Principal: access.Anonymous})).Transactions {
			if tx.Principal != access.Anonymous || tx.Cluster != "test" || !tx.Since.Before(tx.Until) {
				t.Errorf("%+v", tx)
			}
			ids = append(ids, fmt.Sprintf("%s %v", tx.ID, tx.Until.Sub(tx.Since)))
		}
		return ids
	}
	init := func(id string, timeout int32, code int16) {
		q := kmsg.NewPtrInitProducerIDRequest()
		q.TransactionalID, q.TransactionTimeoutMillis = &id, timeout
		r := kmsg.NewPtrInitProducerIDResponse()
		r.ErrorCode = code
		trip(q, 3, r, true)
	}
	add := func(id string) {
		q := kmsg.NewPtrAddPartitionsToTxnRequest()
		q.TransactionalID = id
		trip(q, 3, kmsg.NewPtrAddPartitionsToTxnResponse(), true)
	}
	end := func(id string, code int16) {
		q := kmsg.NewPtrEndTxnRequest()
		q.TransactionalID = id
		r := kmsg.NewPtrEndTxnResponse()
		r.ErrorCode = code
		trip(q, 3, r, true)
	}
	wants := func(want ...string) {
		t.Helper()
		if got := open(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("open are %q, want %q", got, want)
		}
	}

	init("a", 30_000, 0)
	wants()
	add("a")
	add("a")
	wants("a 30s")
	add("b") // whose timeout nobody has seen
	wants("a 30s", "b 15m0s")
	end("a", 51) // CONCURRENT_TRANSACTIONS: it is open still
	wants("a 30s", "b 15m0s")
	end("a", 0)
	wants("b 15m0s")
	add("a")
	wants("b 15m0s", "a 30s")
	init("b", 60_000, 0) // aborts what was open
	wants("a 30s")

	_, what := l.quarantine(quarantine.Quarantine{Principal: access.Anonymous})
	if len(what.Transactions) != 1 || what.Transactions[0].ID != "a" {
		t.Errorf("cut with %+v", what.Transactions)
	}
	l.closed("quarantined")
}

// However many ids there are, a bounded number is remembered: the last ones.
func TestTransactionsAreBounded(t *testing.T) {
	all := newTransactions()
	c := &conn{session: &access.Session{Cluster: "test"}}
	now := time.Now()
	ask := func(id string) {
		x := api.NewExchange()
		x.API = api.Lookup(int16(kmsg.AddPartitionsToTxn))
		x.TransactionalID, x.Received, x.Identity = id, now, &access.Identity{Principal: "User:erp"}
		all.asked(c, x)
		x.Free()
	}
	for i := range maxTransactions + 10 {
		ask(fmt.Sprint(i))
	}
	ask(string(make([]byte, maxTransactionID+1)))
	if all.order.Len() != maxTransactions || len(all.byID) != maxTransactions || len(c.transactions) != maxOfSession {
		t.Errorf("%d, %d and %d are remembered", all.order.Len(), len(all.byID), len(c.transactions))
	}
	got := all.of([]*conn{c}, now)
	if len(got) != maxOfSession || !slices.ContainsFunc(got, func(x Transaction) bool { return x.ID == fmt.Sprint(maxTransactions+9) }) {
		t.Errorf("listed are %+v", got)
	}
	if got := all.of([]*conn{c}, now.Add(longestTransaction)); len(got) != 0 {
		t.Errorf("%d are listed after the coordinator has ended them", len(got))
	}
}
