package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nextData is where the first bytes at or after an offset are that were ever written, -1 if there are none. A file
// system that does not know says that all are.
func nextData(f *os.File, offset int64) int64 {
	at, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return -1
	case err != nil:
		return offset
	}
	return at
}

// nextHole is where the data at an offset ends.
func nextHole(f *os.File, offset, size int64) int64 {
	at, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_HOLE)
	if err != nil || at <= offset {
		return size
	}
	return min(at, size)
}
