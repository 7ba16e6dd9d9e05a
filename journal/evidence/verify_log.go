package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A logView is a journal's log as it is on disk.
type logView struct {
	keys       []note.Verifier
	keyNames   []string
	checkpoint *Checkpoint // the newest; nil: there is none that can be read
	leaves     []Leaf
	hashes     []tlog.Hash // all of the log's tree, by tlog's index
	root       tlog.Hash
}

// readLog reads keys, checkpoint, leaves and tiles, and holds them against each other.
func (v *journalVerifier) readLog() {
	dir := filepath.Join(v.dir, logDir)
	if aside, _ := filepath.Glob(dir + ".damaged-*"); len(aside) > 0 {
		v.bad(BadLog, "an earlier log was damaged and put aside as %s: what was proved by it is not proved by this one", filepath.Base(aside[0]))
	}
	v.readKeys(dir)
	v.readCheckpoint(dir)
	if v.log.checkpoint == nil {
		return
	}
	v.readLeaves(&tiles{dir: dir, size: v.log.checkpoint.Size})
}

func (v *journalVerifier) readKeys(dir string) {
	chain, err := readBounded(filepath.Join(dir, keysFile), maxChain)
	if err == nil {
		v.log.keyNames, err = ParseKeys(chain)
	}
	if err == nil {
		v.log.keys, err = verifiers(chain)
	}
	if err != nil {
		v.bad(BadKey, "the public keys (log/%s): %v", keysFile, err)
	}
}

func (v *journalVerifier) readCheckpoint(dir string) {
	text, err := readBounded(filepath.Join(dir, checkpointFile), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		v.bad(BadLog, "there is no checkpoint (log/%s): nothing is proved of this journal", checkpointFile)
		return
	}
	var c *Checkpoint
	var n *note.Note
	if err == nil {
		c, n, err = openNote(text, v.log.keys...)
	}
	switch {
	case err != nil:
		v.bad(BadKey, "the checkpoint (log/%s): %v", checkpointFile, err)
	case c.Journal != v.report.Journal:
		v.bad(BadLog, "the checkpoint (log/%s) is that of journal %s", checkpointFile, c.Journal)
	default:
		v.log.checkpoint = c
		v.report.Checkpoint = v.describe("log/"+checkpointFile, c, n)
	}
}

func (v *journalVerifier) describe(from string, c *Checkpoint, n *note.Note) *CheckpointReport {
	r := &CheckpointReport{From: from, Size: c.Size, Root: c.Root.String(), HeadSeq: c.HeadSeq}
	for _, key := range v.log.keyNames {
		name, rest, _ := strings.Cut(key, "+")
		hash, _, _ := strings.Cut(rest, "+")
		for _, s := range n.Sigs {
			if s.Name == name && fmt.Sprintf("%08x", s.Hash) == hash {
				r.Key = name + "+" + hash
			}
		}
	}
	return r
}

// readLeaves reads the log's leaves and computes its tree from them. Where that is not the checkpoint's, the tiles tell
// which leaf it is.
func (v *journalVerifier) readLeaves(t *tiles) {
	for n := int64(0); n*tileWidth < t.size; n++ {
		entries, err := t.bundle(n)
		if err != nil {
			v.bad(BadLog, "the log's leaves: %v", err)
			return
		}
		for _, entry := range entries {
			v.addLeaf(entry)
		}
	}
	var err error
	if v.log.root, err = v.rootAt(t.size); err != nil {
		v.bad(BadLog, "the log's leaves: %v", err)
		return
	}
	v.readTiles(t)
	if v.log.root != v.log.checkpoint.Root {
		v.bad(BadLog, "the log's %d leaves do not have the root that the checkpoint names", t.size)
	}
}

func (v *journalVerifier) addLeaf(entry []byte) {
	n := int64(len(v.log.leaves))
	leaf, err := ParseLeaf(entry)
	if err == nil && leaf.Journal != v.report.Journal {
		err = fmt.Errorf("it is one of journal %s", leaf.Journal)
	}
	if err != nil {
		v.bad(BadLog, "leaf %d: %v", n, err)
	}
	stored, err := tlog.StoredHashes(n, entry, v.stored())
	if err != nil {
		v.bad(BadLog, "leaf %d: %v", n, err)
	}
	v.log.leaves = append(v.log.leaves, leaf)
	v.log.hashes = append(v.log.hashes, stored...)
}

// stored reads the tree's hashes.
func (v *journalVerifier) stored() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if index >= int64(len(v.log.hashes)) {
				return nil, errors.New("the log is not as long as that")
			}
			hashes[i] = v.log.hashes[index]
		}
		return hashes, nil
	})
}

// rootAt is the root that the log had when it was of this size.
func (v *journalVerifier) rootAt(size int64) (tlog.Hash, error) {
	if size == 0 {
		return (&tree{}).root(), nil
	}
	if size > int64(len(v.log.leaves)) {
		return tlog.Hash{}, fmt.Errorf("it has only %d", len(v.log.leaves))
	}
	return tlog.TreeHash(size, v.stored())
}

// readTiles holds the tiles against the leaves.
func (v *journalVerifier) readTiles(t *tiles) {
	for _, tile := range tlog.NewTiles(tileHeight, 0, t.size) {
		want, err := tlog.ReadTileData(tile, v.stored())
		if err != nil {
			v.bad(BadLog, "the log's tiles: %v", err)
			return
		}
		got, err := t.read(tile)
		if err != nil {
			v.bad(BadLog, "the log's tiles: %v", err)
			continue
		}
		for i := 0; i < len(want) && !bytes.Equal(want, got); i += tlog.HashSize {
			if bytes.Equal(want[i:i+tlog.HashSize], got[i:i+tlog.HashSize]) {
				continue
			}
			name, _ := filepath.Rel(v.dir, t.path(tile)) // it is below
			n := tile.N*tileWidth + int64(i/tlog.HashSize)
			if tile.L > 0 {
				v.bad(BadLog, "%s: hash %d of level %d is not that of the leaves below it", name, n, tile.L)
			} else {
				v.bad(BadLog, "leaf %d (%s) does not have the hash that %s has", n, v.leafName(n), name)
			}
			break
		}
	}
}

func (v *journalVerifier) leafName(n int64) string {
	l := v.log.leaves[n]
	return fmt.Sprintf("%s, seq %d to %d", l.Stream, l.First, l.Last)
}

// chain holds the leaves of each stream against each other: each names the root of the one before.
func (v *journalVerifier) chain() {
	before := map[string]*Leaf{}
	for i := range v.log.leaves {
		l := &v.log.leaves[i]
		if l.Stream == "" {
			continue // it could not be read
		}
		p := before[l.Stream]
		switch {
		case p == nil && l.Previous != (tlog.Hash{}):
			v.bad(BadLog, "leaf %d (%s) names a segment before it, and there is none", i, v.leafName(int64(i)))
		case p != nil && l.Previous != p.Root:
			v.bad(BadLog, "leaf %d (%s) does not name the root of the segment before it", i, v.leafName(int64(i)))
		case p != nil && l.First <= p.Last:
			v.bad(BadLog, "leaf %d (%s) begins before the end of the segment before it", i, v.leafName(int64(i)))
		}
		before[l.Stream] = l
	}
}

// cosigned reads which witnesses have signed a checkpoint.
func (v *journalVerifier) cosigned(text []byte, c *Checkpoint) {
	known := make([]note.Verifier, len(v.opt.cosigners))
	for i, w := range v.opt.cosigners {
		known[i] = w
	}
	n, err := note.Open(text, note.VerifierList(known...))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n = unverified.Note
	}
	if n == nil {
		v.bad(BadKey, "a signature under a checkpoint is not what it says: %v", err)
		return
	}
	for _, s := range n.Sigs {
		v.report.Cosigned = append(v.report.Cosigned, Cosignature{s.Name, cosignedAt(s), c.Size, c.HeadSeq, true})
	}
	for _, s := range n.UnverifiedSigs {
		if !v.own(s) {
			v.report.Cosigned = append(v.report.Cosigned, Cosignature{s.Name, cosignedAt(s), c.Size, c.HeadSeq, false})
		}
	}
}

func (v *journalVerifier) own(s note.Signature) bool {
	for _, k := range v.log.keys {
		if k.Name() == s.Name && k.KeyHash() == s.Hash {
			return true
		}
	}
	return false
}

// readCosigned takes the cosigned checkpoint that the proxy keeps as one more to hold the journal against. Without
// witnesses there is none.
func (v *journalVerifier) readCosigned() {
	text, err := readBounded(filepath.Join(v.dir, logDir, cosignedFile), maxNote)
	switch {
	case err == nil:
		v.given = append(v.given, Given{"log/" + cosignedFile, text})
	case !errors.Is(err, fs.ErrNotExist):
		v.bad(BadLog, "the cosigned checkpoint: %v", err)
	}
}
