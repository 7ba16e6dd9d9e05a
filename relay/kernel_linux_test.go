package relay

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Kernel mode is there exactly where the kernel's version says so. On an older one the movers' tests have run in user
// mode, which is what a connection gets there.
func TestSupported(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	release := string(bytes.TrimRight(u.Release[:], "\x00"))
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatal(release, err)
	}
	for network, since := range map[string]int{"tcp4": 9, "tcp6": 12} {
		want := major > 6 || major == 6 && minor >= since
		a, b := pair(t, network)
		if got := NewKernel(a, b, NewPipes(1), nil) != nil; got != want {
			t.Errorf("%s on Linux %s: kernel mode %v, want %v", network, release, got, want)
		}
	}
	if want := major > 6 || major == 6 && minor >= 9; Supported() != want {
		t.Errorf("Linux %s: Supported() = %v", release, Supported())
	}
}

// A listener on all addresses accepts IPv4 on IPv6 sockets.
func TestKernelOnMappedAddresses(t *testing.T) {
	if !supports6() {
		return // said by TestSupported
	}
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newRig(t, "tcp4")
	port := l.Addr().(*net.TCPAddr).Port
	d, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r.sender, r.source = d.(*net.TCPConn), a.(*net.TCPConn)
	r.reader = NewReader(r.source, r.pool, &r.count)
	r.user = NewUser(r.reader, NewWriter(r.sink, r.pool, &r.count))
	r.kernel = NewKernel(r.source, r.sink, r.pipes, &r.count)
	r.gauge.Mode = ModeKernel
	frames := mixture(3, 10)
	got, reason, err := r.transfer(sendAll(encode(frames...)), nil)
	delivered(t, r, frames, got, reason, err)
}

// Wherever the stream stalls, a connection in kernel mode holds neither buffer nor pipe while it waits.
func TestKernelWaitsWithoutAPipe(t *testing.T) {
	if !Supported() {
		return // said by TestSupported
	}
	r := newRig(t, "tcp4")
	r.gauge.Mode = ModeKernel
	frames := batches(1, 2, 300_000)
	stream := encode(frames...)
	got, reason, err := r.transfer(func(c *net.TCPConn) {
		at := 0
		for _, cut := range []int{2, 4, 10, 1000, 300_000, 300_013, 300_015, 600_000, len(stream)} {
			_, _ = c.Write(stream[at:cut])
			at = cut
			until(t, "all that can be is moved, and the pipe is back", func() bool {
				s := r.pipes.Stats()
				return r.count.kernelBytes.Load() > int64(cut-elementHead) && s.Open == s.Idle
			})
		}
		_ = c.CloseWrite()
	}, nil)
	delivered(t, r, frames, got, reason, err)
	if n := r.pool.InUse(); n != 0 {
		t.Errorf("%d bytes of buffers in use", n)
	}
}

// Urgent data is peeked over but not spliced, so that kernel mode cannot account for what follows: it ends, and
// neither spins nor hangs. No broker sends any.
func TestKernelEndsAtUrgentData(t *testing.T) {
	if !Supported() {
		return // said by TestSupported
	}
	for _, at := range []int{0, 2, 8, 500, 100_000} {
		r := newRig(t, "tcp4")
		r.gauge.Mode = ModeKernel
		p := encode(batches(1, 2, 60_000)...)
		_, reason, err := r.transfer(func(c *net.TCPConn) {
			_, _ = c.Write(p[:at])
			raw, err := c.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			_ = raw.Control(func(fd uintptr) { err = unix.Sendto(int(fd), []byte{1}, unix.MSG_OOB, nil) })
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write(p[at:])
			time.Sleep(20 * time.Millisecond)
			_ = c.CloseWrite()
		}, nil)
		if reason != SourceFailed || err != errStuck {
			t.Errorf("at %d: %v, %v", at, reason, err)
		}
	}
}

// While the receiver's side is full, the mover waits with bytes in its pipe, and all that was handed over by then has
// been released. When the connection is cut, that pipe is closed and not used again.
func TestKernelWaitsForTheReceiver(t *testing.T) {
	if !Supported() {
		return // said by TestSupported
	}
	r := newRig(t, "tcp4")
	r.gauge.Mode = ModeKernel
	done := make(chan Reason, 1)
	go func() {
		reason, _ := r.run()
		done <- reason
	}()
	go func() { _, _ = r.sender.Write(encode(batches(40, 16, 64<<10)...)) }()
	until(t, "the way is full", func() bool {
		n := r.count.kernelBytes.Load()
		time.Sleep(20 * time.Millisecond)
		return n > 0 && n == r.count.kernelBytes.Load()
	})
	until(t, "all that was handed over is counted", func() bool {
		return r.count.kernelBytes.Load() == int64(ioctl(t, r.sink, unix.TIOCOUTQ)+ioctl(t, r.receiver, unix.TIOCINQ))
	})
	if s := r.pipes.Stats(); s != (PipeStats{Open: 1}) {
		t.Errorf("before the cut: %+v", s)
	}
	_ = Reset(r.sink)
	if reason := <-done; reason != SinkFailed {
		t.Errorf("ended with %v", reason)
	}
	if s := r.pipes.Stats(); s != (PipeStats{}) {
		t.Errorf("after the cut: %+v", s)
	}
	_ = Reset(r.source)
}

// Many small segments fill a pipe by number before all the bytes that passed the Scanner are in it. A mover woken then
// keeps its pipe: without one it would have to hand back, and user mode could not know of those bytes.
func TestKernelWokenWithMoreToMove(t *testing.T) {
	if !Supported() {
		return // said by TestSupported
	}
	r := newRig(t, "tcp4")
	r.gauge.Mode = ModeKernel
	r.shrinkBuffers()
	const piece = 64
	frames := batches(1, 100, 1000)
	stream := encode(frames...)
	sent := 0
	// A thread's small writes lie one after the other in its page, and count as one in a pipe. Writes to another
	// connection come between them.
	other, _ := pair(t, "tcp4")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for sent+piece < len(stream) && ioctl(t, r.source, unix.TIOCINQ) < 40_000 {
		n, _ := r.sender.Write(stream[sent : sent+piece])
		sent += n
		_, _ = other.Write(stream[:piece])
	}

	// The first run ends at once for want of time, when the pipe is flushed and more has passed.
	r.kernel.readFD = func(fd uintptr) bool {
		_ = r.source.SetReadDeadline(time.Unix(1, 0))
		return r.kernel.read(fd)
	}
	if reason, _ := r.kernel.Run(&r.scanner); reason != Woken || r.kernel.ahead == 0 {
		t.Fatalf("%v with %d bytes ahead: this is not the case to be tested", reason, r.kernel.ahead)
	}
	if s := r.pipes.Stats(); s != (PipeStats{Open: 1}) {
		t.Errorf("pipes while woken: %+v", s)
	}
	r.kernel.readFD = r.kernel.read
	_ = r.source.SetReadDeadline(time.Time{})
	got, reason, err := r.transfer(sendAll(stream[sent:]), nil)
	delivered(t, r, frames, got, reason, err)
}

func ioctl(t *testing.T, c *net.TCPConn, request uint) (n int) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), request) }) != nil || err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKernelLowWater(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		if r.kernel != nil {
			r.kernel.LowWater = 256 << 10
		}
		frames := mixture(31, 25)
		got, reason, err := r.transfer(sendChunks(encode(frames...), 9), nil)
		delivered(t, r, frames, got, reason, err)
	})
}

// A pipe comes back empty or not at all, the store opens no more than its limit, and it stops asking the system for
// a while when that gives pipes too small to use.
func TestPipes(t *testing.T) {
	p := NewPipes(2)
	a, b := p.take(), p.take()
	if a == nil || b == nil || p.take() != nil {
		t.Fatal("the limit is not kept")
	}
	p.put(a)
	if p.take() != a {
		t.Error("an idle pipe is not used again")
	}
	p.discard(a)
	if s := p.Stats(); s != (PipeStats{Open: 1, Refused: 1}) {
		t.Errorf("%+v", s)
	}
	p.Close()
	p.put(b)
	if s := p.Stats(); s.Open != 0 || p.take() != nil {
		t.Errorf("after Close: %+v", s)
	}

	p = NewPipes(2)
	p.size = 8 << 10
	if p.take() != nil {
		t.Fatal("took a pipe of 8 KiB")
	}
	p.size = pipeSize
	refused := 0
	q := p.take()
	for ; q == nil; q = p.take() {
		refused++
	}
	if refused < pipeRetry/2 || refused > pipeRetry {
		t.Errorf("asked the system again after %d refusals", refused)
	}
	p.put(q)
	p.Close()
}
