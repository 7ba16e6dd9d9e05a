package api

import (
	"fmt"
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/cluster"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Env is what the exchanges of one connection share. It does not change once the connection serves.
type Env struct {
	Cluster      *cluster.Cluster
	Route        Route
	Decider      Decider
	Law          Decider          // Decider without what only counts and what the journal takes: an answer is asked for again under it; nil: the same
	Memory       Memory           // nil: nobody counts
	Limits       Limits           // nil: nothing is limited
	Now          func() time.Time // nil: filtering an answer may take any time
	Transactions *Transactions    // of the cluster; nil: none are remembered
	AutoCreate   *AutoCreate      // of the cluster; nil: every broker creates topics
	Refer        Refer            // nil: answers name no records
	Fetch        FetchSessions    // has its own lock
}

// law is the decider that what is on its way is asked for again under. A budget that is spent by the very answer does not
// end it.
func (e *Env) law() Decider {
	if e.Law != nil {
		return e.Law
	}
	return e.Decider
}

// An Ask is one action of a request with the answer to it.
type Ask struct {
	access.Action
	Decision *access.Decision
	Error    int16 // the broker's answer for this resource, 0: none

	ref *access.Reference // to its record, where the answer names it
}

// An Exchange carries one request's state from the request pump to the response pump. It is owned by one of them at
// a time, is never shared, and goes back to a pool when its answer has been accounted.
type Exchange struct {
	access.Request
	Env *Env
	API *API

	Correlation int32
	Received    time.Time
	BytesIn     int64 // of the request frame, the 4 length bytes included

	// Actions of the request, in the order asked. All: the request is for all topics or all groups.
	Actions []Ask

	// Unknown are the topic ids of the request that have no name here.
	Unknown [][16]byte

	// Body is the decoded request; nil for Produce, Fetch and ShareFetch, which have parsers of their own.
	Body kmsg.Request

	// Answer is the decoded response, once Respond has read it.
	Answer kmsg.Response

	// Throttle is what the broker asked for, milliseconds, where a response handler saw it.
	Throttle int32

	kept, charged, body int64 // bytes; see keep
	over                error // the request asks for too much

	// Of a request that is traced, when it was handed on and when its answer began to come.
	Forwarded, Answered time.Time
	failure             int16 // the first error that the broker's answer holds

	excess lots // actions for which there is no room
	hidden lots // what its answer does not show

	claim claim // of its limits
	held  int32 // milliseconds that it was held up here

	enforced   enforcement
	produce    produceState
	fetch      fetchState
	shareFetch shareFetchState
}

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// NewExchange takes an exchange from the pool.
func NewExchange() *Exchange { return exchanges.Get().(*Exchange) }

// Free gives it back. The caller keeps no reference.
func (x *Exchange) Free() {
	x.unclaim()
	x.release()
	x.Request = access.Request{}
	x.Env, x.API, x.Body, x.Answer = nil, nil, nil, nil
	clear(x.Actions)
	x.Actions = x.Actions[:0]
	if cap(x.Actions) > 1024 {
		x.Actions = nil
	}
	if x.Unknown = x.Unknown[:0]; cap(x.Unknown) > 1024 {
		x.Unknown = nil
	}
	x.Throttle, x.BytesIn, x.failure = 0, 0, 0
	x.Forwarded, x.Answered = time.Time{}, time.Time{}
	x.excess, x.hidden = nil, nil
	x.enforced = enforcement{}
	x.produce.reset()
	x.fetch.reset()
	x.shareFetch.reset()
	exchanges.Put(x)
}

// Ask puts one action to the decider, notes it with the answer, and returns the answer.
func (x *Exchange) Ask(op access.Operation, typ access.ResourceType, name string) *access.Decision {
	return x.ask(access.Action{Operation: op, Type: typ, Name: name})
}

// AskTopic is Ask for a topic that is known by name, id or both.
func (x *Exchange) AskTopic(op access.Operation, t *access.Topic) *access.Decision {
	return x.ask(access.Action{Operation: op, Type: access.ResTopic, Name: t.Name, TopicID: t.ID})
}

// AskCluster is Ask for the cluster itself.
func (x *Exchange) AskCluster(op access.Operation) *access.Decision {
	return x.Ask(op, access.ResCluster, access.ClusterResource)
}

func (x *Exchange) ask(a access.Action) *access.Decision {
	if !x.roomFor(&a) {
		if x.over == nil {
			return letsPass
		}
		return refused
	}
	x.Actions = append(x.Actions, Ask{Action: a, Decision: undecided}) // should asking panic
	k := &x.Actions[len(x.Actions)-1]
	k.Decision = x.Env.Decider.Decide(&x.Request, &k.Action)
	if k.Type == access.ResTransactionalID {
		x.used(k, 0)
	}
	return k.Decision
}

// Allowed says whether every action may pass: none was denied or refused with force.
func (x *Exchange) Allowed() bool {
	for i := range x.Actions {
		if x.Actions[i].Decision.Stops() {
			return false
		}
	}
	return true
}

// Futile says whether the request asks for something, and nothing of it may pass.
func (x *Exchange) Futile() bool {
	for i := range x.Actions {
		if !x.Actions[i].Decision.Stops() {
			return false
		}
	}
	return len(x.Actions) > 0
}

// Verdict is what became of the request as a whole: Refuse if some action was refused, else Deny if some was denied, by
// decisions that are carried out.
func (x *Exchange) Verdict() access.Verdict {
	v := access.Allow
	for i := range x.Actions {
		if d := x.Actions[i].Decision; d.Stops() {
			v = max(v, d.Verdict)
		}
	}
	for i := range x.excess {
		if d := x.excess[i].first.Decision; d.Stops() {
			v = max(v, d.Verdict)
		}
	}
	return v
}

// Topic returns the shared topic for a request's entry: by id where it has one (ids win over names, as in the
// broker), else by name.
func (x *Exchange) Topic(name *string, id [16]byte) *access.Topic {
	if id != ([16]byte{}) {
		if t := x.Env.Cluster.TopicByID(id); t != nil {
			return t
		}
		if len(x.Unknown) < maxActions {
			x.Unknown = append(x.Unknown, id)
		}
		return &access.Topic{ID: id}
	}
	if name == nil {
		return &access.Topic{}
	}
	return x.Env.Cluster.Intern(*name)
}

// Decode reads the request's body. The error says what could not be read. The body may change afterwards only where a
// handler says so.
func (x *Exchange) Decode(body []byte) error { return x.API.decode(x, body) }

// Derive asks the decider for every action of the decoded request. Unknown then holds the topic ids whose names
// nobody here knows: the caller may learn them and derive once more.
func (x *Exchange) Derive() error {
	clear(x.Actions)
	x.Actions = x.Actions[:0]
	x.Unknown = x.Unknown[:0]
	x.enforced, x.excess = enforcement{}, nil
	err := x.API.derive(x)
	if err == nil && x.over != nil {
		err = fmt.Errorf("%s v%d: %w", x.API.Name(), x.Version, x.over)
	}
	if err != nil {
		x.refuseWhole(err)
	}
	return err
}

func (x *Exchange) readRequest(body []byte) error {
	if err := x.keepBody(len(body)); err != nil {
		return err
	}
	q := kmsg.RequestForKey(x.API.Key)
	q.SetVersion(x.Version)
	if err := q.ReadFrom(body); err != nil {
		return fmt.Errorf("%s v%d request: %w", x.API.Name(), x.Version, err)
	}
	x.Body = q
	return nil
}

// Local returns the answer that doorkeeper gives itself, without asking the broker; nil if the request goes on.
func (x *Exchange) Local() kmsg.Response {
	if x.enforced.local != nil {
		return x.enforced.local
	}
	switch x.API {
	case fetchRow:
		return x.localFetch()
	case shareFetchRow:
		return x.localShareFetch()
	case shareAcknowledgeRow:
		return x.localShareAcknowledge()
	}
	return nil
}

// Streams says whether the answer carries records and streams by: see Reader.
func (x *Exchange) Streams() bool { return x.API == fetchRow || x.API == shareFetchRow }

// Produces says whether this is a Produce.
func (x *Exchange) Produces() bool { return x.API == produceRow }

// Fail notes the broker's error for every action that has none yet.
func (x *Exchange) Fail(code int16) {
	for i := range x.Actions {
		if x.Actions[i].Error == 0 {
			x.Actions[i].Error = code
		}
	}
}

// NeedsResponse says whether the answer must be seen whole: because something in it is rewritten or learned, or, in a
// small one, for its error.
func (x *Exchange) NeedsResponse(small bool) bool {
	return x.API.response != nil || x.enforced.merge != nil || x.enforced.filter != nil || small
}

// EndpointsBehind says whether broker endpoints may stand behind the records of the answer (KIP-951, KIP-932).
func (x *Exchange) EndpointsBehind() bool {
	return x.API == fetchRow && x.Version >= 16 || x.API == shareFetchRow
}

// Respond reads a whole response frame (without its 4 length bytes) and returns the frame to send in its place: the
// same bytes where nothing had to change, else dst with the new frame appended.
func (x *Exchange) Respond(dst, frame []byte) ([]byte, error) {
	r := kmsg.ResponseForKey(x.API.Key)
	_, at, err := protocol.ParseResponseHeader(frame, x.API.Key, x.Version)
	if err != nil {
		return nil, fmt.Errorf("%s v%d response: %w", x.API.Name(), x.Version, err)
	}
	r.SetVersion(x.Version)
	if err := x.readResponse(r, frame[at:]); err != nil {
		return nil, fmt.Errorf("%s v%d response: %w", x.API.Name(), x.Version, err)
	}
	x.Answer = r
	x.observe(r)
	changed := false
	if x.API.response != nil {
		if changed, err = x.API.response(x, r); err != nil {
			return frame, err
		}
	}
	if x.enforced.filter != nil {
		filtered, err := x.enforced.filter(r)
		if err != nil {
			return frame, err
		}
		changed = changed || filtered
	}
	if x.enforced.merge != nil {
		x.enforced.merge(r)
		x.observe(r) // the errors of what was taken out
		changed = true
	}
	if changed && (x.enforced.merge != nil || x.hidden != nil) {
		x.cite(r)
	}
	if !changed {
		return frame, nil
	}
	return r.AppendTo(append(dst, frame[:at]...)), nil
}
