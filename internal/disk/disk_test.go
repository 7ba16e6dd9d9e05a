package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A file is replaced whole, with its mode, and over what a crash has left.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path+".new", []byte("half of it, and longer than what comes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		content string
		mode    os.FileMode
	}{{"one", 0o600}, {"two", 0o644}, {"", 0o600}} {
		if err := Replace(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.content {
			t.Errorf("%q, %v, want %q", got, err, c.content)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != c.mode {
			t.Errorf("mode %v, %v, want %v", info.Mode(), err, c.mode)
		}
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("%d files are left, %v", len(names), err)
	}
}

// What cannot be replaced stays as it was.
func TestReplaceFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Replace(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new"), 0o600); err == nil {
		t.Error("it was replaced")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
}

// Room is taken around what a file holds, in both ways.
func TestAllocate(t *testing.T) {
	for name, take := range map[string]func(*os.File, int64) error{
		"allocate": func(f *os.File, size int64) error { return Allocate(f, 0, size) },
		"extend":   extend,
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("content"); err != nil {
			t.Fatal(err)
		}
		const size = 3<<20 + 17
		if err := take(f, size); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(f.Name())
		if err != nil || len(got) != size || !bytes.HasPrefix(got, []byte("content")) || bytes.Count(got, []byte{0}) != size-len("content") {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := SyncData(f); err != nil {
			t.Error(err)
		}
	}
}
