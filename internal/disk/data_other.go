//go:build !linux

package disk

import (
	"errors"
	"os"
)

func fallocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// SyncData brings what a file holds to disk.
func SyncData(f *os.File) error { return f.Sync() }
