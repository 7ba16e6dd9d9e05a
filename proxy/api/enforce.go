package api

import (
	"errors"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What happens to a request of which some action may not pass: its row's enforce handler does one of three things.
//
//   - It returns an answer: the broker is not asked.
//   - It takes what may not pass out of the decoded request and returns nil: the rest goes to the broker. What was taken
//     out is put into the broker's answer by a function that the handler leaves with Merge.
//   - It returns an error: the connection ends.
//
// The answers are the broker's own, field by field (facts: "How a denial must look"). A handler learns what was decided
// from Decided, and which error to write from Code.

// enforcement is the part of an Exchange that a denial needs.
type enforcement struct {
	local  kmsg.Response                                   // answered here
	edited bool                                            // the decoded request is not the frame any more
	merge  func(r kmsg.Response)                           // puts what was taken out into the answer; nil: nothing to do
	filter func(r kmsg.Response) (changed bool, err error) // takes out of the answer what may not be seen; nil: nothing to do
	always bool                                            // the row's handler is called even if every action may pass
	heard  []kmsg.Response                                 // the answers to Questions
	index  map[question]*access.Decision                   // of a large request; see Decided
	hold   time.Duration                                   // how long the client waits for it; see Hold
}

// A question is an operation on a resource, by name or by id, the other left empty.
type question struct {
	operation access.Operation
	resource
}

var (
	errDenied  = errors.New("it is denied, and the API has no answer that says so")
	errRefused = errors.New("it could not be decided, and the API has no answer that clients retry")
)

// Enforce carries out the decisions of a request that was derived. Afterwards Local or Edited say what became of it. An
// error ends the connection.
func (x *Exchange) Enforce() error {
	far := x.farBack()
	if x.Allowed() && !x.enforced.always && !x.produce.lost && !x.turns() && !far {
		return nil
	}
	if x.refused() && x.API.retry == 0 {
		return errRefused
	}
	if x.API.enforce == nil {
		return errDenied
	}
	r, err := x.API.enforce(x)
	switch {
	case err != nil:
		return err
	case r != nil:
		r.SetVersion(x.Version)
		x.enforced.local = r
		x.observe(r)
		x.cite(r)
	default:
		x.enforced.edited = true
	}
	return nil
}

// refused says whether some action was refused.
func (x *Exchange) refused() bool {
	for i := range x.Actions {
		if d := x.Actions[i].Decision; d.Stops() && d.Verdict == access.Refuse {
			return true
		}
	}
	return false
}

// Edited says whether the request goes to the broker in another form than it came: AppendBody has it.
func (x *Exchange) Edited() bool { return x.enforced.edited }

// AppendEdited appends the edited request's body to dst, which ends with the request's header. body is as it came.
func (x *Exchange) AppendEdited(dst, body []byte) []byte {
	if kmsg.Key(x.API.Key) == kmsg.Fetch {
		return x.appendFetch(dst, body)
	}
	return x.AppendBody(dst)
}

// AppendBody is AppendEdited for a request that was decoded.
func (x *Exchange) AppendBody(dst []byte) []byte { return x.Body.AppendTo(dst) }

// Patient says whether a request that could not be decided is worth another question after a while, before the connection
// ends: it carries what must not be lost.
func (x *Exchange) Patient() bool {
	k := kmsg.Key(x.API.Key)
	return (k == kmsg.ShareFetch || k == kmsg.ShareAcknowledge) && (x.refused() || x.shareFetch.unsure)
}

// Hold is how long the client is let wait before it is answered or the request goes on: a client that is denied at once
// would ask again at once.
func (x *Exchange) Hold() time.Duration { return x.enforced.hold }

// merges leaves a function that puts what was taken out of the request into the broker's answer, of which it gets the
// decoded form. The answer is encoded anew.
func merges[R any](x *Exchange, f func(r *R)) {
	x.enforced.merge = func(r kmsg.Response) { f(any(r).(*R)) }
}

// filters leaves a function that takes out of the broker's answer, of which it gets the decoded form, what may not be
// seen. Unlike what merges leaves, it may find nothing to change: then the answer passes as it came. An error ends the
// connection. A row's derive leaves it, for it does not depend on what was decided about the request.
func filters[R any](x *Exchange, f func(r *R) (changed bool, err error)) {
	x.enforced.filter = func(r kmsg.Response) (bool, error) { return f(any(r).(*R)) }
}

// few is up to how many actions are searched one by one.
const few = 32

// Decided returns what was decided about an operation on a resource that was asked for; nil if it was not asked for.
func (x *Exchange) Decided(op access.Operation, typ access.ResourceType, name string) *access.Decision {
	return x.decided(question{op, resource{typ: typ, name: name}})
}

// DecidedTopic is Decided for a topic by its id, or by name where it has none.
func (x *Exchange) DecidedTopic(op access.Operation, name string, id [16]byte) *access.Decision {
	if id != [16]byte{} {
		name = ""
	}
	return x.decided(question{op, resource{access.ResTopic, name, id}})
}

func (x *Exchange) decided(q question) *access.Decision {
	if len(x.Actions) > few {
		return x.indexed()[q]
	}
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Operation == q.operation && a.Type == q.typ && (q.id == [16]byte{} && a.Name == q.name || q.id != [16]byte{} && a.TopicID == q.id) {
			return a.Decision
		}
	}
	return nil
}

// indexed makes the index of a large request, in which every question is one look-up.
func (x *Exchange) indexed() map[question]*access.Decision {
	if x.enforced.index == nil {
		x.enforced.index = make(map[question]*access.Decision, len(x.Actions))
		for i := range x.Actions {
			a := &x.Actions[i]
			x.enforced.index[question{a.Operation, resource{typ: a.Type, name: a.Name}}] = a.Decision
			if a.TopicID != [16]byte{} {
				x.enforced.index[question{a.Operation, resource{typ: a.Type, id: a.TopicID}}] = a.Decision
			}
		}
	}
	return x.enforced.index
}

// Stopped says whether an operation on a resource was asked for and may not go on.
func (x *Exchange) Stopped(op access.Operation, typ access.ResourceType, name string) bool {
	d := x.Decided(op, typ, name)
	return d != nil && d.Stops()
}

// Code is the error that a denied or refused action is answered with: denied for a denial, the row's own for a refusal.
func (x *Exchange) Code(d *access.Decision, denied int16) int16 {
	if d.Verdict == access.Refuse {
		return x.API.retry
	}
	return denied
}
