package access

import (
	"net/netip"
	"time"

	"github.com/oklog/ulid/v2"
)

// A Session is one client connection, accept to close. Nothing in it changes once the response pump has started
// (Upstream and Broker are set by the dial before that).
type Session struct {
	ID       ulid.ULID
	Opened   time.Time
	Proxy    string
	Cluster  string
	Listener string

	Source     netip.AddrPort // the client as policies see it
	SourceFrom string         // "tcp" or "proxy_v2"
	Peer       netip.AddrPort // the TCP peer, always
	Local      netip.AddrPort // the address that the client connected to
	Upstream   netip.AddrPort // our own address toward the broker
	Remote     netip.AddrPort // the broker's address
	Broker     int32          // node id, -1 behind a bootstrap address
}

// Principal sources (Identity.Source).
const (
	Observed   = "observed"   // a SASL name that the broker accepted
	Mapped     = "mapped"     // from a certificate by mapping rules, or from a token's claim
	Unverified = "unverified" // authenticated by a mechanism that cannot be read
	None       = "none"       // nobody authenticated
)

// Anonymous is Kafka's principal of a connection without authentication.
const Anonymous = "User:ANONYMOUS"

// An Identity says who is at the other end and how that is known. It is immutable: a connection swaps the pointer.
type Identity struct {
	Principal  string // Kafka's "Type:name"
	Source     string // Observed, Mapped, Unverified or None
	Auth       string // "SCRAM-SHA-256", …; "TLS" for a client certificate; "" for none
	Credential Credential
	TLS        *TLS // nil on plaintext
	Token      *Token
}

// A Credential names what proved the identity, never the secret itself.
type Credential struct {
	Type string // "certificate", "token", "delegation_token"
	ID   string // certificate: "<SHA-256 hex> serial <n>"; token: "jti=… iss=…"; delegation token: its id
}

// TLS holds the facts of the client's TLS handshake.
type TLS struct {
	Version     string // "1.2", "1.3"
	JA4         string
	Subject     string // RFC 2253, empty without a client certificate
	SAN         []string
	Issuer      string
	Fingerprint string // SHA-256 of the leaf's DER, lower-case hex
	Serial      string
	ServerName  string
}

// Token holds the configured claims of an OAUTHBEARER token.
type Token struct {
	Iss, Sub, Azp string
	Scope, Groups []string
}

// A Client is what a client says of itself: per request, and believed by nobody.
type Client struct {
	ID              string
	SoftwareName    string
	SoftwareVersion string
}
