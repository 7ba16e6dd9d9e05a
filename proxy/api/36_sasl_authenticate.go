package api

import "github.com/twmb/franz-go/pkg/kmsg"

// SaslAuthenticate (key 36), versions 0 to 2 (KIP-152).
//
//   - v1: lifetime of the session, after which the client authenticates again (KIP-368); v2: flexible
//
// Actions: none, as with SaslHandshake. Its bytes are secrets: nothing here reads or keeps them.
var saslAuthenticateRow = row[kmsg.SASLAuthenticateRequest, kmsg.SASLAuthenticateResponse](
	kmsg.SASLAuthenticate, deriveSaslAuthenticate, nil)

func deriveSaslAuthenticate(*Exchange, *kmsg.SASLAuthenticateRequest) error { return nil }
