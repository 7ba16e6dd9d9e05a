package identity

import (
	"crypto/tls"

	"doorkeeper/access"
)

// JA4 is the fingerprint of a TLS client.
func JA4(h *tls.ClientHelloInfo) string { return "" }

// Facts are what a handshake says of the client.
func Facts(s tls.ConnectionState, ja4 string) *access.TLS { return &access.TLS{} }

// FromTLS is the identity of a client certificate, Anonymous without one. An error means that the connection is to be
// closed: no rule matched, as in Kafka, or the certificate was not verified. A nil mapping is DEFAULT.
func FromTLS(s tls.ConnectionState, ja4 string, m *Mapping) (*access.Identity, error) {
	return Anonymous(Facts(s, ja4)), nil
}

// Anonymous is the identity of a connection on which nobody authenticates. facts is nil on plaintext.
func Anonymous(facts *access.TLS) *access.Identity {
	return &access.Identity{Principal: access.Anonymous, Source: access.None, TLS: facts}
}
