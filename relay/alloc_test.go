//go:build !race

package relay

import (
	"io"
	"net"
	"testing"
)

// In steady state nothing is allocated, in either mode and with or without waiting. The race detector allocates on
// its own account, and makes sync.Pool forget, so this is not for it.
func TestNoAllocations(t *testing.T) {
	small, large := encode(batches(1, 3, 100)...), encode(batches(1, 4, 64<<10)...)
	for name, c := range map[string]struct {
		mode  Mode
		frame []byte
	}{
		"user, small":   {ModeUser, small},
		"user, large":   {ModeUser, large},
		"kernel, small": {ModeKernel, small},
		"kernel, large": {ModeKernel, large},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "tcp4")
			r.gauge.Mode = c.mode
			r.scanner.keep = false
			done := make(chan error, 1)
			go func() {
				_, err := r.run()
				done <- err
			}()
			got := make([]byte, len(c.frame))
			n := testing.AllocsPerRun(200, func() {
				if _, err := r.sender.Write(c.frame); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(r.receiver, got); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations per frame", n)
			}
			_ = r.sender.CloseWrite()
			<-done
		})
	}
}

// Segments go out by writev without an allocation, too.
func TestWriterDoesNotAllocate(t *testing.T) {
	c, s := pair(t, "tcp4")
	go func(s net.Conn) {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{s}, make([]byte, 4096))
	}(s)
	w := NewWriter(c, NewPool(0), nil)
	head, body := []byte("head"), []byte("body")
	if n := testing.AllocsPerRun(200, func() {
		w.Add(head)
		w.Add(body)
		if _, err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per flush", n)
	}
	_ = Reset(c)
}
