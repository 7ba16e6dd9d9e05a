package evidence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

// A follower reads one stream's segments as they are written, and hashes what comes.
type follower struct {
	journal, stream string
	dir             string
	log             string // the log's directory

	last     int64      // seq of the newest record read
	first    int64      // of the newest segment that was begun
	previous Leaf       // of the stream's newest leaf
	open     []*reading // segments that are not sealed yet, in order; what is written goes into the last

	listed  time.Time // the folder's own time when it was listed
	settled bool      // it has not changed since for certain
	names   []found
}

// A found file is a segment in the folder.
type found struct {
	first int64
	end   string // of its name
	path  string
}

// A reading is a segment that is read while it grows.
type reading struct {
	found
	file     *os.File
	frames   *frames
	tree     tree
	marks    []byte // the first bytes of each record's leaf hash, of those that are in no file yet
	kept     bool   // some are
	unmarked bool   // they could not be written
	last     int64
	from, to []byte // the first and the last payload
	damaged  bool   // it cannot be read to its end
}

// markSize is how much of each record's hash is kept beside the log. It proves nothing: it tells which record it is when
// a segment's root is not the right one.
const markSize = 8

// follow reads what is there, up to a seq, and returns the leaves of segments that were sealed meanwhile. What it could
// not read is an error, and does not keep it from what it can.
func (f *follower) follow(limit int64) ([]Leaf, error) {
	err := f.list()
	for more := err == nil; more; {
		var readErr error
		more, readErr = f.read(limit)
		err = errors.Join(err, readErr)
	}
	leaves, sealErr := f.seal()
	return leaves, errors.Join(err, sealErr)
}

// read reads the newest segment to its end and goes on to the next, if there is one.
func (f *follower) read(limit int64) (more bool, err error) {
	next := f.next()
	if len(f.open) > 0 {
		// Whoever has begun the next segment has written this one to its end before: hence the order.
		stopped, err := f.open[len(f.open)-1].read(f, limit, next != nil)
		if stopped || err != nil {
			return next != nil && !stopped, err
		}
	}
	if next == nil {
		return f.relist()
	}
	r, err := f.begin(*next)
	if err != nil {
		return false, err
	}
	if r == nil { // it has got another name: what is in it must not be passed over
		return true, f.list()
	}
	f.open, f.first = append(f.open, r), r.first
	return true, nil
}

// list reads the folder, if it may have changed.
func (f *follower) list() error {
	info, err := os.Stat(f.dir)
	if err != nil {
		return err
	}
	if f.settled && info.ModTime().Equal(f.listed) {
		return nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	f.names = f.names[:0]
	for _, e := range entries {
		first, end, ok := parseSegmentName(e.Name())
		if !ok && filepath.Ext(e.Name()) == spareEnd {
			end, ok = spareEnd, true
		}
		if ok && (first > f.first || end == spareEnd) {
			f.names = append(f.names, found{first, end, filepath.Join(f.dir, e.Name())})
		}
	}
	slices.SortFunc(f.names, func(a, b found) int { return cmp.Compare(a.first, b.first) })
	f.listed = info.ModTime()
	f.settled = time.Since(f.listed) > time.Second // file systems count coarsely
	return nil
}

// relist lists the folder again if a spare is not there any more that was: it has got its name, and may hold records.
func (f *follower) relist() (changed bool, err error) {
	for _, n := range f.names {
		if n.end != spareEnd {
			continue
		}
		if _, err := os.Lstat(n.path); errors.Is(err, fs.ErrNotExist) {
			f.settled = false
			return true, f.list()
		}
	}
	return false, nil
}

// next is the first segment behind those that were begun.
func (f *follower) next() *found {
	var best *found
	for i := range f.names {
		n := &f.names[i]
		if n.end == spareEnd {
			n.first = spareFirst(n.path)
		}
		if n.first > f.first && (best == nil || n.first < best.first) {
			best = n
		}
	}
	return best
}

// spareFirst is the seq in the header of a spare that is in use already, else 0.
func spareFirst(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	b := make([]byte, headerSize)
	if _, err := file.ReadAt(b, 0); err != nil {
		return 0
	}
	h, err := parseHeader(b)
	if err != nil {
		return 0
	}
	return h.first
}

// begin opens a segment. It is nil if the file has another name by now: the next call finds it.
func (f *follower) begin(n found) (*reading, error) {
	file, err := os.Open(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.settled = false
		return nil, nil //nolint:nilnil // nothing to read, and nothing wrong
	}
	if err != nil {
		return nil, err
	}
	b := make([]byte, headerSize)
	_, err = file.ReadAt(b, 0)
	if err == nil {
		var h header
		if h, err = parseHeader(b); err == nil && (h.journal != f.journal || h.stream != f.stream || h.first != n.first) {
			err = fmt.Errorf("its header is that of journal %s, stream %s, seq %d", h.journal, h.stream, h.first)
		}
	}
	if err != nil {
		if n.written() {
			f.first = n.first // it stays as it is: on to the next
		}
		return nil, errors.Join(fmt.Errorf("segment %s: %w", n.path, err), file.Close())
	}
	return &reading{found: n, file: file, frames: newFrames(file)}, nil
}

// written says whether nobody writes into the segment any more.
func (n *found) written() bool { return n.end == sealedEnd || n.end == fencedEnd }

// read hashes what has come. stopped says that the next record is over the limit, or cannot be read yet.
func (r *reading) read(f *follower, limit int64, followed bool) (stopped bool, err error) {
	for !r.damaged {
		at := r.frames.at
		x, err := r.frames.next()
		if errors.Is(err, errEnd) || errors.Is(err, errFooter) {
			return false, nil
		}
		if err == nil && !x.sound {
			err = errors.New("the checksum of a record does not match")
		}
		if err != nil {
			// In a segment that is written now, another look may find the record whole.
			r.frames.at = at
			r.frames.again()
			r.damaged = followed || r.written()
			return !r.damaged, fmt.Errorf("segment %s at byte %d, after seq %d: %w", r.path, at, r.last, err)
		}
		seq := seqOf(x.payload)
		if seq > limit {
			r.frames.at = at
			return true, nil
		}
		h := r.tree.add(x.payload)
		r.marks = append(r.marks, h[:markSize]...)
		if r.tree.n == 1 {
			r.from = append(r.from[:0], x.payload...)
		}
		r.to = append(r.to[:0], x.payload...)
		r.last, f.last = seq, max(f.last, seq)
	}
	return false, nil
}

// seal takes the segments that are sealed, in order, and makes leaves of them.
func (f *follower) seal() (leaves []Leaf, err error) {
	for len(f.open) > 0 && f.open[0].ended() {
		r := f.open[0]
		if err := f.keepMarks(r); err != nil {
			return leaves, err
		}
		if r.tree.n > 0 {
			leaf := f.leaf(r)
			if r.damaged || r.end == fencedEnd {
				if leaf.Fenced, err = fileSum(r.finalPath()); err != nil {
					return leaves, err
				}
			}
			leaves = append(leaves, leaf)
			f.previous = leaf
		}
		f.open = f.open[1:]
		err = errors.Join(err, r.file.Close())
	}
	return leaves, err
}

// ended says whether nothing will be added to a segment any more, and all was read that can be.
func (r *reading) ended() bool {
	switch {
	case r.end == fencedEnd:
		return true
	case r.damaged:
		_, err := os.Stat(r.finalPath())
		return err == nil
	case r.frames.footer != (footer{}):
		return true
	}
	at := r.frames.at
	r.frames.again()
	_, err := r.frames.next()
	r.frames.at = at
	return errors.Is(err, errFooter)
}

// keepMarks writes what came of marks behind those that are there. It is not synced: if it is lost, Verify names the
// segment, and not the record. Where it cannot be written the segment has none.
func (f *follower) keepMarks(r *reading) error {
	if len(r.marks) == 0 || r.unmarked {
		r.marks = nil
		return nil
	}
	path := marksPath(f.log, f.stream, r.first)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	mode := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !r.kept { // what is there is a former process's, and all of it was hashed again
		mode |= os.O_TRUNC
	}
	file, err := os.OpenFile(path, mode, 0o600)
	if err == nil {
		_, err = file.Write(r.marks)
		err = errors.Join(err, file.Close())
	}
	r.kept, r.marks = true, r.marks[:0]
	if err != nil {
		r.unmarked = true
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func marksPath(log, stream string, first int64) string {
	return filepath.Join(log, marksDir, stream, segmentName(first))
}

// finalPath is the name of a segment when it is sealed.
func (r *reading) finalPath() string {
	if r.end == fencedEnd {
		return r.path
	}
	return filepath.Join(filepath.Dir(r.path), segmentName(r.first)+sealedEnd)
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (f *follower) leaf(r *reading) Leaf {
	return Leaf{
		Journal: f.journal, Stream: f.stream, First: r.first, Last: r.last, Count: r.tree.n, From: loggedTime(r.from), To: loggedTime(r.to),
		Root: r.tree.root(), Previous: f.previous.Root,
	}
}

// loggedTime is when a record was logged.
func loggedTime(payload []byte) time.Time {
	var r access.Record
	if err := proto.Unmarshal(payload, &r); err != nil {
		return time.Unix(0, 0)
	}
	return r.LoggedTime.AsTime()
}

// running are the segments that have records and no leaf yet.
func (f *follower) running() (list []Running) {
	for _, r := range f.open {
		if r.tree.n > 0 {
			list = append(list, Running{f.stream, r.first, r.tree.n, r.tree.root()})
		}
	}
	return list
}

func (f *follower) close() (err error) {
	for _, r := range f.open {
		err = errors.Join(err, r.file.Close())
	}
	f.open = nil
	return err
}

const noLimit = math.MaxInt64
