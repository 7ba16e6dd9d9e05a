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
	"strings"
	"sync"
	"syscall"
	"testing"
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

func closeSink(t *testing.T, f *File) {
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
	f, err := OpenFile(j, FileOptions{Name: "local", Path: path})
	if err != nil {
		t.Fatal(err)
	}
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
	if s := f.Stats(); s.Records != 5001 || s.Seq != 5001 || s.Bytes != info.Size() || s.Failing || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFileEndsWithJournal: a closed journal is read to its end.
func TestFileEndsWithJournal(t *testing.T) {
	j := journal.New(journal.Options{})
	path := filepath.Join(t.TempDir(), "access.jsonl")
	f, err := OpenFile(j, FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
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
	f, err := OpenFile(j, FileOptions{Path: path, MaxBytes: 1000, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
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
	f, err := OpenFile(j, FileOptions{Path: filepath.Join(dir, "access.jsonl"), MaxBytes: 600})
	if err != nil {
		t.Fatal(err)
	}
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
	f, err := OpenFile(j, FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	appendNamed(j, "new")
	closeSink(t, f)
	if diff := cmp.Diff([]string{"old", "torn", "new"}, targets(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestOpenFileSaysWhatToDo(t *testing.T) {
	_, err := OpenFile(journal.New(journal.Options{}), FileOptions{Name: "local", Path: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "sink local") || !strings.Contains(err.Error(), "has to be a file") {
		t.Errorf("error: %v", err)
	}
}

// A disk is a file system that is full, or breaks, when told.
type disk struct {
	mu           sync.Mutex
	room         int   // bytes that still fit
	truncateFail error // of Truncate
}

type diskHandle struct {
	handle
	disk *disk
}

func (d *disk) open(path string) (handle, int64, bool, error) {
	h, size, whole, err := openOS(path)
	return diskHandle{h, d}, size, whole, err
}

func (d *disk) set(room int) {
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

// TestFileDiskFull: a disk fills up in the middle of a line and is emptied later. Nothing is lost while the journal
// has room, no line is torn, and the log says once what to do.
func TestFileDiskFull(t *testing.T) {
	for _, truncates := range []bool{true, false} {
		d := &disk{room: 1000}
		want := []string{"a", "b", "c", "d", "e", "f", "g", "h"} // "torn" sorts behind them
		if !truncates {
			d.truncateFail = errors.New("no truncate either")
		}
		var log bytes.Buffer
		j := journal.New(journal.Options{})
		path := filepath.Join(t.TempDir(), "access.jsonl")
		f, err := openFile(j, FileOptions{Name: "local", Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, d.open, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		appendNamed(j, want...)
		for f.Stats().Errors < 3 {
			time.Sleep(time.Millisecond)
		}
		if s := f.Stats(); !s.Failing {
			t.Errorf("%+v", s)
		}
		d.set(1 << 20)
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
		if errors := strings.Count(text, "level=ERROR"); errors == 0 || errors > 1+int(f.Stats().Errors)/remindAfter {
			t.Errorf("%d errors in the log for %d failures", errors, f.Stats().Errors)
		}
		if !strings.Contains(text, "free space on that volume") || !strings.Contains(text, "writes again") {
			t.Errorf("log:\n%s", text)
		}
	}
}

// onceEach is what was delivered at least once, "torn" last.
func onceEach(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// TestFileLeftBehind: what the journal dropped while the disk was full is named by a gap record.
func TestFileLeftBehind(t *testing.T) {
	d := &disk{}
	j := journal.New(journal.Options{Ring: 4})
	path := filepath.Join(t.TempDir(), "access.jsonl")
	f, err := openFile(j, FileOptions{Path: path}, d.open, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	appendNamed(j, "a")
	for f.Stats().Errors == 0 {
		time.Sleep(time.Millisecond)
	}
	appendNamed(j, "b", "c", "d", "e", "f", "g")
	d.set(1 << 20)
	closeSink(t, f)
	if diff := cmp.Diff([]string{"a", "gap 2-3", "d", "e", "f", "g"}, targets(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFileGivesUp: a disk that stays full does not keep the process from ending.
func TestFileGivesUp(t *testing.T) {
	j := journal.New(journal.Options{})
	f, err := openFile(j, FileOptions{Name: "local", Path: filepath.Join(t.TempDir(), "x")}, (&disk{}).open, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	appendNamed(j, "a", "b")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := f.Close(ctx); err == nil || !strings.Contains(err.Error(), "2 records were not written") {
		t.Errorf("error: %v", err)
	}
}
