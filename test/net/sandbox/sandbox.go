//go:build linux

// Package sandbox runs a test binary in a mount and a network namespace of its own. Ports, addresses, sysctls, named
// namespaces and mounts of the tests meet nobody else's, and all of it ends with the last of its processes, however that
// ends.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Descriptors is how many files a process may have open in here.
const Descriptors = 20000

// Environment of the process inside.
const (
	envDir    = "DOORKEEPER_NET_DIR"
	envHelper = "DOORKEEPER_NET_HELPER"
)

// Dir is a directory that every user may enter; it goes away at the end.
func Dir() string { return os.Getenv(envDir) }

// Binary is doorkeeper, built from this tree.
func Binary() string { return filepath.Join(Dir(), "doorkeeper") }

// Main is for TestMain. Outside it builds doorkeeper and starts the same test binary once more inside, which runs the
// tests. A helper is a function that the test binary runs instead when Helper starts it.
func Main(m *testing.M, helpers map[string]func() error) {
	code, err := 0, error(nil)
	switch {
	case os.Getenv(envHelper) != "":
		err = helpers[os.Getenv(envHelper)]()
	case Dir() != "":
		if err = furnish(); err == nil {
			code = m.Run()
		}
	default:
		code, err = outside()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/net:", err)
		code = 1
	}
	os.Exit(code)
}

// Helper is this test binary as another process that runs one of Main's helpers.
func Helper(name string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), env...), envHelper+"="+name)
	return cmd
}

func outside() (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("these tests need root: they change users, mount, and make network namespaces")
	}
	dir, err := os.MkdirTemp("", "doorkeeper-net-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		return 0, err
	}
	if err := build(filepath.Join(dir, "doorkeeper")); err != nil {
		return 0, err
	}
	runtime.LockOSThread() // the process inside dies with the thread that started it
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), envDir+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(1, exit.ExitCode()), nil
	}
	return 0, err
}

func build(to string) error {
	cmd := exec.Command("go", "build", "-o", to, "./cmd/doorkeeper")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building doorkeeper: %w\n%s", err, out)
	}
	return nil
}

// furnish makes the namespaces usable, before a test runs.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "size=1m,mode=755"); err != nil { // ip netns keeps its names there
		return fmt.Errorf("mounting /run: %w", err)
	}
	limit := unix.Rlimit{Cur: Descriptors, Max: Descriptors}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, (*syscall.Rlimit)(&limit)); err != nil { // syscall's: children get it, too
		return fmt.Errorf("these tests need %d descriptors: %w", Descriptors, err)
	}
	return Run("ip", "link", "set", "lo", "up")
}

// Run runs a command to its end.
func Run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
