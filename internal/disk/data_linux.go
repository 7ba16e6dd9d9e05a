package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func fallocate(f *os.File, from, n int64) error {
	return again(func() error { return unix.Fallocate(int(f.Fd()), 0, from, n) })
}

// SyncData brings what a file holds to disk, without its times.
func SyncData(f *os.File) error {
	return again(func() error { return unix.Fdatasync(int(f.Fd())) })
}

// again repeats what a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
