package api

import "github.com/twmb/franz-go/pkg/kmsg"

// SaslHandshake (key 17), versions 0 to 1.
//
//   - v0: raw tokens follow, without Kafka's framing; v1: SaslAuthenticate follows (KIP-152)
//
// Actions: none: it comes before there is anybody to decide about. What it means for the connection is the pumps'
// and the SASL observer's.
var saslHandshakeRow = row[kmsg.SASLHandshakeRequest, kmsg.SASLHandshakeResponse](
	kmsg.SASLHandshake, deriveSaslHandshake, nil)

func deriveSaslHandshake(*Exchange, *kmsg.SASLHandshakeRequest) error { return nil }
