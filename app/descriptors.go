package app

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// descriptors raises the soft limit of open files to the hard one, and returns what then holds.
func descriptors() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("reading the limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		raised := limit
		raised.Cur = raised.Max
		// macOS reports a hard limit that it then refuses: the soft one stays.
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	const most = 1 << 30 // "unlimited" is the largest number there is
	return int(min(limit.Cur, most)), nil
}
