package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

// A file of a journal: a segment, and what the log says of it.
type file struct {
	stream string
	first  int64
	end    string
	path   string
	size   int64
	leaf   *Leaf   // nil: the log has none
	wants  []int64 // numbers of records, ascending, up to which the root is wanted
	marks  []byte
}

func (f *file) name() string { return filepath.Base(f.path) }

// scanned is what is in a file.
type scanned struct {
	count    int64
	last     int64 // greatest seq
	previous int64 // seq of the record read last
	root     tlog.Hash
	roots    map[int64]tlog.Hash // by count, of those that were wanted
	runs     []run               // of seqs
	footer   *footer
	whole    string // SHA-256 of all its bytes, where the leaf has it
	stray    place  // the first record whose mark is another; position 0: none
	unsound  []unsound
	stopped  bool  // it could not be read to its end
	rest     int64 // seq up to which it may have gone on
	findings []Finding
	gaps     []Gap
	notes    []noted
}

// A run is seqs without a hole, both ends included.
type run struct{ from, to int64 }

// A place is a record's. Before is the seq of the one in front of it.
type place struct{ position, seq, at, before int64 }

// unsound is a record whose checksum does not match: its seq cannot be believed, but it is between two others.
type unsound struct {
	finding       int   // its index
	before, after int64 // after is 0 at the segment's end
}

// noted is a checkpoint that stands in a record.
type noted struct {
	seq  int64
	size int64
	root tlog.Hash
}

// scan reads a whole segment.
func (f *file) scan(journal string, progress func(int64)) (*scanned, error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	s := &scanned{roots: map[int64]tlog.Hash{}}
	src := &counting{r: opened, progress: progress}
	if f.leaf != nil && f.leaf.Fenced != "" {
		sum := sha256.New()
		if _, err := io.Copy(sum, opened); err != nil {
			return nil, err
		}
		s.whole = hex.EncodeToString(sum.Sum(nil))
	}
	head := make([]byte, headerSize)
	n, err := opened.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if h, err := parseHeader(head[:n]); err != nil {
		f.find(s, Changed, place{}, err.Error())
		s.stopped = true
		return s, nil
	} else if h.journal != journal || h.stream != f.stream || h.first != f.first {
		f.find(s, Foreign, place{}, fmt.Sprintf("its header is that of journal %s, stream %s, seq %d", h.journal, h.stream, h.first))
	}
	return s, f.records(s, newFrames(src))
}

// records reads a segment's records, up to the first place where none can be read.
func (f *file) records(s *scanned, frames *frames) error {
	var t tree
	wants := f.wants
	for {
		at := frames.at
		x, err := frames.next()
		if err != nil {
			s.root = t.root()
			return f.ended(s, frames, at, err)
		}
		s.count++
		here := place{s.count, seqOf(x.payload), at, s.previous}
		h := t.add(x.payload)
		f.compare(s, h, here)
		if x.sound {
			f.order(s, here)
			if f.stream == streams[1] {
				s.look(here.seq, x.payload)
			}
		} else {
			f.find(s, Changed, here, "the record's checksum does not match")
			s.unsound = append(s.unsound, unsound{len(s.findings) - 1, s.previous, 0})
		}
		if len(wants) > 0 && wants[0] == s.count {
			s.roots[s.count] = t.root()
			wants = wants[1:]
		}
	}
}

// compare holds a record's hash against its mark.
func (f *file) compare(s *scanned, h tlog.Hash, here place) {
	from := (here.position - 1) * markSize
	if s.stray.position == 0 && from+markSize <= int64(len(f.marks)) && !bytes.Equal(f.marks[from:from+markSize], h[:markSize]) {
		s.stray = here
	}
}

// order keeps the seqs as runs, and notices those that do not ascend.
func (f *file) order(s *scanned, here place) {
	seq := here.seq
	switch {
	case seq <= 0:
		f.find(s, Changed, here, "the record has no seq")
		return
	case here.position == 1 && seq != f.first:
		f.find(s, Changed, here, fmt.Sprintf("the segment's first record is not seq %d, after which it is named", f.first))
	}
	for i := len(s.unsound) - 1; i >= 0 && s.unsound[i].after == 0; i-- {
		s.unsound[i].after = seq
	}
	switch n := len(s.runs); {
	case n > 0 && seq == s.runs[n-1].to+1 && seq > s.last:
		s.runs[n-1].to = seq
	case seq <= s.last && len(s.findings) < enough && s.has(seq):
		f.find(s, Duplicated, here, "this seq was in the segment before")
		return
	case seq <= s.previous:
		f.find(s, Reordered, here, fmt.Sprintf("it stands behind seq %d", s.previous))
		s.runs = append(s.runs, run{seq, seq})
	default:
		s.runs = append(s.runs, run{seq, seq})
	}
	s.previous, s.last = seq, max(s.last, seq)
}

func (s *scanned) has(seq int64) bool {
	for _, r := range s.runs {
		if r.from <= seq && seq <= r.to {
			return true
		}
	}
	return false
}

// ended judges how a segment ends.
func (f *file) ended(s *scanned, frames *frames, at int64, err error) error {
	end := place{s.count + 1, 0, at, s.previous}
	switch {
	case errors.Is(err, errFooter):
		s.footer = &frames.footer
		if extra, err := frames.peek(1); err != nil {
			return err
		} else if len(extra) > 0 && f.end == sealedEnd { // else it is being sealed: it is cut behind its footer next
			f.find(s, Changed, place{at: frames.at}, "something was added behind the segment's end")
		}
		if x := s.footer; len(s.findings) == 0 && (x.count != s.count || x.first != f.first || x.last != s.last) {
			f.find(s, Changed, place{at: at}, fmt.Sprintf("its footer says %d records, seq %d to %d; it has %d, seq %d to %d", x.count, x.first, x.last, s.count, f.first, s.last))
		}
	case errors.Is(err, errEnd):
		if f.end == sealedEnd {
			s.stopped = true
			f.find(s, Truncated, end, fmt.Sprintf("the sealed segment has no footer: it ends after seq %d", s.last))
		}
	case f.end == fencedEnd:
		s.stopped = true // known to be damaged
	default:
		s.stopped = true
		f.find(s, Changed, end, fmt.Sprintf("after seq %d: %s; nothing behind it can be read", s.last, err))
	}
	return nil
}

// enough findings of one file: more say no more.
const enough = 100

func (f *file) find(s *scanned, what string, at place, detail string) {
	if len(s.findings) < enough {
		s.findings = append(s.findings, Finding{
			What: what, Stream: f.stream, Segment: f.name(), Position: at.position, Seq: max(at.seq, 0), Byte: at.at, Detail: detail,
		})
	}
}

// look picks up what control records say of the journal: gaps, and checkpoints.
func (s *scanned) look(seq int64, payload []byte) {
	kind, operation := kindOf(payload)
	if kind != "gap" && (kind != "control" || operation != "CHECKPOINT") {
		return
	}
	var r access.Record
	if err := proto.Unmarshal(payload, &r); err != nil {
		return // the hashes tell whether it was always so
	}
	if kind == "gap" {
		s.gaps = append(s.gaps, Gap{seq, r.GetFromSeq(), r.GetToSeq(), r.Cause})
		return
	}
	if c, _, _ := openNote([]byte(r.Checkpoint)); c != nil {
		s.notes = append(s.notes, noted{seq, c.Size, c.Root})
	}
}

// kindOf reads two fields of a record's protobuf.
func kindOf(payload []byte) (kind, operation string) {
	for len(payload) > 0 {
		number, wire, n := protowire.ConsumeTag(payload)
		if n < 0 || number > fieldOperation {
			return kind, operation // fields are written in order, but for seq in front
		}
		payload = payload[n:]
		size := protowire.ConsumeFieldValue(number, wire, payload)
		if size < 0 {
			return kind, operation
		}
		if number == fieldKind || number == fieldOperation {
			text, _ := protowire.ConsumeString(payload)
			if number == fieldKind {
				kind = text
			} else {
				operation = text
			}
		}
		payload = payload[size:]
	}
	return kind, operation
}

// counting says how far a file was read.
type counting struct {
	r        io.ReaderAt
	progress func(int64)
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(b, at)
	c.progress(int64(n))
	return n, err
}
