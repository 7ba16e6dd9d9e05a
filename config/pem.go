package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// renewBefore is how long before its end a certificate is worth a warning: a week, or the last tenth of a short life,
// since certificates of a day are renewed by machines.
func renewBefore(leaf *x509.Certificate) time.Duration {
	return min(7*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/10)
}

// checkPair loads a certificate and its key, which must belong together.
func (c *Config) checkPair(path, cert, key string, required bool) {
	switch {
	case cert == "" && key == "":
		if required {
			c.source.fail(path+".cert_file", "is required, and key_file with it")
		}
		return
	case cert == "":
		c.source.fail(path+".cert_file", "is required with key_file")
		return
	case key == "":
		c.source.fail(path+".key_file", "is required with cert_file")
		return
	}
	pair, err := LoadPair(cert, key)
	if err != nil {
		c.source.fail(path+".cert_file", "%v", err)
		return
	}
	now := time.Now()
	if now.After(pair.Leaf.NotAfter) {
		c.source.warn(path+".cert_file", "the certificate expired %s: renew it", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	} else if now.Add(renewBefore(pair.Leaf)).After(pair.Leaf.NotAfter) {
		c.source.warn(path+".cert_file", "the certificate expires %s: renew it", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(pair.Leaf.NotBefore) {
		c.source.warn(path+".cert_file", "the certificate is valid only from %s: check the clock", pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
}

func (c *Config) checkCA(path, file string) {
	if file == "" {
		return
	}
	if _, err := LoadCAs(file); err != nil {
		c.source.fail(path, "%v", err)
	}
}

// LoadPair reads a certificate and its key from PEM files. Leaf is set.
func LoadPair(cert, key string) (*tls.Certificate, error) {
	certPEM, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(key)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s and %s do not load as a pair: %w", cert, key, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("reading the certificate in %s: %w", cert, err)
		}
	}
	return &pair, nil
}

// LoadCAs reads a file of PEM certificates into a pool.
func LoadCAs(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CAs: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " holds no certificate in PEM form")
	}
	return pool, nil
}
