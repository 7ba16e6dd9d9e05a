package api

import (
	"errors"
	"fmt"

	"doorkeeper/access"
)

// ErrRevoked says that what is in an answer may no longer be read. Nothing more of it may reach the client.
var ErrRevoked = errors.New("access was revoked")

// never is no epoch: what holds under it is asked again.
const never = ^uint64(0)

// still asks again for the open partition's topic where the decision may no longer hold: the epoch moved, or the decision's
// own end came, since the request was decided. Long polls wait, and large answers take their time. Nor is anything believed
// that a broker sends of what it was not asked for. It says whether it asked.
func (r *Reader) still() (again bool, err error) {
	x := r.x
	epoch := x.Env.law().Epoch(x.Identity)
	if d := r.decision; d != nil && !d.Stops() && epoch == r.checked && (d.NotAfter.IsZero() || !expired(d, x.now())) {
		return false, nil
	}
	return true, r.askAgain(epoch)
}

func (r *Reader) askAgain(epoch uint64) error {
	x := r.x
	a := access.Action{Operation: x.reading(), Type: access.ResTopic, Name: r.topic.Name, TopicID: r.topic.ID}
	d := x.Env.law().Decide(&x.Request, &a)
	if d.Stops() && d.Verdict == access.Refuse { // once more: what is under way can only be cut, and one slow moment shall not do that
		d = x.Env.law().Decide(&x.Request, &a)
	}
	r.decision, r.checked = d, epoch
	if !d.Stops() {
		return nil
	}
	r.failed(&a, d, x.Code(d, errTopicAuthorization))
	return fmt.Errorf("%w: %s of %q, %s", ErrRevoked, a.Operation, r.topic.Name, d.Verdict)
}
