package sink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// A handle is the part of *os.File that is used, so that tests can make each of its calls fail.
type handle interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// An opener opens the file for appending and says how large it is and whether its last line is complete.
type opener func(path string) (h handle, size int64, whole bool, err error)

func openOS(path string) (h handle, size int64, whole bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, false, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, false, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, false, err
	}
	size = info.Size()
	last := [1]byte{'\n'}
	if size > 0 && info.Mode().IsRegular() {
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			f.Close()
			return nil, 0, false, err
		}
	}
	return f, size, last[0] == '\n', nil
}

// A rotating is a file of lines that makes room by renaming itself: path.1 is the newest of those that it left.
// No line is ever split over two files.
type rotating struct {
	path     string
	maxBytes int64
	keep     int
	open     opener

	file handle // nil: to be opened by the next write
	size int64  // of whole lines
}

// ready opens the file if it is not open. A line that an earlier process did not finish gets its end, so that it
// spoils no other.
func (r *rotating) ready() error {
	if r.file != nil {
		return nil
	}
	file, size, whole, err := r.open(r.path)
	if err != nil {
		return err
	}
	if !whole {
		n, err := file.Write([]byte{'\n'})
		if err != nil {
			file.Close()
			return err
		}
		size += int64(n)
	}
	r.file, r.size = file, size
	return nil
}

// full says whether a line of n bytes behind those that wait to be written would be too much. An empty file takes any
// line.
func (r *rotating) full(waiting, n int) bool {
	before := r.size + int64(waiting)
	return r.maxBytes > 0 && before > 0 && before+int64(n) > r.maxBytes
}

// write appends whole lines. After an error none of them counts as written: what did get into the file is taken back
// or, where that fails too, closed with a newline by the next write.
func (r *rotating) write(lines []byte) error {
	if err := r.ready(); err != nil {
		return err
	}
	if _, err := r.file.Write(lines); err != nil {
		_ = r.file.Truncate(r.size) // if this fails as well, ready finds the torn line
		r.file.Close()
		r.file = nil
		return err
	}
	r.size += int64(len(lines))
	return nil
}

// rotate renames path to path.1, path.1 to path.2 and so on; what would be beyond keep is removed. After an error the
// file goes on as it is.
func (r *rotating) rotate() error {
	if err := r.close(); err != nil {
		return err
	}
	for i := r.keep; i > 0; i-- {
		older := r.path + "." + strconv.Itoa(i)
		newer := r.path
		if i > 1 {
			newer = r.path + "." + strconv.Itoa(i-1)
		}
		if err := os.Rename(newer, older); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if r.keep <= 0 {
		return os.Remove(r.path)
	}
	return nil
}

// sync makes what was written survive a loss of power.
func (r *rotating) sync() error {
	if r.file == nil {
		return nil
	}
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", r.path, err)
	}
	return nil
}

func (r *rotating) close() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.file.Sync(), r.file.Close())
	r.file = nil
	if err != nil {
		return fmt.Errorf("closing %s: %w", r.path, err)
	}
	return nil
}

// hint says what to do about an error of the file system.
func hint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on that volume, or lower rotate.max_bytes and rotate.keep"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "let the user that doorkeeper runs as write there, or set the sink's path to another place"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return "check the sink's path: its folder has to exist, and the path has to be a file"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "raise the limit of open files (ulimit -n, LimitNOFILE)"
	}
	return "check the volume that the sink's path is on"
}
