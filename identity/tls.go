package identity

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"doorkeeper/access"
)

// maxSAN bounds the alternative names that are kept of a certificate, and maxSANName each of them, in bytes.
const (
	maxSAN     = 100
	maxSANName = 1024
)

// ErrUnverified: the client sent a certificate that nobody has verified. Whoever configures TLS such that it gets here
// (tls.RequestClientCert, tls.RequireAnyClientCert) gets this error, and no principal out of a name that anyone can
// write into a certificate of his own.
var ErrUnverified = errors.New("identity: the client's certificate was not verified")

// FromTLS is the identity of a client certificate, Anonymous without one. An error means that the connection is to be
// closed: no rule matched, upon which a broker closes as well, or ErrUnverified. A nil mapping is DEFAULT.
func FromTLS(s tls.ConnectionState, ja4 string, m *Mapping) (*access.Identity, error) {
	if len(s.PeerCertificates) == 0 {
		return Anonymous(Facts(s, ja4)), nil
	}
	if len(s.VerifiedChains) == 0 {
		return nil, ErrUnverified
	}
	name, err := DN(s.PeerCertificates[0].RawSubject)
	if err != nil {
		return nil, err
	}
	if m != nil {
		if name, err = m.Name(name); err != nil {
			return nil, err
		}
	}
	facts := Facts(s, ja4)
	return &access.Identity{
		Principal: userPrefix + name,
		Source:    access.Mapped,
		Auth:      "TLS",
		Credential: access.Credential{
			Type: "certificate",
			ID:   facts.Fingerprint + " serial " + facts.Serial,
		},
		TLS: facts,
	}, nil
}

// Anonymous is the identity of a connection on which nobody authenticates. facts is nil on plaintext.
func Anonymous(facts *access.TLS) *access.Identity {
	return &access.Identity{Principal: access.Anonymous, Source: access.None, TLS: facts}
}

// Facts are what a handshake says of the client, whether or not SASL will say who it is. Names are as Java prints them
// (DN), alternative names as "DNS:…", "IP:…", "URI:…" and "email:…", the serial number in lower-case hexadecimal as
// openssl has it. A certificate that was not verified adds nothing but its fingerprint: the rest would be a claim of
// its own.
func Facts(s tls.ConnectionState, ja4 string) *access.TLS {
	t := &access.TLS{Version: version(s.Version), JA4: ja4, ServerName: s.ServerName}
	if len(s.PeerCertificates) == 0 {
		return t
	}
	leaf := s.PeerCertificates[0]
	sum := sha256.Sum256(leaf.Raw)
	t.Fingerprint = hex.EncodeToString(sum[:])
	if len(s.VerifiedChains) == 0 {
		return t
	}
	t.Serial = leaf.SerialNumber.Text(16)
	t.Subject, _ = DN(leaf.RawSubject)
	t.Issuer, _ = DN(leaf.RawIssuer)
	t.SAN = alternativeNames(leaf)
	return t
}

func alternativeNames(c *x509.Certificate) []string {
	var names []string
	add := func(kind, name string) {
		if len(names) < maxSAN && len(name) <= maxSANName {
			names = append(names, kind+":"+name)
		}
	}
	for _, u := range c.URIs {
		add("URI", u.String())
	}
	for _, d := range c.DNSNames {
		add("DNS", d)
	}
	for _, ip := range c.IPAddresses {
		add("IP", ip.String())
	}
	for _, e := range c.EmailAddresses {
		add("email", e)
	}
	return names
}

func version(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "1.0"
	case tls.VersionTLS11:
		return "1.1"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return fmt.Sprintf("0x%04x", v)
}
