package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"doorkeeper/access"
	"doorkeeper/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appendNamed(j *journal.Journal, names ...string) {
	for _, name := range names {
		j.Append(&access.Record{Kind: journal.KindControl, Target: name})
	}
}

// targets reads the files as a consumer does, line by line, oldest file first.
func targets(t *testing.T, paths ...string) (names []string) {
	t.Helper()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			r := new(access.Record)
			if err := access.DecodeJSON([]byte(line), r); err != nil || !strings.HasSuffix(line, "\n") {
				names = append(names, "torn")
				continue
			}
			if r.Kind == journal.KindGap {
				names = append(names, fmt.Sprintf("gap %d-%d", r.GetFromSeq(), r.GetToSeq()))
				continue
			}
			names = append(names, r.Target)
		}
	}
	return names
}

// startFile lets a file sink run whose cursor is in dir.
func startFile(t *testing.T, j *journal.Journal, dir string, opt FileOptions, open opener) *Sink {
	t.Helper()
	f, err := newFile(opt, open)
	if err != nil {
		t.Fatal(err)
	}
	s := New(j, f, Options{Name: "local", Dir: dir, Log: opt.Log})
	s.Start()
	return s
}

func closeSink(t *testing.T, f *Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestFileDrains(t *testing.T) {
	j := journal.New(journal.Options{})
	path := filepath.Join(t.TempDir(), "new", "access.jsonl")
	appendNamed(j, "before\nopening")
	f := startFile(t, j, t.TempDir(), FileOptions{Path: path}, openOS)
	var want []string
	for i := range 5000 {
		want = append(want, fmt.Sprint(i))
	}
	appendNamed(j, want...)
	closeSink(t, f)
	if diff := cmp.Diff(append([]string{"before\nopening"}, want...), targets(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if s := f.Stats(); s.Records != 5001 || s.Delivered != j.Head() || s.Cursor != j.Head() || s.Bytes != info.Size() || s.Failing || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFileEndsWithJournal: a closed journal is read to its end.
func TestFileEndsWithJournal(t *testing.T) {
	j := journal.New(journal.Options{})
	path := filepath.Join(t.TempDir(), "access.jsonl")
	f := startFile(t, j, t.TempDir(), FileOptions{Path: path}, openOS)
	appendNamed(j, "a", "b")
	j.Close()
	closeSink(t, f)
	if diff := cmp.Diff([]string{"a", "b"}, targets(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestFileRotates(t *testing.T) {
	j := journal.New(journal.Options{})
	dir := t.TempDir()
	path := filepath.Join(dir, "access.jsonl")
	f := startFile(t, j, t.TempDir(), FileOptions{Path: path, MaxBytes: 1000, Keep: 2}, openOS)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprint("record ", i))
	}
	appendNamed(j, names...)
	closeSink(t, f)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if diff := cmp.Diff([]string{path, path + ".1", path + ".2"}, files); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	got := targets(t, path+".2", path+".1", path)
	if diff := cmp.Diff(names[len(names)-len(got):], got); diff != "" {
		t.Errorf("the newest records, in order: -want +got:\n%s", diff)
	}
	for _, file := range files {
		info, _ := os.Stat(file)
		if info.Size() > 1000 || info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, %v", file, info.Size(), info.Mode())
		}
	}
	if s := f.Stats(); s.Rotations < 3 {
		t.Errorf("%+v", s)
	}
}

// TestFileWithoutKeep: one file, begun anew when it is full.
func TestFileWithoutKeep(t *testing.T) {
	j := journal.New(journal.Options{})
	dir := t.TempDir()
	f := startFile(t, j, t.TempDir(), FileOptions{Path: filepath.Join(dir, "access.jsonl"), MaxBytes: 600}, openOS)
	appendNamed(j, "a", "b", "c", "d", "e", "f", "g")
	closeSink(t, f)
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
}

// TestFileGoesOn: an earlier process was killed in the middle of a line.
func TestFileGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.jsonl")
	if err := os.WriteFile(path, []byte(`{"target":"old"}`+"\n"+`{"target":"to`), 0o600); err != nil {
		t.Fatal(err)
	}
	j := journal.New(journal.Options{})
	f := startFile(t, j, t.TempDir(), FileOptions{Path: path}, openOS)
	appendNamed(j, "new")
	closeSink(t, f)
	if diff := cmp.Diff([]string{"old", "torn", "new"}, targets(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestNewFileSaysWhatToDo(t *testing.T) {
	_, err := NewFile(FileOptions{Path: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "has to be a file") {
		t.Errorf("error: %v", err)
	}
}

// TestFileOverRestarts: a sink that ends and starts again repeats nothing and leaves nothing out, and after a crash it
// repeats at most what it had not written down.
func TestFileOverRestarts(t *testing.T) {
	j := journal.New(journal.Options{})
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "access.jsonl")
	var want []string
	for i := range 7 {
		f := startFile(t, j, dir, FileOptions{Path: path, MaxBytes: 4000, Keep: 100}, openOS)
		for n := range 20 {
			want = append(want, fmt.Sprintf("%d of %d", n, i))
		}
		appendNamed(j, want[20*i:]...)
		closeSink(t, f)
	}
	files, _ := filepath.Glob(path + ".*")
	slices.SortFunc(files, func(a, b string) int { return number(t, b) - number(t, a) })
	if got := targets(t, append(files, path)...); !slices.Equal(want, got) {
		t.Errorf("over clean restarts: want %d lines, got %d:\n%q", len(want), len(got), got)
	}

	// The cursor of a crash is an old one: everything after it comes again, with the same ids.
	if err := saveCursor(filepath.Join(dir, "cursors", "local"), journal.Position{Journal: j.ID(), Seq: 100}, counts{Sent: 100}); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again.jsonl")
	closeSink(t, startFile(t, j, dir, FileOptions{Path: again}, openOS))
	if got := targets(t, again); !slices.Equal(want[100:], got) {
		t.Errorf("after a crash: %q", got)
	}
}

// A faulty disk is a file system that is full, or breaks, when told.
type faultyDisk struct {
	mu           sync.Mutex
	room         int   // bytes that still fit
	truncateFail error // of Truncate
}

type diskHandle struct {
	handle
	disk *faultyDisk
}

func (d *faultyDisk) open(path string) (handle, int64, bool, error) {
	h, size, whole, err := openOS(path)
	return diskHandle{h, d}, size, whole, err
}

func (d *faultyDisk) set(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

func (h diskHandle) Write(p []byte) (int, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	n := min(len(p), h.disk.room)
	h.disk.room -= n
	if n, err := h.handle.Write(p[:n]); err != nil {
		return n, err
	}
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (h diskHandle) Truncate(size int64) error {
	if h.disk.truncateFail != nil {
		return h.disk.truncateFail
	}
	return h.handle.Truncate(size)
}

// TestFileDiskFull: a disk fills up in the middle of a line and is emptied later. Nothing is lost, no line is torn, and
// the log says once what to do.
func TestFileDiskFull(t *testing.T) {
	for _, truncates := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) { diskFull(t, truncates) })
	}
}

func diskFull(t *testing.T, truncates bool) {
	d := &faultyDisk{room: 1000}
	want := []string{"a", "b", "c", "d", "e", "f", "g", "h"} // "torn" sorts behind them
	if !truncates {
		d.truncateFail = errors.New("no truncate either")
	}
	var log bytes.Buffer
	j := journal.New(journal.Options{})
	path := filepath.Join(t.TempDir(), "access.jsonl")
	f := startFile(t, j, t.TempDir(), FileOptions{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, d.open)
	appendNamed(j, want...)
	time.Sleep(2 * time.Minute)
	if s := f.Stats(); !s.Failing || s.Errors < 5 || s.Lag(j.Head()) == 0 {
		t.Errorf("%+v", s)
	}
	d.set(1 << 20)
	time.Sleep(maxPause)
	if s := f.Stats(); s.Failing || s.Lag(j.Head()) != 0 {
		t.Errorf("%+v", s)
	}
	closeSink(t, f)

	got := targets(t, path)
	if truncates {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	} else if got = onceEach(got); !cmp.Equal(append(want, "torn"), got) { // at least once, beside torn lines
		t.Errorf("got %v", got)
	}
	text := log.String()
	if errors := strings.Count(text, "level=ERROR"); errors == 0 || errors > 3 {
		t.Errorf("%d errors in the log for %d failures in two minutes", errors, f.Stats().Errors)
	}
	if !strings.Contains(text, "free space on that volume") || !strings.Contains(text, "delivers again") {
		t.Errorf("log:\n%s", text)
	}
}

// number is a rotated file's: the highest is the oldest.
func number(t *testing.T, path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(path), "."))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// onceEach is what was delivered at least once, "torn" last.
func onceEach(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// TestFileLeftBehind: what the journal does not have any more is named by a gap record.
func TestFileLeftBehind(t *testing.T) {
	j := journal.New(journal.Options{Ring: 4})
	path := filepath.Join(t.TempDir(), "access.jsonl")
	appendNamed(j, "a", "b", "c", "d", "e", "f", "g")
	closeSink(t, startFile(t, j, t.TempDir(), FileOptions{Path: path}, openOS))
	if diff := cmp.Diff([]string{"gap 1-3", "d", "e", "f", "g"}, targets(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFileGivesUp: a disk that stays full does not keep the process from ending, and the next start goes on there.
func TestFileGivesUp(t *testing.T) {
	j := journal.New(journal.Options{})
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "x")
	f := startFile(t, j, dir, FileOptions{Path: path}, (&faultyDisk{}).open)
	appendNamed(j, "a", "b")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := f.Close(ctx); err == nil || !strings.Contains(err.Error(), "2 records were not delivered") {
		t.Errorf("error: %v", err)
	}
	closeSink(t, startFile(t, j, dir, FileOptions{Path: path}, openOS))
	if diff := cmp.Diff([]string{"a", "b"}, targets(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
