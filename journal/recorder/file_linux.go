package recorder

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate takes room from the file system, so that no store into the mapping can fail for want of it.
func allocate(f *os.File, from, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, from, n)
		if err != unix.EINTR {
			return err
		}
	}
}

func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}
