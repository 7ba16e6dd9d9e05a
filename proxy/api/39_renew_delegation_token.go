package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// RenewDelegationToken (key 39), versions 0 to 2 (KIP-48).
//
//   - v1: throttled after the answer; v2: flexible
//
// Actions: none: the controller lets a token's owner and renewers renew it and asks no authorizer. The request names
// the token by its HMAC alone, which is the secret itself: so the action names no token.
//
// Denied, which only a policy of ours can do: 65, and no time.
var renewDelegationTokenRow = row[kmsg.RenewDelegationTokenRequest, kmsg.RenewDelegationTokenResponse](
	kmsg.RenewDelegationToken, deriveRenewDelegationToken, nil, each, denies(denyRenewDelegationToken))

func deriveRenewDelegationToken(x *Exchange, _ *kmsg.RenewDelegationTokenRequest) error {
	x.Ask(access.OpNone, access.ResDelegationToken, "")
	return nil
}

func denyRenewDelegationToken(*Exchange, *kmsg.RenewDelegationTokenRequest) (*kmsg.RenewDelegationTokenResponse, error) {
	r := kmsg.NewPtrRenewDelegationTokenResponse()
	r.ErrorCode, r.ExpiryTimestamp = errTokenAuthorization, -1
	return r, nil
}
