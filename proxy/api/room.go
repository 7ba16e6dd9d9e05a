package api

import (
	"errors"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a request may name and an exchange may keep. Without these bounds a frame of some kilobytes makes megabytes of
// actions, and a connection has many frames in flight.
const (
	maxActions    = 10_000   // resources of one request; more is an error
	maxPartitions = 100_000  // of one Produce
	light         = 16 << 10 // bytes that an exchange keeps unaccounted

	// Roughly, in bytes.
	actionSize   = 160
	topicSize    = 128
	partSize     = 80
	writtenSize  = 200
	answeredSize = 160 // of a partition in an answer of our own
	bodyGrowth   = 16  // a decoded request against its bytes on the wire
)

// Errors of requests that ask for too much: for anybody, or for what is left. The connection ends.
var (
	errTooMany = errors.New("it names more than 10000 resources, or 100000 partitions")
	ErrNoRoom  = errors.New("no room for it under limits.buffers")
)

// Memory accounts for what all exchanges together keep, against one limit.
type Memory interface {
	TryCharge(n int64) bool
	Uncharge(n int64)
}

var (
	undecided = &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: "it could not be decided"}
	refused   = &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: "too many resources"}
	letsPass  = &access.Decision{
		Enforced: true, Reason: "not asked: " + errTooMany.Error(), Would: &access.Would{Verdict: access.Refuse},
	}
)

// keep accounts for n bytes more that x keeps until it is freed. The first few are free.
func (x *Exchange) keep(n int64) error {
	x.kept += n
	more := x.kept - x.charged
	if more <= light {
		return nil
	}
	if m := x.Env.Memory; m != nil {
		if !m.TryCharge(more) {
			return ErrNoRoom
		}
		x.charged += more
	}
	return nil
}

// roomFor says whether one action more may be asked for and noted; the first no stays. Actions for which there is no room
// are counted.
func (x *Exchange) roomFor(a *access.Action) bool {
	switch {
	case x.over != nil:
	case len(x.Actions) < maxActions:
		x.over = x.keep(actionSize)
	case x.passesUnasked():
		x.excess.add(&Ask{Action: *a, Decision: letsPass})
		return false
	default:
		x.over = errTooMany
	}
	if x.over != nil {
		x.excess.add(&Ask{Action: *a, Decision: refused})
	}
	return x.over == nil
}

// passesUnasked says whether a request may go on although it names too much: where nothing is carried out not a byte
// changes. Of the data path's APIs each resource takes room, so that their bound holds always.
func (x *Exchange) passesUnasked() bool {
	switch kmsg.Key(x.API.Key) {
	case kmsg.Produce, kmsg.Fetch, kmsg.ShareFetch:
		return false
	}
	return Watches(x.Env.Decider)
}

// put notes what was decided about an action outside of ask.
func (x *Exchange) put(a access.Action, d *access.Decision, code int16) {
	k := Ask{Action: a, Decision: d, Error: code}
	if len(x.Actions) >= maxActions {
		x.excess.add(&k)
		return
	}
	x.Actions = append(x.Actions, k)
}

// refuseWhole takes back what was decided of a request that ends its connection for another reason: all that it names is
// refused for that.
func (x *Exchange) refuseWhole(err error) {
	d := &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: err.Error()}
	var all lots
	for i := range x.Actions {
		all.add(&Ask{Action: x.Actions[i].Action, Decision: d})
	}
	for i := range x.excess {
		all.join(&x.excess[i], d)
	}
	clear(x.Actions)
	x.Actions, x.excess = x.Actions[:0], all
}

// keepBody accounts for a request that is about to be decoded from n bytes. It comes before the memory is taken: small
// entries grow by so much.
func (x *Exchange) keepBody(n int) error {
	if n <= light {
		return nil
	}
	x.body = bodyGrowth * int64(n)
	return x.keep(x.body)
}

// Slim lets go of the decoded request, once it is decided, where nobody reads it again.
func (x *Exchange) Slim() {
	x.shareFetch.body = nil
	if x.API.response != nil || x.enforced.edited || x.enforced.merge != nil || x.enforced.filter != nil || x.body == 0 {
		return
	}
	x.Body = nil
	x.kept -= x.body
	if back := min(x.charged, x.body); back > 0 {
		x.Env.Memory.Uncharge(back)
		x.charged -= back
	}
	x.body = 0
}

// release gives back what was accounted.
func (x *Exchange) release() {
	if x.charged > 0 {
		x.Env.Memory.Uncharge(x.charged)
	}
	x.kept, x.charged, x.body, x.over = 0, 0, 0, nil
}
