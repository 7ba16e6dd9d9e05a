package proxy

import (
	"errors"
	"fmt"
	"time"

	"doorkeeper/access"
	"doorkeeper/identity"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// authFrame bounds frames before a session counts as authenticated, in bytes (Kafka's own default for it:
// sasl.server.max.receive.size).
const authFrame = 512 << 10

// phase is how far a session is in saying who it is.
type phase uint8

const (
	fresh      phase = iota // nothing but ApiVersions was asked: anything may come
	exchange                // SaslHandshake came: only it, SaslAuthenticate and ApiVersions pass until success
	admitted                // the session is somebody's, or ANONYMOUS's
	reexchange              // admitted, and authenticating again (KIP-368)
)

// A gate watches a connection authenticate (DESIGN of SASL: the exchange passes through and is observed). It belongs to
// the request pump, which hands it over while it waits for the answer to a handshake or a token: so no request is
// decided under the identity before.
type gate struct {
	phase phase
	sasl  *identity.SASL
}

// begin makes the observer when the first handshake comes.
func (g *gate) begin(c *conn) {
	if g.sasl != nil {
		return
	}
	spec := c.l.spec.Load()
	g.sasl = identity.NewSASL(identity.Options{
		OAuth: spec.OAuth, Known: c.p.known, Owner: c.s.cluster.TokenOwner, TLS: c.identity.Load().TLS,
	})
}

// passes says whether an API may pass now, and moves on where the first request settles what this session is.
func (g *gate) passes(c *conn, key int16) error {
	sasl := key == int16(kmsg.SASLHandshake) || key == int16(kmsg.SASLAuthenticate)
	switch {
	case key == int16(kmsg.ApiVersions):
		if g.phase == fresh {
			c.since.Store(0) // it speaks: whether it authenticates, and when, shows later
		}
	case g.phase == fresh && sasl:
		g.phase = exchange
		c.since.Store(time.Now().UnixNano())
	case g.phase == fresh:
		g.phase = admitted
		c.settled.Store(true)
		c.since.Store(0)
	case g.phase == exchange && !sasl:
		return fmt.Errorf("%s before authentication was complete", kmsg.NameForKey(key))
	case g.phase == admitted && sasl:
		g.phase = reexchange
	}
	return nil
}

// handshakeAnswer takes the broker's answer to SaslHandshake.
func (g *gate) handshakeAnswer(code int16) error {
	if code != 0 && g.phase == reexchange {
		g.phase = admitted // re-authentication is off: the connection lives on as it was
	}
	return g.sasl.HandshakeAnswer(code)
}

// tokenAnswer takes the broker's answer to a token.
func (g *gate) tokenAnswer(c *conn, token []byte, code int16) error {
	r, err := g.sasl.Answer(token, code)
	if err != nil {
		return err
	}
	switch r.Outcome {
	case identity.Failure:
		c.authn(r.Identity, "FAILURE", protocol.ErrorName(code))
	case identity.Success, identity.Accepted:
		return g.success(c, r.Identity)
	}
	return nil
}

func (g *gate) success(c *conn, id *access.Identity) error {
	if g.phase == reexchange && !identity.Same(c.identity.Load(), id) {
		c.authn(id, "FAILURE", "principal changed in re-authentication")
		return errors.New("re-authentication changed the principal")
	}
	if id.Source == access.Unverified && !c.l.spec.Load().AllowUnverified {
		c.authn(id, "FAILURE", "mechanism cannot be read")
		return fmt.Errorf("mechanism %s cannot be read, so nobody knows who this is (listeners: allow_unverified)", id.Auth)
	}
	if id.Credential == (access.Credential{}) { // a certificate that came before proves something still
		id.Credential = c.identity.Load().Credential
	}
	before := c.identity.Swap(id)
	c.log.Identify(id, c.who.Load())
	c.settled.Store(true)
	if by := c.barred(); by != nil {
		return g.refuse(c, id, by)
	}
	if id.Source != access.Unverified || before.Source != access.Unverified { // a round of an exchange that cannot be read
		c.authn(id, "SUCCESS", "")
	}
	g.phase = admitted
	c.since.Store(0)
	return nil
}

// authn records a login. Called by whoever owns the log.
func (c *conn) authn(id *access.Identity, operation, problem string) {
	r := &access.Record{Kind: "authn", Operation: operation, Mechanism: id.Auth, Error: problem}
	if operation == "FAILURE" {
		c.p.totals.authFailures.Add(1)
		r.Principal, r.PrincipalSource, r.Auth = id.Principal, id.Source, id.Auth
	}
	c.log.Event(r)
}

// raw says whether the next frame is a token without a header.
func (g *gate) raw() bool { return g.sasl != nil && g.sasl.Raw() }

// lost records an exchange that the connection's end broke off, as a broker's close in place of an answer does.
func (g *gate) lost(c *conn) {
	if g.sasl == nil {
		return
	}
	if r, ok := g.sasl.Lost(); ok {
		c.authn(r.Identity, "FAILURE", "closed by the broker, or by the client, before the answer")
	}
}
