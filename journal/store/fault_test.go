package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// faults are switches of a layer that fails.
type faults struct{ full, broken, stuck atomic.Bool }

func (x *faults) files() *files {
	f := osFiles()
	allocate, sync, rename := f.allocate, f.sync, f.rename
	f.allocate = func(file *os.File, size int64) error {
		if x.full.Load() {
			return syscall.ENOSPC
		}
		return allocate(file, size)
	}
	f.sync = func(file *os.File) error {
		if x.broken.Load() {
			return syscall.EIO
		}
		return sync(file)
	}
	f.rename = func(from, to string) error {
		if x.stuck.Load() {
			return syscall.EIO
		}
		return rename(from, to)
	}
	return &f
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 20 s: " + what)
		}
	}
}

func TestFullAtStart(t *testing.T) {
	var x faults
	x.full.Store(true)
	opt := options(t.TempDir())
	opt.files = x.files()
	if _, _, err := Open(opt); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), ".spare") {
		t.Fatalf("opened on a full disk: %v", err)
	}
	if left := files1(t, opt.Dir, "*/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestFullDisk: the disk fills up while records come. Nothing is lost that Append took; new accesses are to stop while a
// quarter of a segment is left; and when there is space it goes on.
func TestFullDisk(t *testing.T) {
	var x faults
	opt := options(t.TempDir())
	opt.files = x.files()
	s, _ := open(t, opt)
	until(t, "spares", func() bool { return len(files1(t, opt.Dir, "*/*.spare")) == 4 })
	x.full.Store(true)

	var seq, warned int64
	for {
		err := s.Append(Access, seq+1, record(seq+1, 1000))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		seq++
		if warned == 0 && s.Writable() != nil {
			warned = seq
		}
	}
	until(t, "a reason", func() bool { return errors.Is(s.Writable(), syscall.ENOSPC) })
	if room := seq - warned; warned == 0 || room < 10 {
		t.Errorf("records refused from %d on, warned at %d", seq+1, warned)
	}
	same(t, readAll(t, s, 0), fmt.Sprintf("1-%d", seq))
	if got := s.Stats(); got.Refused != 1 || got.Failures == 0 {
		t.Errorf("counted: %+v", got)
	}
	again, found := open(t, options(crash(t, opt.Dir)))
	if found.Head != seq {
		t.Errorf("after a kill on the full disk: head %d, want %d", found.Head, seq)
	}
	same(t, readAll(t, again, 0), fmt.Sprintf("1-%d", seq))

	x.full.Store(false)
	until(t, "writable again", func() bool { return s.Writable() == nil })
	fill(t, s, seq+1, seq+5, 1000)
	same(t, readAll(t, s, seq-1), fmt.Sprintf("%d-%d", seq, seq+5))
}

// TestBrokenDisk: while syncs fail nothing counts as synced, nothing is sealed, and Sync says so. After it nothing is
// lost.
func TestBrokenDisk(t *testing.T) {
	for name, pick := range map[string]func(*faults) *atomic.Bool{
		"sync":   func(x *faults) *atomic.Bool { return &x.broken },
		"rename": func(x *faults) *atomic.Bool { return &x.stuck },
	} {
		t.Run(name, func(t *testing.T) {
			var x faults
			changes := make(chan struct{}, 1000)
			opt := options(t.TempDir())
			opt.files, opt.Synced = x.files(), func() { changes <- struct{}{} }
			s, _ := open(t, opt)
			fill(t, s, 1, 10, 100)
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
			pick(&x).Store(true)
			fill(t, s, 11, 1000, 100)
			until(t, "an error", func() bool { return errors.Is(s.Writable(), syscall.EIO) })
			if err := s.Sync(); !errors.Is(err, syscall.EIO) {
				t.Errorf("Sync on a broken disk: %v", err)
			}
			if name == "sync" && s.Synced() >= 1000 {
				t.Errorf("synced to %d", s.Synced())
			}
			same(t, readAll(t, s, 0), "1-1000")

			pick(&x).Store(false)
			until(t, "writable again", func() bool { return s.Writable() == nil })
			if err := s.Sync(); err != nil || s.Synced() != 1000 {
				t.Errorf("synced to %d: %v", s.Synced(), err)
			}
			if len(changes) == 0 {
				t.Error("nobody was told")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, found := open(t, options(opt.Dir))
			if found.Head != 1000 || found.Crashed {
				t.Errorf("found %+v", found)
			}
			same(t, readAll(t, s, 0), "1-1000")
		})
	}
}

// TestBrokenAtTheEnd: what Close cannot bring to disk is recovered at the next start.
func TestBrokenAtTheEnd(t *testing.T) {
	var x faults
	opt := options(t.TempDir())
	opt.files = x.files()
	s, _ := open(t, opt)
	fill(t, s, 1, 100, 100)
	x.broken.Store(true)
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close on a broken disk: %v", err)
	}
	s, found := open(t, options(opt.Dir))
	if found.Head != 100 {
		t.Errorf("found %+v", found)
	}
	same(t, readAll(t, s, 0), "1-100")
}

// TestFileCutShort: somebody truncates the mapped file. That is an error of Append, not the end of the process.
func TestFileCutShort(t *testing.T) {
	opt := options(t.TempDir())
	s, _ := open(t, opt)
	fill(t, s, 1, 4, 10)
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files1(t, opt.Dir, "access/*.open")[0], 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(Access, 6, record(6, 10)); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("appended to nothing: %v", err)
	}
	if err := s.Append(Control, 7, record(7, 10)); err != nil {
		t.Errorf("the other stream: %v", err)
	}
}

// frameAt finds the n-th frame of a file, 0 the first.
func frameAt(t testing.TB, path string, n int) (offset int64, length int) {
	t.Helper()
	c, err := OpenSegment(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for {
		f, err := c.Next()
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if n--; n < 0 {
			return f.Offset, len(f.Payload)
		}
	}
}

func poke(t testing.TB, path string, at int64, change func(b []byte)) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 64)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	change(b)
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestDamaged: what a crash or an accident may have done to the segment that was written, what is found of it, and what
// can still be read. Records 1 to 12 were written; 5 and 10 are in the other stream.
func TestDamaged(t *testing.T) {
	last := func(t testing.TB, path string) (int64, int) { return frameAt(t, path, 9) }
	for _, c := range []struct {
		name   string
		damage func(t testing.TB, path string)
		want   string
		fenced string // file and reason, "": none
		before int64
		after  int64
		head   int64
	}{
		{"nothing", func(testing.TB, string) {}, "1-12", "", 0, 0, 12},
		{"killed within a record: its length is not there yet", func(t testing.TB, path string) {
			at, n := last(t, path)
			poke(t, path, at+frameSize(n), func(b []byte) { copy(b[4:], "the checksum and half a record") })
		}, "1-12", "", 0, 0, 12},
		{"a bit of the last record", func(t testing.TB, path string) {
			at, _ := last(t, path)
			poke(t, path, at+20, func(b []byte) { b[0] ^= 1 })
		}, "1-11", "checksum", 11, 0, -1},
		{"a bit in the middle", func(t testing.TB, path string) {
			at, _ := frameAt(t, path, 3)
			poke(t, path, at+20, func(b []byte) { b[0] ^= 1 })
		}, "1-3 !4 5-12", "checksum", 3, 6, 12},
		{"a length in the middle is 0, as of a page that was not written", func(t testing.TB, path string) {
			at, _ := frameAt(t, path, 3)
			poke(t, path, at, func(b []byte) { clear(b) })
		}, "1-3 !4 5-12", "no frame here", 3, 6, 12},
		{"a length that cannot be", func(t testing.TB, path string) {
			at, _ := frameAt(t, path, 3)
			poke(t, path, at, func(b []byte) { binary.LittleEndian.PutUint32(b, 1<<31) })
		}, "1-3 !4 5-12", "length", 3, 6, 12},
		{"a frame twice", func(t testing.TB, path string) {
			from, n := frameAt(t, path, 2)
			to, _ := frameAt(t, path, 3)
			b := make([]byte, 64)
			poke(t, path, from, func(x []byte) { copy(b, x) })
			poke(t, path, to, func(x []byte) { copy(x, b[:frameSize(n)]) })
		}, "1-3 !4 5-12", "does not follow", 3, 6, 12},
		{"the header", func(t testing.TB, path string) {
			poke(t, path, 0, func(b []byte) { b[9] ^= 1 })
		}, "!1-4 5 !6-9 10", "header", 0, 0, -1},
		{"another file", func(t testing.TB, path string) {
			if err := os.WriteFile(path, []byte("access records of another program\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "!1-4 5 !6-9 10", "too short", 0, 0, -1},
		{"another journal's segment", func(t testing.TB, path string) {
			h := Header{Access, [16]byte{9}, 1, time.Unix(1, 0)}
			poke(t, path, 0, func(b []byte) { copy(b, h.append(nil)) })
		}, "!1-4 5 !6-9 10", "another journal", 0, 0, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := open(t, unsynced(options(dir)))
			fill(t, s, 1, 12, 50)
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
			dir = crash(t, dir)
			path := filepath.Join(dir, "access", fileName(1, ".open"))
			c.damage(t, path)
			s, found := open(t, unsynced(options(dir)))
			if c.head > 0 && found.Head != c.head || c.head < 0 && found.Head < 13 {
				t.Errorf("head is %d, want %d (-1: beyond all that were given out)", found.Head, c.head)
			}
			if c.head < 0 {
				c.want += fmt.Sprintf(" !%d-%d", max(c.before, 10)+1, found.Head)
			}
			same(t, readAll(t, s, 0), c.want)
			switch {
			case c.fenced == "" && len(found.Fenced) > 0:
				t.Errorf("fenced %+v", found.Fenced)
			case c.fenced != "":
				if len(found.Fenced) != 1 {
					t.Fatalf("fenced %+v", found.Fenced)
				}
				f := found.Fenced[0]
				if !strings.Contains(f.Damage.Error(), c.fenced) || !strings.HasSuffix(f.Damage.Path, ".fenced") || f.Before != c.before || f.After != c.after {
					t.Errorf("fenced %s, before %d, after %d", &f.Damage, f.Before, f.After)
				}
			}
			next := found.Head + 1
			fill(t, s, next, next+4, 50)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, found = open(t, unsynced(options(dir)))
			if found.Head != next+4 || found.Crashed || len(found.Fenced) > 0 {
				t.Errorf("at the start after: %+v", found)
			}
			if c.head > 0 {
				c.want = strings.TrimSuffix(c.want, "12") + fmt.Sprint(next+4)
				same(t, readAll(t, s, 0), c.want)
			}
		})
	}
}

// TestSealedWithoutFooter: the newest sealed segment is damaged at its end; what it says of numbers is not believed.
func TestSealedWithoutFooter(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, unsynced(options(dir)))
	fill(t, s, 1, 12, 50)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := files1(t, dir, "access/*.seg")[0]
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	poke(t, path, info.Size()-64, func(b []byte) { b[0] ^= 1 })
	s, found := open(t, unsynced(options(dir)))
	if len(found.Fenced) != 1 || found.Head < 12 || found.Fenced[0].Before != 12 {
		t.Errorf("found %+v", found)
	}
	if got := readAll(t, s, 0); !strings.HasPrefix(got, "1-12") {
		t.Errorf("read %s", got)
	}
}

func TestRemove(t *testing.T) {
	opt := options(t.TempDir())
	s, _ := open(t, opt)
	fill(t, s, 1, 2000, 200)
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	slow := s.Read(0)
	defer slow.Close()
	slow.Next()
	var gone Segment
	for _, g := range s.Segments() {
		if g.Sealed && g.Stream == Access && g.First > 1 && gone.First == 0 {
			gone = g
		}
	}
	if err := s.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(gone); err == nil {
		t.Error("removed twice")
	}
	got := readAll(t, s, gone.First-1)
	if !strings.HasPrefix(got, fmt.Sprintf("!%d", gone.First)) || !strings.HasSuffix(got, "2000") {
		t.Errorf("without %d-%d: %s", gone.First, gone.Last, got)
	}
	if before := readAll(t, s, 0); !strings.HasPrefix(before, fmt.Sprintf("1-%d !", gone.First-1)) {
		t.Errorf("read %s", before)
	}
}
