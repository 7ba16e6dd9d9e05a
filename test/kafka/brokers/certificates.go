package brokers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates is a folder of PEM files from one authority made for one test run: ca.pem, and NAME.pem (certificate),
// NAME.key (PKCS #8) and NAME.store.pem (both, as Kafka's PEM key stores want them) for the brokers ("broker"),
// doorkeeper ("doorkeeper") and a few users.
type Certificates struct {
	Dir  string
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	Pool *x509.CertPool
}

// The users that have a certificate, CN=<name>,OU=tests,O=doorkeeper.
var certificateUsers = []string{"alice", "erp"}

// NewCertificates fills dir.
func NewCertificates(dir string) (*Certificates, error) {
	c := &Certificates{Dir: dir, Pool: x509.NewCertPool()}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := certificate("test-ca", 1)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		return nil, err
	}
	if c.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	c.Pool.AddCert(c.ca)
	if err := os.WriteFile(c.Path("ca.pem"), block("CERTIFICATE", der), 0o644); err != nil {
		return nil, err
	}
	for i, name := range append([]string{"broker", "doorkeeper"}, certificateUsers...) {
		if err := c.issue(name, int64(i+2)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Path is the path of the file name.
func (c *Certificates) Path(name string) string { return filepath.Join(c.Dir, name) }

// Pair returns the certificate of name with its key.
func (c *Certificates) Pair(name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(c.Path(name+".pem"), c.Path(name+".key"))
}

func (c *Certificates) issue(name string, serial int64) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate(name, serial), c.ca, &key.PublicKey, c.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certPEM, keyPEM := block("CERTIFICATE", der), block("PRIVATE KEY", private)
	for suffix, content := range map[string][]byte{
		".pem": certPEM, ".key": keyPEM, ".store.pem": append(append([]byte{}, keyPEM...), certPEM...),
	} {
		if err := os.WriteFile(c.Path(name+suffix), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func certificate(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name, OrganizationalUnit: []string{"tests"}, Organization: []string{"doorkeeper"}},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(240 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.ParseIP(Loopback), net.ParseIP(Tapped)},
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
