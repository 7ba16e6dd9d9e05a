//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace; nil is the test's own.
type Namespace struct{ Name string }

// NewNamespace makes one that lasts as long as the test.
func NewNamespace(t testing.TB, name string) *Namespace {
	t.Helper()
	n := &Namespace{name}
	if err := Run("ip", "netns", "add", name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Run("ip", "netns", "del", name); err != nil {
			t.Error(err)
		}
	})
	n.IP(t, "link set lo up")
	return n
}

// IP runs the ip command within.
func (n *Namespace) IP(t testing.TB, command string) {
	t.Helper()
	if err := n.TryIP(command); err != nil {
		t.Fatal(err)
	}
}

// TryIP is IP for commands that may fail.
func (n *Namespace) TryIP(command string) error {
	return Run("ip", append([]string{"-n", n.Name}, strings.Fields(command)...)...)
}

// Enter moves the calling goroutine's thread into the namespace. The goroutine must have locked it, and must never
// unlock it: then the thread ends with the goroutine.
func (n *Namespace) Enter() error {
	if n == nil {
		return nil
	}
	f, err := os.Open("/run/netns/" + n.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering %s: %w", n.Name, err)
	}
	return nil
}

// In runs f within the namespace. Sockets that it makes stay there.
func In[T any](n *Namespace, f func() (T, error)) (v T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = n.Enter(); err == nil {
			v, err = f()
		}
	}()
	<-done
	return v, err
}

// Set writes a sysctl of the namespace.
func (n *Namespace) Set(t testing.TB, key, value string) {
	t.Helper()
	_, err := In(n, func() (struct{}, error) {
		return struct{}{}, os.WriteFile("/proc/sys/"+key, []byte(value), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Join lays a veth pair between two namespaces. Each end is named after the other namespace, and gets the addresses
// given for it, each with its prefix length.
func Join(t testing.TB, a, b *Namespace, addressesA, addressesB []string) {
	t.Helper()
	if err := Run("ip", "link", "add", b.Name, "netns", a.Name, "type", "veth", "peer", "name", a.Name, "netns", b.Name); err != nil {
		t.Fatal(err)
	}
	for _, end := range []struct {
		at, to    *Namespace
		addresses []string
	}{{a, b, addressesA}, {b, a, addressesB}} {
		end.at.Set(t, "net/ipv6/conf/"+end.to.Name+"/keep_addr_on_down", "1")
		for _, address := range end.addresses {
			nodad := ""
			if strings.Contains(address, ":") {
				nodad = " nodad" // else the address is of no use for a second
			}
			end.at.IP(t, "addr add "+address+" dev "+end.to.Name+nodad)
		}
		end.at.IP(t, "link set "+end.to.Name+" up")
	}
}
