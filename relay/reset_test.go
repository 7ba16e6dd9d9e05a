package relay

import (
	"errors"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// After Reset the peer has at most what it had, and learns that this was no orderly end.
func TestResetTakesBack(t *testing.T) {
	c, s := pair(t, "tcp4")
	p := pattern(20_000_000)
	handed := 0
	for handed == 0 { // a busy machine may not get to it before the deadline
		c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		handed, _ = c.Write(p)
	}
	if err := Reset(c); err != nil {
		t.Fatal(err)
	}
	got, err := io.Copy(io.Discard, s)
	if !errors.Is(err, syscall.ECONNRESET) || got >= int64(handed) {
		t.Errorf("received %d of %d, %v", got, handed, err)
	}
	if Reset(c) == nil {
		t.Error("a second Reset says nothing")
	}
}

func TestSocketInfo(t *testing.T) {
	c, s := pair(t, "tcp4")
	if runtime.GOOS != "linux" {
		if _, ok := SocketInfo(s); ok {
			t.Error("told on a system that is not asked")
		}
		return
	}
	s.Write(pattern(100_000))
	io.ReadFull(c, make([]byte, 100_000))
	until(t, "all is acknowledged", func() bool { i, ok := SocketInfo(s); return ok && i.Acked >= 100_000 })
	if i, _ := SocketInfo(s); i.Acked != 100_000 || i.Unsent != 0 || i.RTT == 0 {
		t.Errorf("%+v", i)
	}
	s.Write(pattern(1))
	s.Close()
	if _, ok := SocketInfo(s); ok {
		t.Error("told of a closed connection")
	}
}
