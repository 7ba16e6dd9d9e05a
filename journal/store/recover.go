package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Recovery is what Open found.
type Recovery struct {
	Head    int64 // the newest seq that may have been given out; the next is one more
	Crashed bool  // the process before did not come to its end
	Fenced  []Fence

	unknown int64 // numbers beyond Head that may have been given out, too
}

// A Fence is a segment that is not what it was when it was written. It stays as it is, under the name .fenced, and is
// read as far as it checks.
type Fence struct {
	Segment Segment
	Damage  Damage
	Before  int64 // seq of the last frame in front of the damage, 0: none
	After   int64 // seq of the first behind it that checks, 0: none
}

// recover looks at the files of a stream: those that were written when the process ended are scanned, and will be sealed
// by the keeper; the newest sealed one says how far the numbers went.
func (s *Store) recover(stream Stream, found *Recovery) error {
	st := &s.streams[stream]
	dir, err := os.Open(st.dir)
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		number, suffix, _ := strings.Cut(name, ".")
		first, err := strconv.ParseInt(number, 10, 64)
		if err != nil || first <= 0 || first > MaxSeq {
			continue
		}
		path := filepath.Join(st.dir, name)
		switch suffix {
		case "seg", "fenced":
			if len(number) != len(fileName(0, "")) {
				continue // a spare that was fenced: its header says nothing
			}
			st.done = append(st.done, &done{Segment: Segment{
				Stream: stream, Path: path, First: first, Sealed: suffix == "seg", Fenced: suffix == "fenced",
			}})
		case "open", "spare":
			if err := s.recoverOpen(st, stream, path, found); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(st.full, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
	slices.SortStableFunc(st.done, func(a, b *done) int { return cmp.Compare(a.First, b.First) })
	for _, g := range st.full {
		found.Head = max(found.Head, g.last)
	}
	return s.recoverLast(st, found)
}

// recoverOpen scans a segment that was not sealed.
func (s *Store) recoverOpen(st *stream, stream Stream, path string, found *Recovery) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("recovering a segment: %w", err)
	}
	data := dataEnd(f)
	if data == 0 { // allocated ahead and never used
		return errors.Join(f.Close(), os.Remove(path))
	}
	found.Crashed = true
	seen, err := s.look(path, stream, data)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	switch {
	case seen.damage != nil:
		d, err := s.fence(stream, path, seen, found)
		if d != nil {
			st.done = append(st.done, d)
		}
		return errors.Join(err, f.Close())
	case seen.count == 0: // killed before its first record was whole
		return errors.Join(f.Close(), os.Remove(path))
	}
	st.full = append(st.full, &segment{
		stream: stream, file: f, path: path, size: seen.size, first: seen.header.First, last: seen.last, count: seen.count,
		end: seen.end, created: seen.header.Created, began: seen.header.Created,
	})
	return nil
}

// dataEnd is behind the last byte that was ever written to a file, as far as the file system knows, and 0 where all is
// zero.
func dataEnd(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	size := info.Size()
	end := int64(0)
	for at := nextData(f, 0); at >= 0 && at < size; {
		hole := nextHole(f, at, size)
		end = hole
		at = nextData(f, hole)
	}
	if end > 0 && zeros(f, end) {
		return 0
	}
	return end
}

// zeros says whether there is nothing but zeros in front of an offset.
func zeros(f *os.File, end int64) bool {
	buf := make([]byte, scanBuffer)
	for at := int64(0); at < end; {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n == 0 || err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		if slices.ContainsFunc(buf[:n], func(b byte) bool { return b != 0 }) {
			return false
		}
		at += int64(n)
	}
	return true
}

// seen is what a scan of a whole segment found.
type seen struct {
	header Header
	size   int64
	count  int64
	last   int64 // of all frames that check
	end    int64 // behind the last frame in front of any damage
	before int64 // seq there
	after  int64 // seq of the first frame behind the damage
	damage *Damage
	open   bool // nothing checks behind the damage: what was written there is not known
	footer *Footer
}

// look scans a segment to its end. data is where its data ends; behind it nothing is searched. A length of 0 is the end,
// unless a frame that checks stands behind it. A last frame that was not finished has the length 0 still, so what else
// stands there is nothing that Append ever returned from.
func (s *Store) look(path string, stream Stream, data int64) (seen, error) {
	c, err := OpenSegment(path)
	var damage *Damage
	if errors.As(err, &damage) {
		return seen{damage: damage, size: data, open: true}, nil
	}
	if err != nil {
		return seen{}, fmt.Errorf("recovering a segment: %w", err)
	}
	defer c.Close() //nolint:errcheck // it was only read
	out := seen{header: c.Header, size: c.size}
	if c.Header.Journal != s.opt.Journal || c.Header.Stream != stream {
		out.damage, out.open = &Damage{path, 0, "the header names another journal or stream"}, true
		out.header.First = 0
		return out, nil
	}
	c.size = min(c.size, data)
	for {
		f, err := c.Next()
		if err == nil {
			out.count++
			out.last = f.Seq
			if out.damage == nil {
				out.before = f.Seq
			} else if out.after == 0 {
				out.after = f.Seq
			}
			continue
		}
		at := c.at
		if out.damage == nil {
			out.end = at
		}
		if c.Footer() != nil {
			out.footer = c.Footer()
			return out, nil
		}
		again := c.Resync()
		switch {
		case errors.As(err, &damage):
		case !errors.Is(err, io.EOF):
			damage = &Damage{path, at, err.Error()}
		case again:
			damage = &Damage{path, at, "no frame here, but there are some behind it"}
		default: // the end
			return out, nil
		}
		if out.damage == nil {
			out.damage = damage
		}
		if !again {
			out.open = true
			return out, nil
		}
	}
}

// leastFrame is less than any record takes.
const leastFrame = 64

// fence puts a damaged segment aside under a name that says so. Numbers that may have been given out in what does not
// check are not given out again.
func (s *Store) fence(stream Stream, path string, seen seen, found *Recovery) (*done, error) {
	base := filepath.Base(path)
	name := base[:strings.IndexByte(base, '.')] + ".fenced"
	if seen.header.First > 0 {
		name = fileName(seen.header.First, ".fenced")
	}
	aside := filepath.Join(filepath.Dir(path), name)
	if _, err := os.Lstat(aside); err == nil {
		aside = filepath.Join(filepath.Dir(path), base+"."+strconv.FormatInt(s.opt.Now().UnixNano(), 36)+".fenced")
	}
	if err := s.files.rename(path, aside); err != nil {
		return nil, fmt.Errorf("fencing a damaged segment: %w", err)
	}
	seen.damage.Path = aside
	segment := Segment{
		Stream: stream, Path: aside, First: seen.header.First, Last: seen.last, Count: seen.count, Size: seen.size,
		Created: seen.header.Created, Fenced: true,
	}
	found.Fenced = append(found.Fenced, Fence{segment, *seen.damage, seen.before, seen.after})
	found.Head = max(found.Head, seen.last, seen.header.First)
	if seen.open {
		found.unknown += s.segmentBytes(stream) / leastFrame
	}
	if seen.count == 0 {
		return nil, nil //nolint:nilnil // there is nothing to read in it
	}
	return &done{Segment: segment}, nil
}

// recoverLast finds out how far the numbers of a stream went.
func (s *Store) recoverLast(st *stream, found *Recovery) error {
	if len(st.done) == 0 {
		return nil
	}
	last := st.done[len(st.done)-1]
	if last.Fenced {
		if last.Last == 0 { // by an earlier process
			s.stat(last)
		}
		found.Head = max(found.Head, last.Last)
		return nil
	}
	if s.stat(last); last.Last > 0 {
		found.Head = max(found.Head, last.Last)
		return nil
	}
	// Its footer is not one: what it says of its end cannot be believed.
	seen, err := s.look(last.Path, last.Stream, last.Size)
	if err != nil {
		return err
	}
	if seen.damage == nil {
		seen.damage, seen.open = &Damage{last.Path, seen.end, "a sealed segment without a footer"}, true
	}
	fenced, err := s.fence(last.Stream, last.Path, seen, found)
	if err != nil {
		return err
	}
	st.done = st.done[:len(st.done)-1]
	if fenced != nil {
		st.done = append(st.done, fenced)
	}
	return nil
}

// stat fills in what a segment's file says of itself. A sealed one that cannot say it keeps its zeros; a fenced one is
// scanned.
func (s *Store) stat(d *done) {
	f, err := os.Open(d.Path)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	d.Size = info.Size()
	if d.Fenced {
		if seen, err := s.look(d.Path, d.Stream, d.Size); err == nil {
			d.Last, d.Count, d.Created = seen.last, seen.count, seen.header.Created
		}
		return
	}
	head, tail := make([]byte, HeaderSize), make([]byte, FooterSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return
	}
	if _, err := f.ReadAt(tail, d.Size-FooterSize); err != nil {
		return
	}
	h, err := ParseHeader(head)
	if err != nil {
		return
	}
	footer, err := ParseFooter(tail)
	if err != nil || footer.First != h.First || footer.Last < footer.First || footer.Last > MaxSeq {
		return
	}
	d.Created, d.Last, d.Count = h.Created, footer.Last, footer.Count
	d.Ended = footer.LastTime
}
