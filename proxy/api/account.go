package api

import (
	"encoding/base64"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// foldOver is how many actions of a kind get a record each; more become one, with the first of their names.
const foldOver = 100

// A kind is what actions that may share a record have in common.
type kind struct {
	operation access.Operation
	typ       access.ResourceType
	verdict   access.Verdict
	enforced  bool
	rule      string
	record    access.RecordMode
	would     access.Would
	candidate access.Candidate
	error     int16
}

func kindOf(a *Ask) kind {
	d := a.Decision
	k := kind{operation: a.Operation, typ: a.Type, error: a.Error, verdict: d.Verdict, enforced: d.Enforced, rule: d.Rule, record: d.Record}
	if d.Would != nil {
		k.would = *d.Would
	}
	if d.Candidate != nil {
		k.candidate = access.Candidate{Verdict: d.Candidate.Verdict, Rule: d.Candidate.Rule}
	}
	return k
}

// Account writes a request down once its answer is sent, or failed to come: one call for each action, one with operation
// NONE for a request without actions, and one of each kind that its answer did not show. bytesOut is the answer's frame as
// it was sent.
func (x *Exchange) Account(log *journal.Log, bytesOut int64, failed bool) {
	x.calls(bytesOut, failed, log.Call)
}

// accountStopped writes down what of a request may not pass. The rest is accounted otherwise.
func (x *Exchange) accountStopped(log *journal.Log, bytesOut int64) {
	if x.Allowed() && len(x.excess) == 0 {
		return
	}
	all := x.Actions
	x.Actions = nil
	for i := range all {
		if all[i].Decision.Stops() {
			x.Actions = append(x.Actions, all[i])
		}
	}
	x.Account(log, bytesOut, false)
	x.Actions = all
}

// calls makes the calls of a request. put keeps none of them.
func (x *Exchange) calls(bytesOut int64, failed bool, put func(*access.Call)) {
	c := access.Call{
		Request: &x.Request, Each: x.API.Each, Failed: failed,
		BytesIn: x.BytesIn, BytesOut: bytesOut, Throttle: x.Throttle, Broker: x.Session.Broker,
	}
	switch {
	case len(x.Actions) == 0 && len(x.excess) > 0:
	case len(x.Actions) == 0:
		c.Decision = allowed
		put(&c)
	case len(x.Actions) <= foldOver:
		for i := range x.Actions {
			put(callOf(c, &x.Actions[i]))
		}
	default:
		x.fold(c, put)
	}
	for i := range x.excess {
		put(x.excess[i].call(c))
	}
	c.Hidden = true
	for i := range x.hidden {
		put(x.hidden[i].call(c))
	}
}

// fold makes one call of each kind that many actions are of. It stands where the first of them stood.
func (x *Exchange) fold(c access.Call, put func(*access.Call)) {
	count := make(map[kind]int)
	for i := range x.Actions {
		count[kindOf(&x.Actions[i])]++
	}
	for i := range x.Actions {
		k := kindOf(&x.Actions[i])
		switch n := count[k]; {
		case n == 0: // written
		case n <= foldOver:
			put(callOf(c, &x.Actions[i]))
		default:
			count[k] = 0
			f := callOf(c, &x.Actions[i])
			f.Action.Name, f.Action.TopicID = "", [16]byte{}
			f.Names, f.Count = x.names(i, k), n
			put(f)
		}
	}
}

// callOf completes what the calls of one request have in common by one action.
func callOf(c access.Call, a *Ask) *access.Call {
	c.Action, c.Decision, c.Error, c.Ref = a.Action, a.Decision, a.Error, a.ref
	c.Each = c.Each || a.Decision.Record != access.Coalesced
	return &c
}

// names are the first names of a kind, of which there are more than enough from action i on.
func (x *Exchange) names(i int, k kind) []string {
	names := make([]string, 0, foldOver)
	for ; len(names) < foldOver; i++ {
		if a := &x.Actions[i]; kindOf(a) == k {
			names = append(names, nameOf(&a.Action))
		}
	}
	return names
}

// nameOf is a resource's name in a list of names: a topic whose name nobody knows appears by its id, as Kafka writes
// it.
func nameOf(a *access.Action) string {
	if a.Name == "" && a.TopicID != [16]byte{} {
		return base64.RawURLEncoding.EncodeToString(a.TopicID[:])
	}
	return a.Name
}
