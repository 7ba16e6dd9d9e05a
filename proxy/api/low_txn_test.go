package api

import (
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A txnStep is a request at a second, and whether what it writes to may be written to then.
type txnStep struct {
	at      int
	allowed bool
	q       kmsg.Request
	passes  bool
}

func initTxn(timeout time.Duration) *kmsg.InitProducerIDRequest {
	return &kmsg.InitProducerIDRequest{TransactionalID: ptr("t"), TransactionTimeoutMillis: int32(timeout.Milliseconds())}
}

func end(commit bool) *kmsg.EndTxnRequest {
	return &kmsg.EndTxnRequest{TransactionalID: "t", Commit: commit}
}

// Who lost the right to a transactional id may abort what it began, as long as that may still be open, and nothing else.
func TestARevokedProducerMayAbort(t *testing.T) {
	add := &kmsg.AddPartitionsToTxnRequest{TransactionalID: "t"}
	for _, c := range []struct {
		name  string
		steps []txnStep
	}{
		{"begun under the right", []txnStep{{0, true, initTxn(30 * time.Second), true}, {10, true, add, true}, {20, false, add, false},
			{30, false, end(true), false}, {40, false, end(false), true}, {41, false, end(false), false}}},
		{"the timeout is over", []txnStep{{0, true, initTxn(30 * time.Second), true}, {31, false, end(false), false}}},
		{"never allowed", []txnStep{{0, false, initTxn(time.Minute), false}, {1, false, end(false), false}}},
		{"begun elsewhere: a minute", []txnStep{{0, true, add, true}, {60, false, end(false), true}, {61, false, end(false), false}}},
		{"no transaction lasts longer than brokers let it", []txnStep{{0, true, initTxn(24 * time.Hour), true}, {900, false, end(false), true}, {901, false, end(false), false}}},
		{"a denial does not prolong it", []txnStep{{0, true, initTxn(30 * time.Second), true}, {29, false, end(false), true}, {31, false, end(false), false}}},
		{"allowed again", []txnStep{{0, true, initTxn(30 * time.Second), true}, {60, true, end(false), true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := new(Transactions)
			for _, s := range c.steps {
				x := lowAsked(t, s.q, known, s.at, s.allowed)
				if passes := x.Local() == nil && !x.Edited(); passes != s.passes {
					t.Errorf("at %d s: %T passes: %v", s.at, s.q, passes)
				}
				if d := x.Actions[0].Decision; !s.allowed && (d.Verdict != access.Deny || d.Enforced == s.passes) {
					t.Errorf("at %d s: on record: %+v", s.at, d)
				}
				x.Free()
			}
		})
	}
}

// lowAsked enforces a request at a second, with everything allowed or denied.
func lowAsked(t *testing.T, q kmsg.Request, known *Transactions, at int, allow bool) *Exchange {
	t.Helper()
	x := highExchange(t, q.Key(), 3)
	x.Env.Transactions, x.Received = known, time.Unix(int64(at), 0)
	if !allow {
		x.Env.Decider = &ruled{verdict: access.Deny}
	}
	derived(t, x, q)
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
	return x
}

// ruled decides everything alike, by a rule.
type ruled struct {
	verdict access.Verdict
	rule    string
}

func (r *ruled) Decide(*access.Request, *access.Action) *access.Decision {
	return &access.Decision{Verdict: r.verdict, Enforced: true, Rule: r.rule, Reason: "no"}
}

func (*ruled) Epoch(*access.Identity) uint64 { return 0 }

func TestTransactionsAreBounded(t *testing.T) {
	var known Transactions
	now := time.Unix(0, 0)
	for i := range maxTransactions + 1 {
		known.use(transaction{"User:a", fmt.Sprint(i)}, now, 0)
		known.use(transaction{"User:a", "0"}, now, 0) // in use
	}
	if n := known.recent.Len(); n != maxTransactions || len(known.of) != n {
		t.Errorf("%d and %d are remembered", n, len(known.of))
	}
	for id, want := range map[string]bool{"0": true, "1": false, "2": true, fmt.Sprint(maxTransactions): true} {
		if known.open(transaction{"User:a", id}, now) != want {
			t.Errorf("%s: %v", id, !want)
		}
	}
	if known.open(transaction{"User:b", "0"}, now) {
		t.Error("another principal's is open")
	}
	long := transaction{"User:a", string(make([]byte, maxTxnID+1))}
	if known.use(long, now, 0); known.open(long, now) {
		t.Error("an id without end is remembered")
	}
}

// Every producer asks for an id, and no policy can say whether it may write to anything at all.
func TestAnIDIsDeniedByNameOnly(t *testing.T) {
	for rule, code := range map[string]int16{"": 0, "no-producers": 31} {
		x := highExchange(t, int16(kmsg.InitProducerID), 4)
		x.Env.Decider = &ruled{access.Deny, rule}
		derived(t, x, &kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1})
		if err := x.Enforce(); err != nil {
			t.Fatal(err)
		}
		r, denied := x.Local().(*kmsg.InitProducerIDResponse)
		if denied != (code != 0) || denied && (r.ErrorCode != code || r.ProducerID != -1 || r.ProducerEpoch != -1) {
			t.Errorf("rule %q: %+v", rule, r)
		}
		if d := x.Actions[0].Decision; d.Verdict != access.Deny || d.Enforced != denied {
			t.Errorf("rule %q: on record: %+v", rule, d)
		}
		x.Free()
	}
}
