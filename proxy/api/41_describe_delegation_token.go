package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeDelegationToken (key 41), versions 0 to 3 (KIP-48).
//
//   - v1: throttled after the answer; v2: flexible
//   - v3: who asked for the token (KIP-373)
//
// Actions: DESCRIBE_TOKENS on each other owner's USER resource; DESCRIBE on every DELEGATION_TOKEN where no owners are
// named (null). Kafka shows a token if its owner or one of its renewers asks, or if either of the two is allowed:
// DESCRIBE on the token's id, DESCRIBE_TOKENS on its owner. Which ids there are, only the answer says, and a token that
// may not be shown is left out of it.
//
// So nothing of the request is denied (but by a policy of ours that knows the operation NONE: 65): the answer is
// filtered.
//
// The answer holds HMACs, as in CreateDelegationToken: each call is a record of its own.
var describeDelegationTokenRow = row(kmsg.DescribeDelegationToken, deriveDescribeDelegationToken, showTokens, each,
	denies(denyDescribeDelegationToken))

func deriveDescribeDelegationToken(x *Exchange, q *kmsg.DescribeDelegationTokenRequest) error {
	if q.Owners == nil {
		x.noteAll(access.ResDelegationToken)
		return nil
	}
	if len(q.Owners) == 0 {
		x.Ask(access.OpNone, access.ResDelegationToken, "") // answered with no token at all
		return nil
	}
	self := x.principal()
	for i := range q.Owners {
		o := &q.Owners[i]
		x.askUser(access.OpDescribeTokens, o.PrincipalType+":"+o.PrincipalName, self)
	}
	return nil
}

func denyDescribeDelegationToken(x *Exchange, _ *kmsg.DescribeDelegationTokenRequest) (*kmsg.DescribeDelegationTokenResponse, error) {
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Operation == access.OpNone && a.Decision.Stops() {
			r := kmsg.NewPtrDescribeDelegationTokenResponse()
			r.ErrorCode = errTokenAuthorization
			return r, nil
		}
	}
	return nil, nil
}

// showTokens learns whose the tokens are, and leaves out of the answer those that may not be shown.
func showTokens(x *Exchange, r *kmsg.DescribeDelegationTokenResponse) (changed bool, err error) {
	f := x.filter()
	shown := r.TokenDetails[:0]
	for i := range r.TokenDetails {
		t := &r.TokenDetails[i]
		x.learnToken(t.TokenID, t.PrincipalType, t.PrincipalName)
		if f.showsToken(t) {
			shown = append(shown, *t)
		}
		if f.undecided() {
			return false, errRefused
		}
	}
	changed = len(shown) < len(r.TokenDetails)
	r.TokenDetails = shown
	return changed, nil
}

// showsToken is DelegationTokenManager.filterToken, but for the owners that were asked for: the broker sees to them.
func (f *filter) showsToken(t *kmsg.DescribeDelegationTokenResponseTokenDetail) bool {
	self, owner := f.x.principal(), t.PrincipalType+":"+t.PrincipalName
	if self == owner {
		return true
	}
	for i := range t.Renewers {
		if self == t.Renewers[i].PrincipalType+":"+t.Renewers[i].PrincipalName {
			return true
		}
	}
	if f.may(access.OpDescribe, access.ResDelegationToken, t.TokenID) {
		return true
	}
	refused := f.undecided()
	if f.may(access.OpDescribeTokens, access.ResUser, owner) {
		return true // whatever else could not be decided
	}
	f.refused = f.refused || refused
	f.note(access.OpDescribe, access.ResDelegationToken, t.TokenID)
	return false
}
