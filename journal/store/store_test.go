package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testJournal = [16]byte{1, 2, 3, 4}

func options(dir string) Options {
	return Options{Dir: dir, Journal: testJournal, SegmentBytes: MinSegmentBytes, SyncInterval: 5 * time.Millisecond}
}

// unsynced: a test of what a killed process leaves needs no disk, and goes faster without.
func unsynced(opt Options) Options {
	f := osFiles()
	f.sync = func(*os.File) error { return nil }
	f.syncDir = func(string) error { return nil }
	opt.files = &f
	return opt
}

func open(t testing.TB, opt Options) (*Store, Recovery) {
	t.Helper()
	s, found, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, found
}

// record is a payload with its number in it, and as many bytes more.
func record(seq int64, more int) []byte {
	return append(AppendSeq(nil, seq), bytes.Repeat([]byte{byte(seq)}, more)...)
}

// streamOf puts every fifth record into the control stream.
func streamOf(seq int64) Stream {
	if seq%5 == 0 {
		return Control
	}
	return Access
}

func fill(t testing.TB, s *Store, from, to int64, more int) {
	t.Helper()
	for seq := from; seq <= to; seq++ {
		appendSoon(t, s, streamOf(seq), seq, record(seq, more))
	}
}

// appendSoon waits where the next segment is not made yet.
func appendSoon(t testing.TB, s *Store, stream Stream, seq int64, payload []byte) {
	t.Helper()
	for {
		err := s.Append(stream, seq, payload)
		if err == nil {
			return
		}
		if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// numbers reads everything after a number and shows it as "1-5 !6-7 8".
func numbers(t testing.TB, r *Reader, after int64) string {
	t.Helper()
	var out []string
	run := func(mark string, from, to int64) {
		if from == to {
			out = append(out, fmt.Sprintf("%s%d", mark, from))
		} else if from < to {
			out = append(out, fmt.Sprintf("%s%d-%d", mark, from, to))
		}
	}
	from, last := after+1, after
	for {
		seq, payload, missing, ok := r.Next()
		if !ok {
			break
		}
		if payload == nil {
			run("", from, last)
			run("!", last+1, seq)
			from, last = seq+1, seq
			continue
		}
		if missing > 0 {
			run("", from, last)
			run("!", last+1, seq-1)
			from = seq
		}
		if got, ok := SeqOf(payload); !ok || got != seq {
			t.Fatalf("record %d has the number %d in it", seq, got)
		}
		last = seq
	}
	run("", from, last)
	return strings.Join(out, " ")
}

func readAll(t testing.TB, s *Store, after int64) string {
	t.Helper()
	r := s.Read(after)
	defer r.Close()
	return numbers(t, r, after)
}

func same(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// crash copies a store's files as a kill at this moment would leave them: all under the names of one moment.
func crash(t testing.TB, dir string) string {
	t.Helper()
	for {
		to, before := t.TempDir(), files1(t, dir, "*/*")
		err := os.CopyFS(to, os.DirFS(dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil && slices.Equal(before, files1(t, dir, "*/*")) && len(before) == len(files1(t, to, "*/*")) {
			return to
		}
	}
}

func files1(t testing.TB, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAppendAndRead(t *testing.T) {
	dir := t.TempDir()
	s, found := open(t, options(dir))
	if found.Head != 0 || found.Crashed {
		t.Fatalf("a new store has found %+v", found)
	}
	r := s.Read(0)
	defer r.Close()
	same(t, numbers(t, r, 0), "")
	fill(t, s, 1, 10, 100)
	same(t, numbers(t, r, 0), "1-10")
	fill(t, s, 11, 3000, 100) // several segments
	same(t, numbers(t, r, 10), "11-3000")
	for _, after := range []int64{0, 1, 4, 5, 999, 2999, 3000} {
		want := fmt.Sprintf("%d-3000", after+1)
		if after >= 2999 {
			want = map[int64]string{2999: "3000", 3000: ""}[after]
		}
		same(t, readAll(t, s, after), want)
	}
	if err := s.Sync(); err != nil || s.Synced() != 3000 {
		t.Fatalf("synced to %d: %v", s.Synced(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := append(files1(t, dir, "*/*.open"), files1(t, dir, "*/*.spare")...); len(left) > 0 {
		t.Errorf("after Close there is %v", left)
	}
	same(t, readAll(t, s, 0), "1-3000")
}

func TestAppendRefuses(t *testing.T) {
	s, _ := open(t, options(t.TempDir()))
	fill(t, s, 1, 3, 10)
	for name, try := range map[string]struct {
		seq     int64
		payload []byte
	}{
		"a number that was given out": {3, record(3, 10)},
		"another number inside":       {4, record(5, 10)},
		"nothing":                     {4, nil},
		"no number":                   {4, []byte("text")},
		"too much":                    {4, record(4, MinSegmentBytes)},
	} {
		if err := s.Append(Access, try.seq, try.payload); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	fill(t, s, 4, 4, 10)
	same(t, readAll(t, s, 0), "1-4")
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	for from := int64(1); from < 3000; from += 1000 {
		s, found := open(t, options(dir))
		if found.Head != from-1 || found.Crashed || len(found.Fenced) > 0 {
			t.Fatalf("found %+v, want head %d", found, from-1)
		}
		fill(t, s, from, from+999, 100)
		same(t, readAll(t, s, 500), fmt.Sprintf("501-%d", from+999))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilled: whatever Append returned from is there after a kill, at any record, in whatever state the files are.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, options(dir))
	var last int64
	for _, upTo := range []int64{1, 2, 5, 6, 500, 501, 1234, 2000} {
		fill(t, s, last+1, upTo, 100)
		last = upTo
		again, found := open(t, unsynced(options(crash(t, dir))))
		if found.Head != last || !found.Crashed || len(found.Fenced) > 0 {
			t.Errorf("after a kill at %d: %+v", last, found)
		}
		fill(t, again, last+1, last+10, 100)
		same(t, readAll(t, again, 0), fmt.Sprintf("1-%d", last+10))
		if err := again.Sync(); err != nil {
			t.Error(err)
		}
	}
}

func TestAge(t *testing.T) {
	opt := options(t.TempDir())
	opt.SegmentAge = 20 * time.Millisecond
	sealed := make(chan Segment, 10)
	opt.Sealed = func(g Segment) { sealed <- g }
	s, _ := open(t, opt)
	fill(t, s, 1, 4, 10)
	g := <-sealed
	if !g.Sealed || g.First != 1 || g.Last != 4 || g.Count != 4 || g.Stream != Access || filepath.Base(g.Path) != "00000000000000000001.seg" {
		t.Errorf("sealed %+v", g)
	}
	c, err := OpenSegment(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var n int64
	for {
		f, err := c.Next()
		if err != nil {
			break
		}
		if n++; f.Seq != n {
			t.Errorf("frame %d has seq %d", n, f.Seq)
		}
	}
	if f := c.Footer(); f == nil || f.Count != 4 || f.First != 1 || f.Last != 4 {
		t.Errorf("footer %+v", f)
	}
}
