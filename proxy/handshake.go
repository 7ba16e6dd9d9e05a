package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"

	"doorkeeper/access"
	"doorkeeper/identity"
	"doorkeeper/relay"
)

// handshake brings the client's TLS up, if the listener has it, and says who is there before any request.
func (c *conn) handshake() error {
	spec := c.l.spec.Load()
	if spec.TLS == nil {
		c.client = c.raw
		c.identity.Store(identity.Anonymous(nil))
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.p.timeouts.Load().Handshake)
	defer cancel()
	shared := spec.TLS()
	var ja4 string
	// The shared configuration is handed out by reference: a clone would have session ticket keys of its own, and
	// nobody could resume.
	c.records = relay.NewRecords(c.raw, c.p.pool)
	t := tls.Server(c.records, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		ja4 = identity.JA4(h)
		return shared, nil
	}})
	if err := t.HandshakeContext(ctx); err != nil {
		err = clientTLSError(err)
		c.failedTLS(err)
		return err
	}
	id, err := identity.FromTLS(t.ConnectionState(), ja4, spec.Mapping)
	if err != nil {
		c.failedTLS(err)
		return err
	}
	c.client = t
	c.identity.Store(id)
	return nil
}

var errPlaintext = errors.New("plaintext client on a TLS listener")

func clientTLSError(err error) error {
	var rec tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &rec):
		return errPlaintext
	case errors.Is(err, io.EOF):
		return errors.New("the client closed in the middle of the TLS handshake")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no TLS handshake within timeouts.handshake")
	}
	return err
}

// failedTLS records a client that never became a session.
func (c *conn) failedTLS(err error) {
	if c.cause.Load() != nil || c.p.draining.Load() {
		return // it was us
	}
	c.p.totals.authFailures.Add(1)
	c.p.alarm(slog.LevelWarn, "TLS handshake failed", "listener", c.l.name, "client", c.session.Source.String(), "error", err)
	c.p.opt.Journal.Append(&access.Record{
		Kind: "authn", Operation: "FAILURE", Cluster: c.session.Cluster, Listener: c.session.Listener,
		Session: c.session.ID.String(), Source: c.session.Source.String(), SourceFrom: c.session.SourceFrom,
		Peer: c.session.Peer.String(), Auth: "TLS", Mechanism: "TLS", Error: err.Error(), Principal: identity.Unknown,
		PrincipalSource: access.None,
	})
}
