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
// The answer holds HMACs, as in CreateDelegationToken: each call is a record of its own.
var describeDelegationTokenRow = row(kmsg.DescribeDelegationToken, deriveDescribeDelegationToken, learnTokens, each)

func deriveDescribeDelegationToken(x *Exchange, q *kmsg.DescribeDelegationTokenRequest) error {
	if q.Owners == nil {
		x.Ask(access.OpDescribe, access.ResDelegationToken, access.AllResources)
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

func learnTokens(x *Exchange, r *kmsg.DescribeDelegationTokenResponse) (bool, error) {
	for i := range r.TokenDetails {
		t := &r.TokenDetails[i]
		x.learnToken(t.TokenID, t.PrincipalType, t.PrincipalName)
	}
	return false, nil
}
