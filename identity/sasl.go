package identity

import "doorkeeper/access"

// An Outcome is what an answer of the broker means for a SASL exchange.
type Outcome uint8

// Pending: another round follows. Success: the broker accepted the client. Failure: it did not. Accepted: the broker
// took a token of a mechanism that cannot be read, which may or may not have been the last one; the client goes on with
// tokens or with requests, and the broker closes on requests that come too early.
const (
	Pending Outcome = iota
	Success
	Failure
	Accepted
)

// Unknown is the principal of who authenticated in a way that cannot be read, and of a failed login whose user name is
// not disclosed.
const Unknown = "User:?"

// OAuth says how a listener reads OAUTHBEARER tokens (configuration, oauth).
type OAuth struct {
	PrincipalClaim string   // "": "sub"
	Claims         []string // of iss, sub, azp, scope, groups
}

// Options are what the observers of a listener's connections share, and the connection's TLS facts.
type Options struct {
	OAuth OAuth
	Known *Known                         // names that succeeded before; nil: no failed login's name is disclosed
	Owner func(id string) (string, bool) // a delegation token's owner, as "User:name"; nil: nobody knows
	TLS   *access.TLS                    // nil on plaintext
}

// A Result is the outcome of one answer and, unless it is pending, the identity it is about.
type Result struct {
	Outcome  Outcome
	Identity *access.Identity
}

// SASL observes the SASL exchanges of one connection, one after the other.
type SASL struct{ raw bool }

// NewSASL returns the observer of a connection that has not authenticated.
func NewSASL(o Options) *SASL { return &SASL{} }

// Handshake notes the client's SaslHandshake request, before it is forwarded.
func (s *SASL) Handshake(mechanism string, version int16) {}

// HandshakeAnswer notes the broker's answer to it. Only code 0 starts an exchange.
func (s *SASL) HandshakeAnswer(code int16) error { return nil }

// Raw says that what both sides send next are raw tokens, length-prefixed without a Kafka header.
func (s *SASL) Raw() bool { return s.raw }

// Token notes a client's token: of SaslAuthenticate, or raw.
func (s *SASL) Token(client []byte) error { return nil }

// Answer notes the broker's answer to a token. In raw mode code is 0.
func (s *SASL) Answer(server []byte, code int16) (Result, error) { return Result{}, nil }

// Lost notes that the connection ended. If an exchange was open, it failed, and ok is true.
func (s *SASL) Lost() (r Result, ok bool) { return Result{}, false }

// Same says whether a re-authentication kept the principal, as a broker demands.
func Same(before, after *access.Identity) bool { return before.Principal == after.Principal }
