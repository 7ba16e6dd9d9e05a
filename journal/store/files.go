package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"doorkeeper/internal/disk"
)

// files are the calls that can fail for reasons outside of the program. Tests put faults into them.
type files struct {
	allocate func(f *os.File, size int64) error
	sync     func(f *os.File) error
	syncDir  func(dir string) error
	rename   func(from, to string) error
}

func osFiles() files {
	return files{
		allocate: func(f *os.File, size int64) error { return disk.Allocate(f, 0, size) },
		sync:     disk.SyncData, syncDir: disk.SyncDir, rename: os.Rename,
	}
}

// create makes a file of a size that is allocated, not only promised: writing into its mapping cannot find the disk full.
func (x *files) create(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a segment: %w", err)
	}
	if err := x.allocate(f, size); err != nil {
		return nil, errors.Join(fmt.Errorf("making a segment of %d bytes, %s: %w", size, path, err), f.Close(), os.Remove(path))
	}
	return f, nil
}

func mapFile(f *os.File, size int64) ([]byte, error) {
	m, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", f.Name(), err)
	}
	return m, nil
}
