package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// Bounds of a bundle, in bytes: as it comes, each of its files, and all of them unpacked.
const (
	maxBundle   = 64 << 20
	maxFile     = 64 << 20
	maxUnpacked = 256 << 20
	maxFiles    = 100_000
)

// A Bundle is what a verified archive holds.
type Bundle struct {
	Files    map[string][]byte // Rego modules by their path in the archive
	Data     map[string]any    // what its data files come to
	Revision string            // the manifest's; people read it
	Version  int64             // metadata.version of the manifest, which only rises; 0: it has none
	Issued   time.Time         // metadata.issued of the manifest; zero: it has none
	Signed   bool
	Digest   string // "sha256:…" of the archive as received

	archive []byte
}

// String names the bundle for people.
func (b *Bundle) String() string {
	name := b.Digest[:len("sha256:")+12]
	if b.Revision != "" {
		name = b.Revision + " (" + name + ")"
	}
	if b.Version != 0 {
		name = fmt.Sprintf("version %d, %s", b.Version, name)
	}
	return name
}

// read unpacks and verifies an archive. key is nil only where unsigned bundles are asked for by name.
func read(archive []byte, key *publicKey) (*Bundle, error) {
	token, err := inspect(archive)
	if err != nil {
		return nil, err
	}
	r := bundle.NewCustomReader(bundle.NewTarballLoader(bytes.NewReader(archive))).
		WithSizeLimitBytes(maxFile).WithProcessAnnotations(true)
	if key == nil {
		r = r.WithSkipBundleVerification(true)
	} else {
		c, err := key.verification(token)
		if err != nil {
			return nil, err
		}
		r = r.WithBundleVerificationConfig(c)
	}
	b, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("the bundle does not load: %w", err)
	}
	if b.Type() != bundle.SnapshotBundleType {
		return nil, errors.New("a delta bundle cannot be signed, so it is not taken: serve snapshots")
	}
	return contents(&b, archive, key != nil)
}

func contents(b *bundle.Bundle, archive []byte, signed bool) (*Bundle, error) {
	sum := sha256.Sum256(archive)
	out := &Bundle{
		Files: make(map[string][]byte, len(b.Modules)), Data: b.Data, Revision: printable(b.Manifest.Revision), Signed: signed,
		Digest: "sha256:" + hex.EncodeToString(sum[:]), archive: archive,
	}
	for i := range b.Modules {
		m := &b.Modules[i]
		out.Files[strings.TrimPrefix(m.Path, "/")] = m.Raw
	}
	var err error
	if out.Version, err = version(b.Manifest.Metadata["version"]); err != nil {
		return nil, err
	}
	if out.Issued, err = issued(b.Manifest.Metadata["issued"]); err != nil {
		return nil, err
	}
	return out, nil
}

// version reads metadata.version of a manifest: a whole number above 0.
func version(v any) (int64, error) {
	var n int64
	var err error
	switch v := v.(type) {
	case nil:
		return 0, nil
	case json.Number:
		n, err = v.Int64()
	case float64:
		if n = int64(v); float64(n) != v {
			err = errors.New("not a whole number")
		}
	case int64:
		n = v
	case int:
		n = int64(v)
	default:
		err = errors.New("not a number")
	}
	if err != nil || n < 1 {
		return 0, fmt.Errorf("metadata.version of the bundle's manifest is %q: it must be a whole number above 0", fmt.Sprint(v))
	}
	return n, nil
}

// issued reads metadata.issued of a manifest.
func issued(v any) (time.Time, error) {
	if v == nil {
		return time.Time{}, nil
	}
	s, ok := v.(string)
	at, err := time.Parse(time.RFC3339, s)
	if !ok || err != nil {
		return time.Time{}, fmt.Errorf("metadata.issued of the bundle's manifest is %q: it must be a time as in RFC 3339", fmt.Sprint(v))
	}
	return at.UTC(), nil
}

// printable keeps a name from the far side from breaking a line or a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}
