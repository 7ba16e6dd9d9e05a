package api

import (
	"errors"
	"math"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What only an answer names (the topics of a group, the transactions of a list, the bits of authorized operations) is
// asked about when the answer has come, by a filter.

// filterTime is how long one answer may keep the policy. Beyond it the connection ends: what is left could not be
// decided. A policy that is only watched is not asked about the rest, and ends nothing.
const filterTime = time.Second

var (
	errFilter = errors.New("what its answer may show could not be decided within 1 s")
	tooLate   = &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: errFilter.Error()}
)

// A filter decides about what one answer names. Each question is put once, so that an answer is decided alike from its
// beginning to its end.
type filter struct {
	x       *Exchange
	began   time.Time
	asked   map[question]*access.Decision
	noted   map[question]bool // hidden, and written down
	refused bool              // something asked since undecided could not be decided
	late    bool              // it took too long: nothing more is decided
}

// filter begins the filtering of an answer.
func (x *Exchange) filter() filter {
	f := filter{x: x}
	if x.Env.Now != nil {
		f.began = x.Env.Now()
	}
	return f
}

// decide asks for an operation on a resource that the answer names.
func (f *filter) decide(op access.Operation, typ access.ResourceType, name string) *access.Decision {
	if _, ok := f.x.Env.Decider.(AllowAll); ok {
		return allowed
	}
	if f.late {
		if Watches(f.x.Env.Decider) {
			return allowed // as it would be anyway
		}
		return tooLate
	}
	q := question{op, resource{typ: typ, name: name}}
	d, known := f.asked[q]
	if known {
		return d
	}
	a := access.Action{Operation: op, Type: typ, Name: name}
	d = f.x.Env.Decider.Decide(&f.x.Request, &a)
	if f.asked == nil {
		f.asked = make(map[question]*access.Decision)
	}
	f.asked[q] = d
	if f.x.Env.Now != nil && f.x.Env.Now().Sub(f.began) > filterTime {
		f.late = true
	}
	return d
}

// may says whether op may be done on a resource that the answer names.
func (f *filter) may(op access.Operation, typ access.ResourceType, name string) bool {
	d := f.decide(op, typ, name)
	if d.Stops() && d.Verdict == access.Refuse {
		f.refused = true
	}
	return !d.Stops()
}

// shows is may for a resource that is not shown to who may not; that is written down.
func (f *filter) shows(op access.Operation, typ access.ResourceType, name string) bool {
	f.note(op, typ, name)
	return f.may(op, typ, name)
}

// undecided says whether something that was asked since it was called last could not be decided.
func (f *filter) undecided() bool {
	was := f.refused
	f.refused = false
	return was
}

// err ends an answer that could not be decided in time.
func (f *filter) err() error {
	if f.late && !Watches(f.x.Env.Decider) {
		return errFilter
	}
	return nil
}

// unasked is a broker's AuthorizedOperations where the client did not ask for them.
const unasked = math.MinInt32

// operations takes from a broker's AuthorizedOperations (a bit for each operation, at the operation's code) those that
// may not be done on the resource.
func (f *filter) operations(bits int32, typ access.ResourceType, name string) int32 {
	if bits == unasked {
		return bits
	}
	for op := access.OpRead; op <= access.OpTwoPhaseCommit; op++ {
		if bit := int32(1) << op; bits&bit != 0 && !f.may(op, typ, name) {
			bits &^= bit
		}
	}
	return bits
}

// hid notes the errors that hiding something put into an answer, if it was changed, and says whether it was.
func (x *Exchange) hid(r kmsg.Response, changed bool) bool {
	if changed {
		x.observe(r)
	}
	return changed
}

// noteAll notes that a request is to DESCRIBE all resources of a type. Kafka's authorizer is never asked about all: the
// answer is filtered, by asking about each that it names.
func (x *Exchange) noteAll(typ access.ResourceType) {
	if a := (access.Action{Operation: access.OpDescribe, Type: typ, Name: access.AllResources}); x.roomFor(&a) {
		x.put(a, allowed, 0)
	}
}
