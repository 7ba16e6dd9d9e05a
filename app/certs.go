package app

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"doorkeeper/config"
)

// A role says what a TLS configuration is for.
type role uint8

const (
	towardClients role = iota
	towardServers      // brokers and sinks: the proxy is their client
	forAdmin
)

// A purpose is what makes two uses of TLS the same one: the files, and how they are used.
type purpose struct {
	role          role
	cert, key, ca string
	clientAuth    string // of towardClients
}

func listenerPurpose(t *config.ListenerTLS) purpose {
	return purpose{towardClients, t.CertFile, t.KeyFile, t.ClientCAFile, t.ClientAuth}
}

func upstreamPurpose(t *config.UpstreamTLS) purpose {
	return purpose{role: towardServers, cert: t.CertFile, key: t.KeyFile, ca: t.CAFile}
}

func adminPurpose(t *config.AdminTLS) purpose {
	return purpose{role: forAdmin, cert: t.CertFile, key: t.KeyFile, ca: t.ClientCAFile}
}

// files are those that are named, the certificate first.
func (p purpose) files() []string {
	var files []string
	for _, f := range []string{p.cert, p.key, p.ca} {
		if f != "" {
			files = append(files, f)
		}
	}
	return files
}

// String names it in logs, records and metrics: by its certificate, or its CAs where it shows none.
func (p purpose) String() string {
	if p.cert != "" {
		return p.cert
	}
	return p.ca
}

// material is one state of a purpose's files. It is immutable: a new state is a new one, so that a handshake has a
// certificate, a key and CAs that belong together.
type material struct {
	config  *tls.Config
	digest  string // of the files' content; the key's is not part of it
	expires time.Time
}

// A keeper holds the material in use for one purpose, and replaces it when the files have changed into something that
// loads. Broken files change nothing.
type keeper struct {
	purpose purpose
	current atomic.Pointer[material]
	stale   atomic.Bool
}

func newKeeper(p purpose) (*keeper, error) {
	k := &keeper{purpose: p}
	m, err := p.load()
	if err != nil {
		return nil, err
	}
	k.current.Store(m)
	return k, nil
}

// config is the TLS configuration for the next handshake.
func (k *keeper) config() *tls.Config { return k.current.Load().config }

// refresh reads the files again. It returns the digests before and after, which are the same when nothing changed.
func (k *keeper) refresh() (before, after string, err error) {
	old := k.current.Load()
	m, err := k.purpose.load()
	if err != nil {
		k.stale.Store(true)
		return old.digest, "", err
	}
	k.stale.Store(false)
	if m.digest != old.digest {
		k.current.Store(m)
	}
	return old.digest, m.digest, nil
}

func (p purpose) load() (*material, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	m := &material{config: c}
	digest := sha256.New()
	if p.cert != "" {
		pair, err := config.LoadPair(p.cert, p.key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{*pair}
		m.expires = pair.Leaf.NotAfter
		for _, der := range pair.Certificate {
			digest.Write(der)
		}
	}
	if p.ca != "" {
		pool, err := config.LoadCAs(p.ca)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(p.ca)
		if err != nil {
			return nil, fmt.Errorf("reading the CAs: %w", err)
		}
		digest.Write(text)
		if p.role == towardServers {
			c.RootCAs = pool
		} else {
			c.ClientCAs = pool
			c.ClientAuth = p.verify()
		}
	}
	m.digest = "sha256:" + hex.EncodeToString(digest.Sum(nil))
	return m, nil
}

// verify: a certificate that is shown is always verified; one that nobody vouches for would be a name out of thin air.
func (p purpose) verify() tls.ClientAuthType {
	switch {
	case p.role == forAdmin || p.clientAuth == config.ClientAuthRequire:
		return tls.RequireAndVerifyClientCert
	case p.clientAuth == config.ClientAuthRequest:
		return tls.VerifyClientCertIfGiven
	}
	return tls.NoClientCert
}

// keepers are those of one configuration, by purpose.
type keepers map[purpose]*keeper

// get returns the keeper of old where there is one, so that what it holds stays, and else a new one.
func (ks keepers) get(old keepers, p purpose) (*keeper, error) {
	if k := ks[p]; k != nil {
		return k, nil
	}
	k := old[p]
	if k == nil {
		var err error
		if k, err = newKeeper(p); err != nil {
			return nil, err
		}
	}
	ks[p] = k
	return k, nil
}

// sorted lists them by name, once each.
func (ks keepers) sorted() []*keeper {
	return sortedBy(ks, func(k *keeper) string { return strings.Join(k.purpose.files(), "\n") })
}

// UpstreamTLS is the TLS toward a cluster's brokers as the proxy would use it, nil for plaintext.
func UpstreamTLS(t *config.UpstreamTLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	m, err := upstreamPurpose(t).load()
	if err != nil {
		return nil, err
	}
	c := m.config.Clone()
	c.ServerName = t.ServerName
	return c, nil
}
