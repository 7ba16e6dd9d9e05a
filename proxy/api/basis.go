package api

import (
	"time"

	"doorkeeper/access"
)

// A basis is what decisions were made under. Those made under another may no longer hold.
type basis struct {
	epoch    uint64
	law      uint64 // the law's own
	identity *access.Identity
	client   *access.Client
	version  int16
	replica  int32
}

// basis is what x is decided under. It is taken before anything is asked.
func (x *Exchange) basis() basis {
	return basis{
		epoch: x.Env.Decider.Epoch(x.Identity), law: x.Env.law().Epoch(x.Identity), identity: x.Identity, client: x.Client, version: x.Version, replica: x.ReplicaID,
	}
}

// again puts one action to the decider, without making it an action of the request.
func (x *Exchange) again(op access.Operation, t *access.Topic) *access.Decision {
	a := access.Action{Operation: op, Type: access.ResTopic, Name: t.Name, TopicID: t.ID}
	return x.Env.Decider.Decide(&x.Request, &a)
}

// reading is the operation that a read of a topic asks for: READ, and NONE of a follower, of whom the broker asks
// CLUSTER_ACTION alone.
func (x *Exchange) reading() access.Operation {
	if x.ReplicaID != consumer {
		return access.OpNone
	}
	return access.OpRead
}

// now is the time at which decisions are judged: not before any of the request's own was made.
func (x *Exchange) now() time.Time {
	if x.Env.Now != nil {
		return x.Env.Now()
	}
	return x.Received
}

// expired says that a decision's own end has come.
func expired(d *access.Decision, now time.Time) bool {
	return d != nil && !d.NotAfter.IsZero() && !now.Before(d.NotAfter)
}

// earlier returns the first of two ends; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// maxWait is how long a client may let the broker wait for records, in milliseconds. What was allowed when a request came
// is asked again when the answer begins: the wait is bounded so that an answer in question comes soon.
const maxWait = 60_000

// Watches says that nothing of what a Decider decides is carried out, so that not a byte may change: it has no rules, or
// is only watched. A Decider that may be so has a method of this name.
func Watches(d Decider) bool {
	w, ok := d.(interface{ Watches() bool })
	return ok && w.Watches()
}

// lowerWait lowers, in the request's own bytes, a wait of more than maxWait; at is where it stands.
func (x *Exchange) lowerWait(body []byte, at int, wait *int32) {
	if *wait > maxWait && !Watches(x.Env.Decider) {
		*wait = maxWait
		body[at], body[at+1], body[at+2], body[at+3] = 0, 0, maxWait>>8, maxWait&0xff
	}
}

// A withheld is a topic of which partitions are not asked of the broker, and the error that stands for each in the answer.
type withheld struct {
	topic    *access.Topic
	decision *access.Decision
	code     int16
	parts    []int32

	acks map[int32]int16 // ShareFetch: the errors of acknowledgements, by partition
	only []int32         // ShareFetch: partitions that stand here for their acknowledgements alone
}
