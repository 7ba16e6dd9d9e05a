package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"doorkeeper/internal/disk"
	"doorkeeper/journal"
)

// counts are the journal's records by what became of them at one sink, since it was first configured.
type counts struct {
	Sent     int64 `json:"sent"`     // accepted by the far side, one by one or in a rollup
	Filtered int64 `json:"filtered"` // left out by the sink's filter
	Dead     int64 `json:"dead"`     // refused by the far side for good
}

func (c *counts) add(d counts) {
	c.Sent += d.Sent
	c.Filtered += d.Filtered
	c.Dead += d.Dead
}

// A cursor is a sink's place in the journal on disk: all up to it is delivered, left out or dead.
type cursor struct {
	Position string `json:"position"`
	counts
	Sum string `json:"sum"` // CRC-32C of the object without it: a flipped bit shall not skip a record
}

// seal fills in the sum.
func (c *cursor) seal() error {
	c.Sum = ""
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	c.Sum = fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli))
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// loadCursor reads a cursor; where there is none, it is the place before the first record.
func loadCursor(path string) (at journal.Position, n counts, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return at, n, nil
	}
	if err != nil {
		return at, n, fmt.Errorf("reading the cursor: %w", err)
	}
	return parseCursor(text)
}

// putAside keeps a cursor that cannot be used, under another name.
func putAside(path string) (kept string, err error) {
	kept = path + ".broken-" + time.Now().UTC().Format("20060102T150405.000000000")
	return kept, os.Rename(path, kept)
}

func parseCursor(text []byte) (journal.Position, counts, error) {
	var c cursor
	if err := json.Unmarshal(text, &c); err != nil {
		return journal.Position{}, counts{}, fmt.Errorf("the cursor cannot be read: %w", err)
	}
	sum := c.Sum
	if err := c.seal(); err != nil || sum != c.Sum {
		return journal.Position{}, counts{}, fmt.Errorf("the cursor does not fit its checksum: %q is not %q", sum, c.Sum)
	}
	at, err := journal.ParsePosition(c.Position)
	return at, c.counts, err
}

// saveCursor replaces the file in one step: a crash leaves the old one or the new one.
func saveCursor(path string, at journal.Position, n counts) error {
	c := cursor{Position: at.String(), counts: n}
	if at == (journal.Position{}) {
		c.Position = ""
	}
	if err := c.seal(); err != nil {
		return err
	}
	text, err := json.Marshal(&c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the cursors' directory: %w", err)
	}
	if err := disk.Replace(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the cursor: %w", err)
	}
	return nil
}
