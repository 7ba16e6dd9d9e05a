package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// An archive is what decided, whole, in one canonical form: its digest is the revision.
type archive struct {
	Decision string         `json:"decision"`
	Input    string         `json:"input"`
	Files    []archiveFile  `json:"files"`
	Data     map[string]any `json:"data"`
}

type archiveFile struct {
	Path    string `json:"path"`
	Content []byte `json:"content"`
}

// Archive returns the rules and data that run, in one canonical form, for keeping. Its SHA-256 is the revision.
func (r *Rules) Archive() ([]byte, error) {
	a := archive{Decision: r.decision(), Input: r.Input.String(), Files: []archiveFile{}, Data: r.Data}
	if a.Data == nil {
		a.Data = map[string]any{}
	}
	for _, file := range r.files() {
		a.Files = append(a.Files, archiveFile{file, r.Files[file]})
	}
	b, err := json.Marshal(a) // sorts the keys of maps
	if err != nil {
		return nil, fmt.Errorf("policy: %s: data: %w", r.Origin, err)
	}
	return b, nil
}

// ReadArchive is the reverse of Archive.
func ReadArchive(b []byte) (Rules, error) {
	var a archive
	if err := json.Unmarshal(b, &a); err != nil {
		return Rules{}, fmt.Errorf("policy: archive: %w", err)
	}
	r := Rules{Files: map[string][]byte{}, Data: a.Data, Decision: a.Decision, Origin: digest(b)}
	switch a.Input {
	case OPAKafka.String():
		r.Input = OPAKafka
	case Doorkeeper.String():
	default:
		return Rules{}, fmt.Errorf("policy: archive: input %q is not known", a.Input)
	}
	for _, f := range a.Files {
		r.Files[f.Path] = f.Content
	}
	return r, nil
}

// Revision is "sha256:" and the digest of what runs: rules, data and catalog, with the limits that they set. It hangs
// neither on where the files were nor on their order. "" if the data is no data.
func (r *Rules) Revision() string {
	b, err := r.Archive()
	if err != nil {
		return ""
	}
	return digest(b)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
