package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"doorkeeper/internal/disk"
)

// file is what stands on disk.
type file[T any] struct {
	Version int `json:"version"`
	Entries []T `json:"entries"`
}

const (
	fileVersion = 1

	// maxFile bounds what is read, in bytes: more than a full register makes.
	maxFile = 64 << 20
)

// read reads what was kept. It is strict: what this version does not understand may be the condition that matters.
func read[T Entry](path string) ([]T, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("more than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	all, err := parse[T](text)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be understood, so nobody knows what holds: %w (put back a good copy, or move it away and enter again what is to hold)", path, err)
	}
	return all, nil
}

func parse[T Entry](text []byte) ([]T, error) {
	var f file[T]
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the end")
	}
	if f.Version != fileVersion {
		return nil, fmt.Errorf("version %d, not %d", f.Version, fileVersion)
	}
	if len(f.Entries) > Most {
		return nil, fmt.Errorf("%d entries: %w", len(f.Entries), ErrFull)
	}
	seen := map[string]bool{}
	for i, e := range f.Entries {
		if err := e.Check(); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if seen[e.Key()] {
			return nil, fmt.Errorf("entry %q: %w", e.Key(), ErrExists)
		}
		seen[e.Key()] = true
	}
	return f.Entries, nil
}

// write replaces the file in one step: a crash leaves the old one or the new one, and what write returned from survives
// a loss of power.
func write[T any](path string, all []T) error {
	text, err := json.MarshalIndent(file[T]{fileVersion, all}, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(text, '\n'), 0o600)
}
