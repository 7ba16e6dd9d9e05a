// Package api is the table of Kafka APIs that doorkeeper passes, one numbered file per API: which actions a request
// asks for, what of its response must be rewritten or learned, and how it is accounted.
//
// Handlers get an Exchange, never a connection. They may know the protocol, the vocabulary, identities, the cluster and
// the journal's log; they may not know sockets, listeners or pumps.
package api

import (
	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// An API is one row of the table.
type API struct {
	Key int16
	Max int16 // the highest version that is passed; the lowest is the broker's own
	// Each: one record for every call (administration, ACLs, credentials). Else calls are summed per
	// records.summary_interval.
	Each bool

	decode   func(x *Exchange, body []byte) error     // reads the request
	derive   func(x *Exchange) error                  // asks for its actions; may run twice
	inquire  func(x *Exchange) []kmsg.Request         // see Questions; nil: none
	enforce  func(x *Exchange) (kmsg.Response, error) // see Enforce; nil: a request that may not pass ends the connection
	response func(x *Exchange, r kmsg.Response) (changed bool, err error)

	retry int16 // the error that refusals are answered with, which clients retry; 0: the connection ends
}

// Table holds every API that is passed, by key. A key that is not here is taken out of ApiVersions, and a request
// with it ends the connection, as a broker does: above all the APIs that brokers speak among themselves
// (facts of Kafka 4.3: 4-7, 52-54, 56, 58, 59, 62, 63, 67, 70, 73, 82-87).
var Table = func() (t [128]*API) {
	for _, list := range [][]*API{dataRows, lowRows, highRows} {
		for _, a := range list {
			if t[a.Key] != nil {
				panic("api: two rows for key " + kmsg.Key(a.Key).Name())
			}
			t[a.Key] = a
		}
	}
	return t
}()

// Lookup returns the row of an API key, nil if that API is not passed.
func Lookup(key int16) *API {
	if key < 0 || int(key) >= len(Table) {
		return nil
	}
	return Table[key]
}

// Name returns Kafka's name of the API, e.g. "Fetch".
func (a *API) Name() string { return Name(a.Key) }

// options of a row.
type option func(*API)

// each makes every call a record of its own.
func each(a *API) { a.Each = true }

// denies gives a row what it does with a request of which some action may not pass: see Enforce.
func denies[Q, R any, PR interface {
	*R
	kmsg.Response
}](f func(x *Exchange, q *Q) (*R, error)) option {
	return func(a *API) {
		a.enforce = func(x *Exchange) (kmsg.Response, error) {
			r, err := f(x, any(x.Body).(*Q))
			if r == nil || err != nil {
				return nil, err // not a nil *R in an interface
			}
			return PR(r), nil
		}
	}
}

// retries gives a row the error that its refusals are answered with.
func retries(code int16) option { return func(a *API) { a.retry = code } }

// row makes a row from typed handlers. request derives the actions (never nil); response may be nil: then the answer
// passes byte for byte and only its error is read.
func row[Q, R any](key kmsg.Key, request func(*Exchange, *Q) error, response func(*Exchange, *R) (bool, error), opts ...option) *API {
	maxVersion, ok := protocol.MaxVersion(int16(key))
	if !ok {
		panic("api: kmsg does not know " + key.Name())
	}
	a := &API{Key: int16(key), Max: maxVersion}
	a.decode = func(x *Exchange, body []byte) error { return x.readRequest(body) }
	a.derive = func(x *Exchange) error { return request(x, any(x.Body).(*Q)) }
	if response != nil {
		a.response = func(x *Exchange, r kmsg.Response) (bool, error) { return response(x, any(r).(*R)) }
	}
	for _, o := range opts {
		o(a)
	}
	return a
}

// A Policy makes the decider of each session.
type Policy interface {
	Session(*access.Session) Decider
}

// A Decider answers, for one session, for every action of every request whether it may pass.
type Decider interface {
	// Decide is called from both pumps. Neither argument may be kept; the decision is immutable.
	Decide(*access.Request, *access.Action) *access.Decision
	// Epoch moves whenever a decision made before, of this session's identity, may no longer hold. It is cheap.
	Epoch(*access.Identity) uint64
}

// Decreed is what stands above every policy of an action, a quarantine: it holds although a right on another resource would
// stand for this one, as the cluster's stands for its topics'. nil: there is nothing. A Decider that has such has a method of
// this name.
func Decreed(d Decider, r *access.Request, a *access.Action) *access.Decision {
	if above, ok := d.(interface {
		Decreed(*access.Request, *access.Action) *access.Decision
	}); ok {
		return above.Decreed(r, a)
	}
	return nil
}

// AllowAll is the Policy, and the Decider, where there is none: everything is allowed and recorded.
type AllowAll struct{}

var allowed = &access.Decision{Verdict: access.Allow, Enforced: true}

// Session returns AllowAll itself.
func (a AllowAll) Session(*access.Session) Decider { return a }

// Decide allows.
func (AllowAll) Decide(*access.Request, *access.Action) *access.Decision { return allowed }

// Epoch is always the same.
func (AllowAll) Epoch(*access.Identity) uint64 { return 0 }

// Watches says that nothing is ever stopped.
func (AllowAll) Watches() bool { return true }

// A Route says under which address clients shall see a broker.
type Route interface {
	// Advertise returns the host and port that stand for a broker's own, and makes sure that something listens there.
	// An error means that no address can be given: the answer must not pass.
	Advertise(node int32, host string, port int32) (string, int32, error)
}
