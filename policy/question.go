package policy

import (
	"sync/atomic"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A question is all that a decision may depend on, beside the policy and its data.
type question struct {
	who     *who
	request *access.Request
	action  access.Action
	now     time.Time
}

// who is what stays the same from one request of a session to the next: identities and clients are immutable, so that
// their pointers say whether they did.
type who struct {
	session  *access.Session
	identity *access.Identity
	client   *access.Client

	// Parts of the inputs that are made of it, built when first needed. Two pumps may build them twice.
	own   atomic.Pointer[ownParts]
	kafka atomic.Pointer[kafkaParts]
}

func (q *question) operation(op access.Operation) *question {
	o := *q
	o.action.Operation = op
	return &o
}

// input builds the document that a policy is asked with.
func (q *question) input(f Format) ast.Value {
	if f == OPAKafka {
		return kafkaInput(q)
	}
	return ownInput(q)
}
