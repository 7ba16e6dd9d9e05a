package api

import (
	"strings"

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
// Denied: 65, which names owner and requester. (A connection without authentication, or with a token, gets
// DELEGATION_TOKEN_REQUEST_NOT_ALLOWED before that; the listener that a broker sees is not the client's, so we do not.)
//
// The answer holds the token's HMAC, which is its secret. Only id and owner are learned from it: with such a token
// SCRAM's user name is the token's id, and the principal is the owner's.
var createDelegationTokenRow = row(kmsg.CreateDelegationToken, deriveCreateDelegationToken, learnCreatedToken, each,
	denies(denyCreateDelegationToken))

func deriveCreateDelegationToken(x *Exchange, q *kmsg.CreateDelegationTokenRequest) error {
	self := x.principal()
	typ, name := tokenOwner(q, self)
	x.askUser(access.OpCreateTokens, typ+":"+name, self)
	return nil
}

// tokenOwner is whose the token shall be, type and name: the one who asks where nobody is named.
func tokenOwner(q *kmsg.CreateDelegationTokenRequest, self string) (typ, name string) {
	if q.OwnerPrincipalName == nil || *q.OwnerPrincipalName == "" {
		typ, name, _ = strings.Cut(self, ":")
		return typ, name
	}
	return deref(q.OwnerPrincipalType), *q.OwnerPrincipalName
}

func denyCreateDelegationToken(x *Exchange, q *kmsg.CreateDelegationTokenRequest) (*kmsg.CreateDelegationTokenResponse, error) {
	r := kmsg.NewPtrCreateDelegationTokenResponse()
	r.ErrorCode = errTokenAuthorization
	self := x.principal()
	if q.OwnerPrincipalType == nil && deref(q.OwnerPrincipalName) != "" { // no principal, to a broker
		r.ErrorCode, q.OwnerPrincipalName, self = errUnknownServer, nil, access.Anonymous
	}
	r.PrincipalType, r.PrincipalName = tokenOwner(q, self)
	r.TokenRequesterPrincipalType, r.TokenRequesterPrincipalName, _ = strings.Cut(self, ":")
	r.IssueTimestamp, r.ExpiryTimestamp, r.MaxTimestamp = -1, -1, -1
	return r, nil
}

func learnCreatedToken(x *Exchange, r *kmsg.CreateDelegationTokenResponse) (bool, error) {
	if r.ErrorCode == 0 {
		x.learnToken(r.TokenID, r.PrincipalType, r.PrincipalName)
	}
	return false, nil
}
