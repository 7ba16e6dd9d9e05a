package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ExpireDelegationToken (key 40), versions 0 to 2 (KIP-48). A negative period ends the token at once.
//
//   - v1: throttled after the answer; v2: flexible
//
// Actions: none, and no token is named: see RenewDelegationToken; denied as well.
var expireDelegationTokenRow = row[kmsg.ExpireDelegationTokenRequest, kmsg.ExpireDelegationTokenResponse](
	kmsg.ExpireDelegationToken, deriveExpireDelegationToken, nil, each, denies(denyExpireDelegationToken))

func deriveExpireDelegationToken(x *Exchange, _ *kmsg.ExpireDelegationTokenRequest) error {
	x.Ask(access.OpNone, access.ResDelegationToken, "")
	return nil
}

func denyExpireDelegationToken(*Exchange, *kmsg.ExpireDelegationTokenRequest) (*kmsg.ExpireDelegationTokenResponse, error) {
	r := kmsg.NewPtrExpireDelegationTokenResponse()
	r.ErrorCode, r.ExpiryTimestamp = errTokenAuthorization, -1
	return r, nil
}
