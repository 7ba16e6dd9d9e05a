package evidence

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A tampered journal is one whose files are changed, looked at, and put back.
type tampered struct {
	t     *testing.T
	dir   string
	files map[string][]byte // as they were
	names []string
	rand  *rand.Rand
}

func newTampered(t *testing.T, j *testJournal) *tampered {
	x := &tampered{t: t, dir: j.dir, files: map[string][]byte{}, rand: rand.New(rand.NewPCG(1, 2))}
	err := filepath.WalkDir(j.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if x.files[path], err = os.ReadFile(path); err == nil {
				x.names = append(x.names, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *tampered) write(path string, data []byte) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tampered) restore(path string) { x.write(path, x.files[path]) }

// segment picks one at random.
func (x *tampered) segment() *parsed {
	for {
		path := x.names[x.rand.IntN(len(x.names))]
		if !strings.Contains(path, string(filepath.Separator)+logDir+string(filepath.Separator)) {
			return parse(path, x.files[path])
		}
	}
}

// parsed is a segment taken apart.
type parsed struct {
	path     string
	header   []byte
	payloads [][]byte
	starts   []int
	used     int // bytes that mean something
	sealed   bool
}

func parse(path string, data []byte) *parsed {
	p := &parsed{path: path, header: data[:headerSize], sealed: strings.HasSuffix(path, sealedEnd)}
	at := headerSize
	for {
		n := binary.LittleEndian.Uint32(data[at:])
		if n == 0 || n == footerMark {
			break
		}
		p.starts = append(p.starts, at)
		p.payloads = append(p.payloads, slices.Clone(data[at+frameHead:at+frameHead+int(n)]))
		at += int(frameHead+n+7) &^ 7
	}
	if p.used = at; p.sealed {
		p.used += footerSize
	}
	return p
}

func (p *parsed) seq(i int) int64 { return seqOf(p.payloads[i]) }

// bytes puts the segment together again: every checksum matches, and the footer, too.
func (p *parsed) bytes() []byte {
	b := slices.Clone(p.header)
	for _, payload := range p.payloads {
		b = appendFrame(b, payload)
	}
	if !p.sealed {
		return append(b, make([]byte, 4096)...)
	}
	n := len(p.payloads)
	if n == 0 {
		return appendFooter(b, footer{})
	}
	last := int64(0)
	for i := range p.payloads {
		last = max(last, p.seq(i))
	}
	return appendFooter(b, footer{int64(n), p.seq(0), last})
}

// A clue is what a finding must say: the segment, and the record by its position or its seq. Zero: it cannot be known.
type clue struct {
	segment       string
	position, seq int64
}

func (c clue) in(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool {
		if c.segment != "" && f.Segment != c.segment {
			return false
		}
		return (c.position == 0 || f.Position == c.position) && (c.seq == 0 || f.Seq <= c.seq && c.seq <= max(f.Seq, f.ToSeq))
	})
}

// tamperings change one segment and say what is to be found.
var tamperings = []struct {
	name string
	do   func(x *tampered, p *parsed) ([]byte, []clue)
}{
	{"flip a bit of a payload", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := x.rand.IntN(len(p.payloads))
		b := slices.Clone(x.files[p.path])
		b[p.starts[i]+frameHead+x.rand.IntN(len(p.payloads[i]))] ^= 1 << x.rand.IntN(8)
		return b, []clue{{p.name(), int64(i + 1), p.seq(i)}}
	}},
	{"flip any bit", func(x *tampered, p *parsed) ([]byte, []clue) {
		b := slices.Clone(x.files[p.path])
		at := x.rand.IntN(p.used)
		b[at] ^= 1 << x.rand.IntN(8)
		i, _ := slices.BinarySearch(p.starts, at+1)
		if i == 0 || at >= p.used-footerSize && p.sealed {
			return b, []clue{{segment: p.name()}} // header and footer are no record's
		}
		return b, []clue{{segment: p.name(), position: int64(i)}}
	}},
	{"forge a record", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := x.rand.IntN(len(p.payloads))
		p.payloads[i][len(p.payloads[i])-1] ^= 1
		return p.bytes(), []clue{{p.name(), int64(i + 1), p.seq(i)}}
	}},
	{"delete a record", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := x.rand.IntN(len(p.payloads))
		seq := p.seq(i)
		p.payloads = slices.Delete(p.payloads, i, i+1)
		return p.bytes(), []clue{{segment: p.name()}, {seq: seq}}
	}},
	{"swap two records", func(x *tampered, p *parsed) ([]byte, []clue) {
		i, j := x.rand.IntN(len(p.payloads)), x.rand.IntN(len(p.payloads)-1)
		if j >= i {
			j++
		}
		i, j = min(i, j), max(i, j)
		p.payloads[i], p.payloads[j] = p.payloads[j], p.payloads[i]
		if !p.sealed { // no marks yet
			return p.bytes(), []clue{{segment: p.name(), position: int64(j + 1)}}
		}
		return p.bytes(), []clue{{p.name(), int64(i + 1), p.seq(i)}, {p.name(), int64(j + 1), p.seq(j)}}
	}},
	{"write a record twice", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := x.rand.IntN(len(p.payloads))
		at := i + 1 + x.rand.IntN(len(p.payloads)-i)
		p.payloads = slices.Insert(p.payloads, at, slices.Clone(p.payloads[i]))
		return p.bytes(), []clue{{p.name(), int64(at + 1), p.seq(i)}}
	}},
	{"cut the end", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := x.rand.IntN(len(p.payloads))
		seq := p.seq(i)
		b := slices.Clone(x.files[p.path][:p.starts[i]])
		if !p.sealed {
			b = append(b, make([]byte, 4096)...)
		}
		return b, []clue{{segment: p.name(), position: int64(i + 1)}, {seq: seq}}
	}},
	{"cut the end, and seal again", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := 1 + x.rand.IntN(len(p.payloads)-1)
		seq := p.seq(i)
		p.payloads = p.payloads[:i]
		return p.bytes(), []clue{{segment: p.name(), position: int64(i + 1)}, {seq: seq}}
	}},
	{"renumber a record", func(x *tampered, p *parsed) ([]byte, []clue) {
		i := 1 + x.rand.IntN(len(p.payloads)-1)
		seq := p.seq(i)
		_, n := binary.Uvarint(p.payloads[i][1:])
		p.payloads[i] = append(binary.AppendUvarint([]byte{3 << 3}, uint64(p.seq(i-1))), p.payloads[i][1+n:]...)
		return p.bytes(), []clue{{segment: p.name(), position: int64(i + 1)}, {seq: seq}}
	}},
}

func (p *parsed) name() string { return filepath.Base(p.path) }

// TestTamper changes one thing at a random place, again and again, and wants it found and named each time.
func TestTamper(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(6000, 300)
	checkpoint(t, l)
	closeLog(t, l)
	wantProved(t, verifyDir(t, j.dir))
	x := newTampered(t, j)
	for round := range 25 {
		for _, how := range tamperings {
			p := x.segment()
			data, clues := how.do(x, p)
			if string(data) == string(x.files[p.path]) {
				continue
			}
			x.write(p.path, data)
			all := allFindings(verifyDir(t, j.dir))
			x.restore(p.path)
			for _, c := range clues {
				if !c.in(all) {
					t.Fatalf("round %d: %s in %s: nobody finds %+v; found:\n%s", round, how.name, p.path, c, list(all))
				}
			}
		}
	}
	wantProved(t, verifyDir(t, j.dir))
}

func list(all []Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintln(&b, " ", f)
	}
	return b.String()
}

// TestTamperEverywhere flips bits in every file, the log's among them: none can be changed unnoticed but for marks,
// which prove nothing.
func TestTamperEverywhere(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(900, 60)
	checkpoint(t, l)
	closeLog(t, l)
	x := newTampered(t, j)
	for _, path := range x.names {
		if strings.Contains(path, marksDir) {
			continue
		}
		for range 2 {
			data := slices.Clone(x.files[path])
			used := len(data)
			if strings.HasSuffix(path, openEnd) {
				used = parse(path, data).used
			}
			data[x.rand.IntN(used)] ^= 1 << x.rand.IntN(8)
			x.write(path, data)
			if r := verifyDir(t, j.dir); r.Proved {
				t.Errorf("%s: a flipped bit is not found", path)
			}
		}
		x.restore(path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if r := verifyDir(t, j.dir); r.Proved {
			t.Errorf("%s: that it is gone is not found", path)
		}
		x.restore(path)
	}
}

// TestForgedMarks: who forges a record and its mark is found by the root, though which record it is is not known.
func TestForgedMarks(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(400, 50)
	checkpoint(t, l)
	closeLog(t, l)
	path := filepath.Join(j.dir, "access", segmentName(1)+sealedEnd)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(path, data)
	p.payloads[7][len(p.payloads[7])-1] ^= 1
	if err := os.WriteFile(path, p.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var tree tree
	h := tree.add(p.payloads[7])
	marks := filepath.Join(j.dir, logDir, marksDir, "access", segmentName(1))
	m, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	copy(m[7*markSize:], h[:markSize])
	if err := os.WriteFile(marks, m, 0o600); err != nil {
		t.Fatal(err)
	}
	all := allFindings(verifyDir(t, j.dir))
	if len(all) != 1 || all[0].What != Changed || all[0].Segment != p.name() {
		t.Errorf("found:\n%s", list(all))
	}
}

// TestForgedSegment: not even a segment that is right in itself can take the place of another.
func TestForgedSegment(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(400, 50)
	checkpoint(t, l)
	closeLog(t, l)
	for _, name := range []string{segmentName(1), segmentName(59)} {
		path := filepath.Join(j.dir, "access", name+sealedEnd)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other := slices.Clone(data)
		other[8]++ // of another journal
		binary.LittleEndian.PutUint32(other[60:], crc32.Checksum(other[:60], castagnoli))
		if err := os.WriteFile(path, other, 0o600); err != nil {
			t.Fatal(err)
		}
		if all := allFindings(verifyDir(t, j.dir)); !(clue{segment: name + sealedEnd}).in(all) {
			t.Errorf("a segment of another journal is not found, but:\n%s", list(all))
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantProved(t, verifyDir(t, j.dir))
}
