package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Kinds of keys in a note's signature: https://c2sp.org/signed-note.
const (
	algEd25519     = 1
	algCosignature = 4
)

// A cosigner verifies the signatures of a witness, as https://c2sp.org/tlog-cosignature (v1) has them: over the whole
// checkpoint and the time at which the witness saw it.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// parseCosigner reads a witness's public key, "<name>+<hash>+<base64>". Witnesses publish it as a cosigner's key or as a
// plain Ed25519 one; both mean the same key.
func parseCosigner(text string) (*cosigner, error) {
	name, rest, _ := strings.Cut(text, "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || name == "" || strings.ContainsAny(name, " \n") || len(key) != 1+ed25519.PublicKeySize {
		return nil, errors.New("it is no key of a witness: <name>+<hash>+<base64 of an Ed25519 key>")
	}
	if key[0] != algEd25519 && key[0] != algCosignature {
		return nil, fmt.Errorf("it is a key of kind %d: only Ed25519 ones (1 and 4) are known", key[0])
	}
	if hash != fmt.Sprintf("%08x", keyHash(name, key)) {
		return nil, errors.New("its hash is not that of name and key: it is mistyped")
	}
	key[0] = algCosignature
	return &cosigner{name, keyHash(name, key), key[1:]}, nil
}

func keyHash(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

// Verify checks a signature: eight bytes of time, then Ed25519's.
func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(c.key, append(message, text...), signature[8:])
}

// cosignedAt is the time in a witness's signature.
func cosignedAt(s note.Signature) time.Time {
	b, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(b) < 12 { // four bytes of the key's hash come first
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b[4:])), 0).UTC()
}
