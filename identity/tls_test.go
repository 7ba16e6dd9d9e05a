package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/access"
)

func leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA", Organization: []string{"Org"}}}
	c := &x509.Certificate{
		SerialNumber:   big.NewInt(0xAB12),
		Subject:        pkix.Name{CommonName: "erp", OrganizationalUnit: []string{"apps"}},
		DNSNames:       []string{"erp.example.com"},
		IPAddresses:    []net.IP{net.IPv4(10, 0, 0, 1)},
		EmailAddresses: []string{"erp@example.com"},
		URIs:           []*url.URL{{Scheme: "spiffe", Host: "example.com", Path: "/erp"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestFromTLS(t *testing.T) {
	c := leaf(t)
	sum := sha256.Sum256(c.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	state := tls.ConnectionState{
		Version: tls.VersionTLS13, ServerName: "kafka", PeerCertificates: []*x509.Certificate{c},
		VerifiedChains: [][]*x509.Certificate{{c}},
	}
	want := &access.Identity{
		Principal: "User:CN=erp,OU=apps", Source: access.Mapped, Auth: "TLS",
		Credential: access.Credential{Type: "certificate", ID: fingerprint + " serial ab12"},
		TLS: &access.TLS{
			Version: "1.3", JA4: "j", Subject: "CN=erp,OU=apps", Issuer: "CN=CA,O=Org", Fingerprint: fingerprint,
			Serial: "ab12", ServerName: "kafka",
			SAN: []string{"URI:spiffe://example.com/erp", "DNS:erp.example.com", "IP:10.0.0.1", "email:erp@example.com"},
		},
	}
	got, err := FromTLS(state, "j", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	m, err := ParseMapping([]string{"RULE:^CN=([^,]+).*$/$1/U"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = FromTLS(state, "j", m); err != nil || got.Principal != "User:ERP" {
		t.Errorf("mapped: %v, %v", got, err)
	}
	if m, err = ParseMapping([]string{"RULE:^OU=.*$/x/"}); err != nil {
		t.Fatal(err)
	}
	if got, err = FromTLS(state, "j", m); err == nil {
		t.Errorf("no rule matches: %v", got)
	}
}

func TestUnverifiedCertificate(t *testing.T) {
	c := leaf(t)
	state := tls.ConnectionState{Version: tls.VersionTLS12, PeerCertificates: []*x509.Certificate{c}}
	if got, err := FromTLS(state, "", nil); !errors.Is(err, ErrUnverified) {
		t.Errorf("got %v, %v", got, err)
	}
	facts := Facts(state, "")
	if facts.Subject != "" || facts.SAN != nil || facts.Serial != "" || facts.Fingerprint == "" {
		t.Errorf("facts %+v", facts)
	}
}

func TestAnonymous(t *testing.T) {
	got, err := FromTLS(tls.ConnectionState{Version: tls.VersionTLS12, ServerName: "k"}, "j", nil)
	want := &access.Identity{Principal: "User:ANONYMOUS", Source: access.None,
		TLS: &access.TLS{Version: "1.2", JA4: "j", ServerName: "k"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if Anonymous(nil).TLS != nil {
		t.Error("TLS facts on plaintext")
	}
}
