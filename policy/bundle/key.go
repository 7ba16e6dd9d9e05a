package bundle

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// A publicKey verifies signatures, by the algorithms that its kind of key has (RFC 7518, 3.1). A token's own word for its
// algorithm is never enough: it must be one of these.
type publicKey struct {
	pem        string
	algorithms []string
}

// parseKey reads a PEM file with a public key or a certificate.
func parseKey(text []byte) (*publicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block with a public key")
	}
	var key any
	var err error
	switch block.Type {
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q where a public key is needed", block.Type)
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	k := &publicKey{pem: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return nil, fmt.Errorf("an RSA key of %d bits: at least 2048 are needed", key.N.BitLen())
		}
		k.algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		k.algorithms = []string{map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Params().BitSize]}
	default:
		return nil, fmt.Errorf("OPA verifies no signatures by a %T: use RSA or ECDSA", key)
	}
	return k, nil
}

const keyID = "doorkeeper" // ours: the token's own name for its key counts for nothing

// verification returns OPA's configuration for a bundle with this token.
func (k *publicKey) verification(token string) (*bundle.VerificationConfig, error) {
	if token == "" {
		return nil, errors.New("the bundle is not signed: sign it (opa build --signing-key), or ask for unsigned ones by policy.bundle.insecure_unsigned")
	}
	algorithm, err := algorithmOf(token)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(k.algorithms, algorithm) {
		return nil, fmt.Errorf("the bundle's signature is by %.20q, and policy.bundle.public_key_file is a key for %s", algorithm, strings.Join(k.algorithms, ", "))
	}
	keys := map[string]*bundle.KeyConfig{keyID: {Key: k.pem, Algorithm: algorithm}}
	return bundle.NewVerificationConfig(keys, keyID, "", nil), nil
}

// algorithmOf reads the alg of a token's header (RFC 7515).
func algorithmOf(token string) (string, error) {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return "", fmt.Errorf("the bundle's signature is no JWT: %w", err)
	}
	var h struct {
		Alg string `json:"alg"`
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return "", fmt.Errorf("the bundle's signature is no JWT: %w", err)
	}
	return h.Alg, nil
}
