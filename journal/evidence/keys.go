package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Files in the directory of keys.
const (
	keyFile     = "checkpoint.key"     // the private key, as golang.org/x/mod/sumdb/note writes it
	nextKeyFile = "checkpoint.key.new" // while a rotation is under way
	rotateFile  = "rotate"             // its presence at a start asks for a new key
	chainFile   = "checkpoint.keys"    // the public keys: the first, then for each new one the note that names it
)

// maxChain bounds a file of public keys.
const maxChain = 1 << 20

// rotationTitle begins the note that names a new key. The old key signs it, and the new one.
const rotationTitle = "doorkeeper key v1"

// keys is the key that signs now, and the public keys up to it.
type keys struct {
	signer note.Signer
	chain  []byte // the file's text
}

// openKeys reads the keys, makes the first one, and finishes or begins a rotation.
func openKeys(dir, name string) (*keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	k := &keys{}
	var err error
	if k.chain, err = readBounded(filepath.Join(dir, chainFile), maxChain); errors.Is(err, fs.ErrNotExist) {
		err = k.first(dir, name)
	} else if err == nil {
		err = k.load(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoints' keys: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, rotateFile)); err == nil {
		if err := k.rotate(dir); err != nil {
			return nil, fmt.Errorf("making a new key for checkpoints: %w", err)
		}
	}
	return k, nil
}

// first makes the first key. The private one is written first: without it the public one is of no use.
func (k *keys) first(dir, name string) error {
	secret, err := os.ReadFile(filepath.Join(dir, keyFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text, _, err := note.GenerateKey(rand.Reader, keyName(name))
		if err != nil {
			return err
		}
		secret = []byte(text + "\n")
		if err := writeFile(filepath.Join(dir, keyFile), secret, 0o600); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if k.signer, err = parseKey(secret); err != nil {
		return err
	}
	public, err := publicOf(secret)
	if err != nil {
		return err
	}
	k.chain = []byte(public + "\n")
	return writeFile(filepath.Join(dir, chainFile), k.chain, 0o644)
}

// load reads the key that the chain ends with: it may be the one whose rotation was interrupted.
func (k *keys) load(dir string) error {
	public, err := ParseKeys(k.chain)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, chainFile), err)
	}
	newest := public[len(public)-1]
	for _, name := range []string{keyFile, nextKeyFile} {
		secret, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		signer, err := parseKey(secret)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
		if own, err := publicOf(secret); err != nil || own != newest {
			continue
		}
		if name == nextKeyFile {
			if err := os.Rename(filepath.Join(dir, nextKeyFile), filepath.Join(dir, keyFile)); err != nil {
				return err
			}
		}
		k.signer = signer
		return nil
	}
	return fmt.Errorf("%s is not the key that %s ends with: put the right one back; if it is lost, move %s away, and checkpoints go on under a new key that nothing connects with the old one",
		filepath.Join(dir, keyFile), chainFile, dir)
}

// rotate makes a new key, has the old one sign it, and forgets the old one. Interrupted, it is done at the next start.
func (k *keys) rotate(dir string) error {
	text, public, err := note.GenerateKey(rand.Reader, k.signer.Name())
	if err != nil {
		return err
	}
	secret := []byte(text + "\n")
	signer, err := parseKey(secret)
	if err != nil {
		return err
	}
	statement, err := note.Sign(&note.Note{Text: rotationTitle + "\n" + public + "\n"}, k.signer, signer)
	if err != nil {
		return err
	}
	chain := append(append(append([]byte(nil), k.chain...), '\n'), statement...)
	if err := writeFile(filepath.Join(dir, nextKeyFile), secret, 0o600); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, chainFile), chain, 0o644); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, nextKeyFile), filepath.Join(dir, keyFile)); err != nil {
		return err
	}
	k.signer, k.chain = signer, chain
	return os.Remove(filepath.Join(dir, rotateFile))
}

// ParseKeys reads a chain of public keys, and returns them, the oldest first. Each but the first is signed by the one
// before it and by itself.
func ParseKeys(text []byte) ([]string, error) {
	parts := strings.Split(string(text), "\n"+rotationTitle+"\n")
	first, ok := strings.CutSuffix(parts[0], "\n")
	if _, err := note.NewVerifier(first); err != nil || !ok {
		return nil, errors.New("its first line is no public key")
	}
	all := []string{first}
	for i, part := range parts[1:] {
		next, err := parseRotation(part, all[i])
		if err != nil {
			return nil, fmt.Errorf("its key number %d: %w", i+2, err)
		}
		all = append(all, next)
	}
	return all, nil
}

// parseRotation opens the note in which old names its successor. The title is taken off already.
func parseRotation(part, old string) (string, error) {
	next, _, _ := strings.Cut(part, "\n")
	oldVerifier, err := note.NewVerifier(old)
	if err != nil {
		return "", err
	}
	newVerifier, err := note.NewVerifier(next)
	if err != nil {
		return "", err
	}
	n, err := note.Open([]byte(rotationTitle+"\n"+part), note.VerifierList(oldVerifier, newVerifier))
	if err != nil {
		return "", err
	}
	if len(n.Sigs) != 2 || n.Text != rotationTitle+"\n"+next+"\n" {
		return "", errors.New("it is not signed by the key before it and by itself")
	}
	return next, nil
}

// publicOf is the public key of a private one.
func publicOf(secret []byte) (string, error) {
	parts := strings.SplitN(strings.TrimSuffix(string(secret), "\n"), "+", 5) // PRIVATE, KEY, name, hash, key
	if len(parts) != 5 {
		return "", errNoKey
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errNoKey
	}
	public, _ := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

// errNoKey never says what is there instead.
var errNoKey = errors.New("it is no private key as golang.org/x/mod/sumdb/note writes them")

func parseKey(text []byte) (note.Signer, error) {
	signer, err := note.NewSigner(strings.TrimSuffix(string(text), "\n"))
	if err != nil {
		return nil, errNoKey
	}
	return signer, nil
}

// keyName is a name that a note's key can have, for a proxy of any name.
func keyName(proxy string) string {
	return "doorkeeper/" + strings.Map(func(r rune) rune {
		if r <= ' ' || r == '+' || r == 0x7f || r > 0x7e {
			return '_'
		}
		return r
	}, proxy)
}
