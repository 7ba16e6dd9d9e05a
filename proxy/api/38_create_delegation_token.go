package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateDelegationToken (key 38), versions 0 to 3 (KIP-48).
//
//   - v1: throttled after the answer; v2: flexible
//   - v3: a token for another owner, and who asked for it (KIP-373)
//
// Actions: CREATE_TOKENS on the owner's USER resource if the owner is somebody else. For oneself Kafka asks nothing.
//
// The answer holds the token's HMAC, which is its secret. Only id and owner are learned from it: with such a token
// SCRAM's user name is the token's id, and the principal is the owner's.
var createDelegationTokenRow = row(kmsg.CreateDelegationToken, deriveCreateDelegationToken, learnCreatedToken, each)

func deriveCreateDelegationToken(x *Exchange, q *kmsg.CreateDelegationTokenRequest) error {
	self := x.principal()
	owner := self
	if q.OwnerPrincipalName != nil && *q.OwnerPrincipalName != "" {
		var typ string
		if q.OwnerPrincipalType != nil {
			typ = *q.OwnerPrincipalType
		}
		owner = typ + ":" + *q.OwnerPrincipalName
	}
	x.askUser(access.OpCreateTokens, owner, self)
	return nil
}

func learnCreatedToken(x *Exchange, r *kmsg.CreateDelegationTokenResponse) (bool, error) {
	if r.ErrorCode == 0 {
		x.learnToken(r.TokenID, r.PrincipalType, r.PrincipalName)
	}
	return false, nil
}
