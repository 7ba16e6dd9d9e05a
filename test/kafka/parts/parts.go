// Package parts gets what the tests run and the repository does not hold: Kafka's jars, our Java programs compiled
// against them, a Python environment with librdkafka's client, kcat, and doorkeeper itself.
//
// Everything but doorkeeper is kept in a cache folder (DOORKEEPER_CACHE, by default doorkeeper/ in the user's cache
// folder) under a name that holds a digest of what it is made from, so that a change makes it anew.
package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Module is this module's folder.
func Module() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Cache is the cache folder; it is made if it is missing.
func Cache() (string, error) {
	dir := os.Getenv("DOORKEEPER_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "doorkeeper")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// made returns the folder name-digest of the cache. If it is missing, build fills an empty folder that then takes
// that name. Test binaries may run at the same time: a lock lets one of them build.
func made(name, digest string, build func(dir string) error) (string, error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	final := filepath.Join(cache, name+"-"+digest)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	work := final + ".part"
	if err := os.RemoveAll(work); err != nil {
		return "", err
	}
	if err := os.Mkdir(work, 0o755); err != nil {
		return "", err
	}
	if err := build(work); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return final, os.Rename(work, final)
}

func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// digest is over the names and contents of the files at and under paths, and over salt.
func digest(salt string, paths ...string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, salt)
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintln(h, path, len(content))
			h.Write(content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// run runs a command to its end. The error of one that fails shows what it printed.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return nil
}
