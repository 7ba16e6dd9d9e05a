package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// A testJournal writes segments by the description of their format, as a journal would.
type testJournal struct {
	t    testing.TB
	dir  string // of the journal
	keys string
	id   string
	seq  int64
	open map[string]*testSegment
}

type testSegment struct {
	path  string
	first int64
	last  int64
	count int64
	buf   []byte
}

func newTestJournal(t testing.TB) *testJournal {
	t.Helper()
	return testJournalAt(t, t.TempDir(), "01JD7Z3Q3M0000000000000000")
}

func testJournalAt(t testing.TB, root, id string) *testJournal {
	t.Helper()
	j := &testJournal{t: t, dir: filepath.Join(root, "journal", id), keys: filepath.Join(root, "keys"), id: id, open: map[string]*testSegment{}}
	for _, stream := range streams {
		if err := os.MkdirAll(filepath.Join(j.dir, stream), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func (j *testJournal) log(witnesses ...Witness) *Log {
	j.t.Helper()
	l, err := Open(Options{Dir: j.dir, Keys: j.keys, Proxy: "dk-1", Journal: j.id, Witnesses: witnesses})
	if err != nil {
		j.t.Fatal(err)
	}
	return l
}

func checkpoint(t testing.TB, l *Log) *Signed {
	t.Helper()
	s, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// payload is a record as the journal writes it: the seq in front.
func (j *testJournal) payload(stream string, r *access.Record) []byte {
	r.Journal = j.id
	r.LoggedTime = timestamppb.New(time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC).Add(time.Duration(j.seq) * time.Millisecond))
	if r.Kind == "" {
		r.Kind, r.Operation, r.Resource = "access", "READ", fmt.Sprintf("purchasing-%d", j.seq%17)
		r.Principal, r.Decision = "User:erp", "allow"
		if stream == "control" {
			r.Decision = "deny"
		}
	}
	b := protowire.AppendVarint([]byte{3 << 3}, uint64(j.seq))
	b, err := proto.MarshalOptions{}.MarshalAppend(b, r)
	if err != nil {
		j.t.Fatal(err)
	}
	return b
}

// append writes a record; it goes to disk with write.
func (j *testJournal) append(stream string, r *access.Record) int64 {
	j.seq++
	g := j.open[stream]
	if g == nil {
		g = &testSegment{first: j.seq, path: filepath.Join(j.dir, stream, segmentName(j.seq)+openEnd)}
		g.buf = appendHeader(nil, stream, j.id, j.seq)
		j.open[stream] = g
	}
	g.buf = appendFrame(g.buf, j.payload(stream, r))
	g.last, g.count = j.seq, g.count+1
	return j.seq
}

// write brings to disk what was appended. Behind it there is space, as in a segment that is allocated ahead.
func (j *testJournal) write() {
	j.t.Helper()
	for _, g := range j.open {
		if _, err := os.Stat(g.path); err != nil { // a segment has its name when it has its header
			if err := errors.Join(os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(g.path)), "new"), g.buf[:headerSize], 0o600), os.Rename(filepath.Join(filepath.Dir(filepath.Dir(g.path)), "new"), g.path)); err != nil {
				j.t.Fatal(err)
			}
		}
		f, err := os.OpenFile(g.path, os.O_RDWR, 0)
		if err != nil {
			j.t.Fatal(err)
		}
		if _, err := f.WriteAt(append(g.buf[:len(g.buf):len(g.buf)], make([]byte, 4096)...), 0); err != nil {
			j.t.Fatal(err)
		}
		f.Close()
	}
}

// seal ends a stream's segment.
func (j *testJournal) seal(stream string) {
	j.t.Helper()
	g := j.open[stream]
	if g == nil {
		return
	}
	j.write()
	delete(j.open, stream)
	whole := appendFooter(g.buf, footer{g.count, g.first, g.last})
	f, err := os.OpenFile(g.path, os.O_RDWR, 0)
	if err != nil {
		j.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(whole[len(g.buf):], int64(len(g.buf))); err != nil {
		j.t.Fatal(err)
	}
	if err := f.Truncate(int64(len(whole))); err != nil {
		j.t.Fatal(err)
	}
	if err := os.Rename(g.path, sealedName(g.path)); err != nil {
		j.t.Fatal(err)
	}
}

func sealedName(path string) string { return path[:len(path)-len(openEnd)] + sealedEnd }

// fill appends n records, a control record now and then, and seals segments of size records.
func (j *testJournal) fill(n, size int) {
	j.t.Helper()
	for range n {
		stream := streams[0]
		if j.seq%7 == 3 {
			stream = streams[1]
		}
		j.append(stream, &access.Record{})
		if g := j.open[stream]; g.count >= int64(size) {
			j.seal(stream)
		}
	}
	j.write()
}

func appendHeader(b []byte, stream, journal string, first int64) []byte {
	b = append(b, "DKJ1"...)
	id := ulid.MustParseStrict(journal)
	kind := byte(0)
	if stream == "control" {
		kind = 1
	}
	b = append(b, 1, kind, 0, 0)
	b = append(b, id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(first))
	b = binary.LittleEndian.AppendUint64(b, 1)
	b = append(b, make([]byte, 20)...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendFrame(b, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	b = append(b, payload...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func appendFooter(b []byte, f footer) []byte {
	var body []byte
	for _, n := range []int64{f.count, f.first, f.last, 0, 0} {
		body = binary.LittleEndian.AppendUint64(body, uint64(n))
	}
	body = append(body, make([]byte, 32)...)
	b = binary.LittleEndian.AppendUint32(b[:len(b):len(b)], footerMark)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

// verifyDir verifies without witnesses.
func verifyDir(t testing.TB, dir string, given ...Given) *Report {
	t.Helper()
	r, err := Verify(t.Context(), VerifyOptions{Dir: dir, Given: given})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantProved fails with what was found.
func wantProved(t testing.TB, r *Report) {
	t.Helper()
	for _, f := range allFindings(r) {
		t.Error(f)
	}
	if !r.Proved {
		t.Fatal("not proved")
	}
}

func allFindings(r *Report) []Finding {
	all := r.Findings
	for _, j := range r.Journals {
		all = append(all, j.Findings...)
	}
	return all
}
