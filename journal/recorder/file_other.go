//go:build !linux

package recorder

import "os"

// allocate writes zeros: it is what every system has.
func allocate(f *os.File, from, n int64) error {
	zeros := make([]byte, n)
	_, err := f.WriteAt(zeros, from)
	return err
}

func syncData(f *os.File) error { return f.Sync() }
