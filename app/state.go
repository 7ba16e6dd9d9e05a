package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A state is the state directory, locked for this process.
type state struct {
	dir  string
	lock *os.File
}

// openState makes the directory (0700) and locks it. The lock is the kernel's: it ends with the process, however that
// ends, so a lock file left behind means nothing.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w (set state_dir to one that can be written)", err)
	}
	if err := protect(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "clusters"), 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the state directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another doorkeeper%s uses the state directory %s: stop it, or set state_dir", holder(lock), dir)
		}
		return nil, fmt.Errorf("locking the state directory %s: %w", dir, err)
	}
	s := &state{dir, lock}
	if err := s.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", lock.Name(), err), lock.Close())
	}
	return s, nil
}

// protect makes sure that the directory is closed to others, as the admin socket and the records in it are to be. One
// that was there before is closed if it is empty or was ours; anything else (a home, /tmp) is somebody's mistake.
func protect(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the state directory: %w", err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking at the state directory: %w", err)
	}
	ours := func(e os.DirEntry) bool { return e.Name() == "lock" }
	if len(entries) > 0 && !slices.ContainsFunc(entries, ours) {
		return fmt.Errorf("the state directory %s is open to others (mode %v) and holds files that are not doorkeeper's: set state_dir to a directory of its own, or close it (chmod 700)", dir, info.Mode().Perm())
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("the state directory %s must belong to the proxy's user: %w", dir, err)
	}
	return nil
}

// sign writes our process id into the lock file, for whoever finds it locked.
func (s *state) sign() error {
	if err := s.lock.Truncate(0); err != nil {
		return err
	}
	_, err := s.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func holder(lock *os.File) string {
	text := make([]byte, 32)
	n, _ := lock.ReadAt(text, 0) // it is empty for a moment while the other starts
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}

// clusters is where what is known of clusters is kept.
func (s *state) clusters() string { return filepath.Join(s.dir, "clusters") }

// journal is where records are kept.
func (s *state) journal() string { return filepath.Join(s.dir, "journal") }

// quarantine and grants are where what was decreed is kept.
func (s *state) quarantine() string { return filepath.Join(s.dir, "quarantine") }
func (s *state) grants() string     { return filepath.Join(s.dir, "grants") }

func (s *state) close() error { return s.lock.Close() }
