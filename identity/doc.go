// Package identity turns bytes and TLS state into an access.Identity: it observes SASL exchanges, maps certificate
// names to principals as Kafka's brokers do, and takes a TLS client's fingerprint (JA4).
//
// It authenticates nobody. The broker does that; an observed name counts only once the broker has said success, and
// what the broker might have read differently is not guessed but called unverified. Only a client certificate, which
// crypto/tls has verified by then, is the proxy's own finding.
//
// It is pure: no sockets, no clock, no log. It may import protocol and access. No password, token or proof is in any of
// its values after a call has returned.
package identity
