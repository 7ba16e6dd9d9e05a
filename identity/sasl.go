package identity

import (
	"errors"

	"doorkeeper/access"
)

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

var outcomeNames = [...]string{Pending: "pending", Success: "success", Failure: "failure", Accepted: "accepted"}

// String returns the outcome as a word.
func (o Outcome) String() string { return outcomeNames[o] }

// Unknown is the principal of who authenticated in a way that cannot be read, and of a failed login whose user name is
// not disclosed.
const Unknown = "User:?"

// Errors of an observer. After one of them nobody can say who the client is: the caller closes the connection.
var (
	// ErrUnreadable: raw tokens of a mechanism that cannot be read have no end that could be seen.
	ErrUnreadable = errors.New("identity: raw SASL tokens of a mechanism that cannot be read: nobody can tell where the exchange ends")
	// ErrOrder: a token without an accepted handshake that the broker took all the same, or two tokens without the
	// answer in between.
	ErrOrder = errors.New("identity: SASL token out of order")
	// ErrAnswer: the broker said success and the token that came with it says something else.
	ErrAnswer = errors.New("identity: the broker's SASL answer does not fit the mechanism")
)

// Options are what the observers of a listener's connections share, and the connection's TLS facts.
type Options struct {
	OAuth OAuth
	Known *Known                         // names that succeeded before; nil: no failed login's name is disclosed
	Owner func(id string) (string, bool) // a delegation token's owner, as "User:name"; nil: nobody knows
	TLS   *access.TLS                    // nil on plaintext
}

// A Result is the outcome of one answer and, unless it is pending, the identity it is about. A failure's identity has
// the source "none" and says no more than may be recorded.
type Result struct {
	Outcome  Outcome
	Identity *access.Identity
}

// A claim is what a client's message says about who it is. The zero claim is one that could not be read.
type claim struct {
	principal  string
	source     string
	credential access.Credential
	token      *access.Token
}

// SASL observes the SASL exchanges of one connection, one after the other. It keeps the name that the client gave until
// the broker has answered, and nothing else of what the client sent.
//
//   - The caller lets one message pass at a time: handshake, its answer, token, its answer.
//   - An exchange starts only on the broker's answer 0 to a handshake: a listener without SASL answers 34 and executes
//     the next ordinary frame, so that raw tokens before that answer would be read as something they are not.
//   - A failed exchange leaves the identity that the connection had before; to close is the broker's and the caller's.
//
// It is not safe for concurrent use: one message after the other means that there is one user.
type SASL struct {
	options   Options
	mechanism string
	version   int16
	state     state
	step      int // tokens of this exchange, from 1
	claim     claim
}

type state uint8

const (
	idle    state = iota // no exchange
	offered              // the client's handshake waits for its answer
	open                 // the client's turn
	asked                // a token waits for its answer
	passed               // the broker took a token of a mechanism that cannot be read: the client's turn, if it is not over
)

// NewSASL returns the observer of a connection that has not authenticated.
func NewSASL(o Options) *SASL { return &SASL{options: o} }

// Handshake notes the client's SaslHandshake request, before it is forwarded. It drops an exchange that was open.
func (s *SASL) Handshake(mechanism string, version int16) {
	s.reset()
	s.mechanism, s.version, s.state = mechanismName(mechanism), version, offered
}

// HandshakeAnswer notes the broker's answer to it. Only code 0 starts an exchange. ErrUnreadable means that what follows
// is raw and of a mechanism that cannot be read.
func (s *SASL) HandshakeAnswer(code int16) error {
	if s.state != offered {
		return ErrOrder
	}
	if code != 0 {
		s.reset()
		return nil
	}
	s.state = open
	if s.version == 0 && !readable(s.mechanism) {
		s.reset()
		return ErrUnreadable
	}
	return nil
}

// Raw says that what both sides send next are raw tokens: length-prefixed, without a Kafka header.
func (s *SASL) Raw() bool { return s.version == 0 && (s.state == open || s.state == asked) }

// Open says that an exchange is under way, from the client's handshake to the broker's last answer. After an answer
// Accepted it is not, until the client sends one more token.
func (s *SASL) Open() bool { return s.state != idle && s.state != passed }

// Mechanism is the one of the exchange under way or, between two, of the last one; "" before the first. A name that is
// none by RFC 4422 is "?".
func (s *SASL) Mechanism() string { return s.mechanism }

// Token notes a client's token: of SaslAuthenticate, or raw. One outside of an exchange is noted as well (on an
// authenticated connection the broker answers it with an error and goes on).
func (s *SASL) Token(client []byte) error {
	switch s.state {
	case offered, asked:
		return ErrOrder
	case open, passed:
		s.state = asked
	}
	s.step++
	switch s.mechanism {
	case "PLAIN":
		s.claim = parsePlain(client)
	case "SCRAM-SHA-256", "SCRAM-SHA-512":
		if s.step == 1 { // the second message names nobody
			s.claim = parseScram(client)
		}
	case "OAUTHBEARER":
		// Each one anew: Kafka takes another token from a client that it has just refused one.
		s.claim = parseBearer(client, s.options.OAuth)
	}
	return nil
}

// Answer notes the broker's answer to a token: its bytes and, of SaslAuthenticate, its error code. In raw mode code is
// 0; a broker that refuses raw tokens closes instead (Lost).
func (s *SASL) Answer(server []byte, code int16) (Result, error) {
	switch {
	case s.state == idle && code != 0: // a token outside of an exchange, and the broker says so
		return s.fail(), nil
	case s.state != asked:
		s.reset()
		return Result{}, ErrOrder
	case code != 0:
		return s.fail(), nil
	}
	outcome, err := s.read(server)
	switch {
	case err != nil:
		s.reset()
		return Result{}, err
	case outcome == Success:
		return s.succeed(), nil
	case outcome == Failure:
		return s.fail(), nil
	case outcome == Accepted:
		s.state = passed
		return Result{Outcome: Accepted, Identity: s.identity()}, nil
	}
	s.state = open
	return Result{Outcome: Pending}, nil
}

// read says what an answer with code 0 means in the exchange's mechanism.
func (s *SASL) read(server []byte) (Outcome, error) {
	switch s.mechanism {
	case "PLAIN":
		return Success, nil
	case "SCRAM-SHA-256", "SCRAM-SHA-512":
		return readScram(server, s.step)
	case "OAUTHBEARER":
		// RFC 7628: success is an empty answer; an error is JSON, with which the exchange is not over: the client
		// sends \x01, and the answer to that is the failure.
		if len(server) == 0 {
			return Success, nil
		}
		return Pending, nil
	}
	return Accepted, nil
}

// Lost notes that the connection ended. If an exchange was under way it failed (in raw mode that is how a broker says
// it), and ok is true.
func (s *SASL) Lost() (r Result, ok bool) {
	if !s.Open() {
		return Result{}, false
	}
	return s.fail(), true
}

func (s *SASL) succeed() Result {
	id := s.identity()
	if s.options.Known != nil && id.Source != access.Unverified {
		s.options.Known.Add(s.claim.principal)
		s.options.Known.Add(id.Principal)
	}
	s.reset()
	return Result{Outcome: Success, Identity: id}
}

// fail discloses a name only if it has succeeded before: people type passwords into the user field. What else the
// client claimed, a token's id for one, nobody has confirmed.
func (s *SASL) fail() Result {
	id := &access.Identity{Principal: Unknown, Source: access.None, Auth: s.mechanism, TLS: s.options.TLS}
	if s.claim.principal != "" && s.options.Known != nil && s.options.Known.Has(s.claim.principal) {
		id.Principal = s.claim.principal
	}
	id = Resolve(id, s.options.Owner)
	s.reset()
	return Result{Outcome: Failure, Identity: id}
}

// identity is the claim's, now that the broker accepted it; unverified if it could not be read.
func (s *SASL) identity() *access.Identity {
	id := &access.Identity{Principal: Unknown, Source: access.Unverified, Auth: s.mechanism, TLS: s.options.TLS}
	if s.claim.principal != "" {
		id.Principal, id.Source = s.claim.principal, s.claim.source
		id.Credential, id.Token = s.claim.credential, s.claim.token
	}
	return Resolve(id, s.options.Owner)
}

func (s *SASL) reset() {
	s.state, s.step, s.version, s.claim = idle, 0, 0, claim{}
}

// readable mechanisms are those whose messages name the client and whose last message can be told.
func readable(mechanism string) bool {
	switch mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER":
		return true
	}
	return false
}

// mechanismName passes what RFC 4422 calls a mechanism name: 1 to 20 of A-Z, 0-9, "-" and "_". The rest is the
// client's free text, which no record should carry as a mechanism.
func mechanismName(s string) string {
	if len(s) < 1 || len(s) > 20 {
		return "?"
	}
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return "?"
		}
	}
	return s
}
