// Package disk holds what several parts do with files that the standard library has no call for: a file replaced in one
// step, a directory or a file's data brought to disk, room taken ahead.
//
// It knows nothing of what is in the files.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a whole file in one step: readers, and a crash, find the old one or the new one, and what Replace
// returned from survives a loss of power. One caller at a time for a path.
func Replace(path string, content []byte, mode fs.FileMode) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a crash
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a directory survive a loss of power.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Allocate takes n bytes from an offset on from the file system, so that no store into a mapping of them can fail for want
// of room. What the file holds stays.
func Allocate(f *os.File, from, n int64) error {
	err := fallocate(f, from, n)
	if errors.Is(err, errors.ErrUnsupported) {
		return extend(f, from+n)
	}
	return err
}

// extend writes zeros behind the end of a file, which every system and file system has.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := info.Size(); at < size; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
