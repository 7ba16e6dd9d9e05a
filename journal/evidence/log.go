package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
)

// Files in a journal's log directory, beside the tiles.
const (
	logDir         = "log"
	checkpointFile = "checkpoint" // the newest signed checkpoint
	cosignedFile   = "cosigned"   // the newest one that a witness has signed, too
	keysFile       = "keys"       // the public keys up to the one that signs
	marksDir       = "marks"      // by segment, the beginning of each record's hash
)

// maxNote bounds a signed checkpoint.
const maxNote = 64 << 10

// Options say where a Log is.
type Options struct {
	Dir       string // of the journal: its streams' folders, and log, which is made
	Keys      string // directory of keys, for all journals of this proxy; made (0700) where it is missing
	Proxy     string // names the first key
	Journal   string // ULID
	Witnesses []Witness
	Warn      func(error) // what went wrong with a witness; nil: nobody wants to know
}

// A Log makes the evidence of one journal. It belongs to one goroutine.
type Log struct {
	opt  Options
	dir  string
	keys *keys

	tiles     tiles
	followers [len(streams)]*follower
	waiting   []Leaf // sealed, and not in the tiles yet
	head      int64
	previous  *Previous
	witnesses *witnesses

	aside string // where a log was put that is not what its checkpoint says
}

// Open opens a journal's log, or begins it. It reads a few files, however long the log is, and hashes none of the
// journal's.
func Open(opt Options) (*Log, error) {
	if _, err := ulid.ParseStrict(opt.Journal); err != nil {
		return nil, fmt.Errorf("the journal's name %q: %w", opt.Journal, err)
	}
	if opt.Warn == nil {
		opt.Warn = func(error) {}
	}
	k, err := openKeys(opt.Keys, opt.Proxy)
	if err != nil {
		return nil, err
	}
	l := &Log{opt: opt, dir: filepath.Join(opt.Dir, logDir), keys: k}
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("the journal's log of evidence: %w", err)
	}
	l.witnesses, err = openWitnesses(l.dir, opt.Witnesses, opt.Warn)
	return l, err
}

// load reads how far the log had come. One that is not what its own checkpoint says is put aside as it is, and another
// begun.
func (l *Log) load() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	err := l.readLog()
	if errors.Is(err, errDamaged) {
		if err := l.putAside(); err != nil {
			return err
		}
		err = l.readLog()
	}
	if err != nil {
		return err
	}
	return writeChanged(filepath.Join(l.dir, keysFile), l.keys.chain)
}

// putAside keeps a damaged log as it is, beside the one that is begun.
func (l *Log) putAside() error {
	for n := 1; l.aside == ""; n++ {
		path := fmt.Sprintf("%s.damaged-%d", l.dir, n)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			l.aside = path
		} else if err != nil {
			return err
		}
	}
	return errors.Join(os.Rename(l.dir, l.aside), os.MkdirAll(l.dir, 0o700))
}

// Aside is where a log was put that is not what its own checkpoint says, "" if all was well.
func (l *Log) Aside() string { return l.aside }

// Key is the public key that checkpoints are signed with now.
func (l *Log) Key() string {
	all, err := ParseKeys(l.keys.chain)
	if err != nil {
		return ""
	}
	return all[len(all)-1]
}

var errDamaged = errors.New("the log is damaged")

func (l *Log) readLog() error {
	l.tiles = tiles{dir: l.dir}
	for i, stream := range streams {
		l.followers[i] = &follower{journal: l.opt.Journal, stream: stream, dir: filepath.Join(l.opt.Dir, stream), log: l.dir}
	}
	text, err := readBounded(filepath.Join(l.dir, checkpointFile), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		l.previous = findPrevious(filepath.Dir(l.opt.Dir), l.opt.Journal)
		return nil
	}
	if err != nil {
		return err
	}
	known, err := verifiers(l.keys.chain)
	if err != nil {
		return err
	}
	c, _, err := openNote(text, known...)
	if err != nil || c.Journal != l.opt.Journal {
		return errors.Join(errDamaged, err)
	}
	l.tiles.size, l.previous = c.Size, c.Previous
	if root, err := l.tiles.root(); err != nil || root != c.Root {
		return errors.Join(errDamaged, err)
	}
	return l.lastLeaves()
}

// lastLeaves finds where each stream goes on: behind its newest leaf.
func (l *Log) lastLeaves() error {
	missing := len(streams)
	for n := (l.tiles.size - 1) / tileWidth; n >= 0 && l.tiles.size > 0 && missing > 0; n-- {
		entries, err := l.tiles.bundle(n)
		if err != nil {
			return errors.Join(errDamaged, err)
		}
		for _, entry := range slices.Backward(entries) {
			leaf, err := ParseLeaf(entry)
			if err != nil {
				return errors.Join(errDamaged, err)
			}
			f := l.followers[slices.Index(streams[:], leaf.Stream)]
			if f.first == 0 {
				f.first, f.last, f.previous = leaf.First, leaf.Last, leaf
				missing--
			}
		}
	}
	for _, f := range l.followers {
		l.head = max(l.head, f.last)
	}
	return nil
}

func verifiers(chain []byte) (list []note.Verifier, err error) {
	all, err := ParseKeys(chain)
	if err != nil {
		return nil, err
	}
	for _, key := range all {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// findPrevious looks for the journal before this one: the newest beside it that is older. What its checkpoint says is
// taken over; whether that is true is for Verify to find.
func findPrevious(dir, journal string) *Previous {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range slices.Backward(entries) {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || e.Name() >= journal {
			continue
		}
		text, err := readBounded(filepath.Join(dir, e.Name(), logDir, checkpointFile), maxNote)
		if err != nil {
			continue
		}
		if c, _, _ := openNote(text); c != nil {
			return &Previous{c.Journal, c.Size, c.Root, c.HeadSeq}
		}
	}
	return nil
}

// Follow hashes what was written since the last call. What could not be read is an error; it is tried again in the next.
func (l *Log) Follow() error {
	access, control := l.followers[0], l.followers[1]
	err := l.follow(access, noLimit)
	err = errors.Join(err, l.follow(control, noLimit))
	// Seqs are given out in order over both streams. What control has come to, access may have gone on to meanwhile; up
	// to there it is whole, and behind it nobody has looked whether control has something in between.
	if control.last > access.last {
		err = errors.Join(err, l.follow(access, control.last))
	}
	if err == nil {
		l.head = max(access.last, control.last)
	}
	return err
}

func (l *Log) follow(f *follower, limit int64) error {
	leaves, err := f.follow(limit)
	l.waiting = append(l.waiting, leaves...)
	return err
}

// A Signed checkpoint.
type Signed struct {
	Checkpoint
	Note []byte // the text that goes out
}

// Checkpoint follows the journal to where it is now and signs that. The checkpoint is on disk before it is returned, so
// that none that leaves the host is ever unknown here. Witnesses have a moment to sign, too; one that needs longer signs
// for the file alone. What could not be read is an error beside the checkpoint, which then says less.
func (l *Log) Checkpoint() (*Signed, error) {
	unread := l.Follow()
	if err := l.addWaiting(); err != nil {
		return nil, errors.Join(unread, err)
	}
	root, err := l.tiles.root()
	if err != nil {
		return nil, errors.Join(unread, err)
	}
	c := Checkpoint{
		Origin: originOf(l.keys.signer.Name(), l.opt.Journal), Size: l.tiles.size, Root: root, Journal: l.opt.Journal, HeadSeq: l.head, Previous: l.previous,
	}
	for _, f := range l.followers {
		c.Running = append(c.Running, f.running()...)
		for _, r := range f.open {
			unread = errors.Join(unread, f.keepMarks(r))
		}
	}
	text, err := note.Sign(&note.Note{Text: c.text()}, l.keys.signer)
	if err == nil {
		err = writeFile(filepath.Join(l.dir, checkpointFile), text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(unread, fmt.Errorf("signing a checkpoint: %w", err))
	}
	return &Signed{c, l.witnesses.cosign(text, &c)}, unread
}

// addWaiting puts leaves into the log. Until it has worked they wait.
func (l *Log) addWaiting() error {
	if len(l.waiting) == 0 {
		return nil
	}
	var entries [][]byte
	for i := range l.waiting {
		entries = append(entries, l.waiting[i].Marshal())
	}
	if err := l.tiles.add(entries); err != nil {
		return fmt.Errorf("adding to the log of evidence: %w", err)
	}
	l.waiting = nil
	return l.pruneMarks()
}

// pruneMarks removes the marks of segments that have expired: the oldest go first.
func (l *Log) pruneMarks() error {
	for _, stream := range streams {
		dir := filepath.Join(l.dir, marksDir, stream)
		marks, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range marks {
			if _, ok := segmentPath(l.opt.Dir, stream, m.Name()); ok {
				break
			}
			if err := os.Remove(filepath.Join(dir, m.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// segmentPath is where a segment is, by its name without an end. It may be given its last name while it is looked for:
// hence that is looked for again.
func segmentPath(journal, stream, name string) (string, bool) {
	for _, end := range []string{sealedEnd, openEnd, fencedEnd, sealedEnd} {
		path := filepath.Join(journal, stream, name+end)
		if _, err := os.Lstat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// Close ends what is under way with witnesses. It makes no checkpoint: call Checkpoint before.
func (l *Log) Close() error {
	l.witnesses.close()
	var err error
	for _, f := range l.followers {
		err = errors.Join(err, f.close())
	}
	return err
}

// writeChanged writes a file if it does not say this already.
func writeChanged(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	return writeFile(path, text, 0o644)
}
