package relay

import (
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sendAll writes the stream and ends it.
func sendAll(p []byte) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		_, _ = c.Write(p)
		_ = c.CloseWrite()
	}
}

// sendChunks writes the stream in random pieces, some of them with a pause behind, and ends it.
func sendChunks(p []byte, seed uint64) func(*net.TCPConn) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	sizes := []int{1, 3, 60, 1400, 9_000, 70_000, 400_000}
	return func(c *net.TCPConn) {
		for len(p) > 0 {
			n := min(len(p), 1+rnd.IntN(sizes[rnd.IntN(len(sizes))]))
			if _, err := c.Write(p[:n]); err != nil {
				return
			}
			p = p[n:]
			if rnd.IntN(4) == 0 {
				time.Sleep(time.Duration(rnd.IntN(200)) * time.Microsecond)
			}
		}
		_ = c.CloseWrite()
	}
}

// delivered checks a transfer that reached its end.
func delivered(t *testing.T, r *rig, frames [][]element, got []byte, reason Reason, err error) {
	t.Helper()
	if reason != Ended || err != io.EOF {
		t.Fatalf("ended with %v: %v", reason, err)
	}
	want := encode(frames...)
	if d := firstDifference(got, want); d != "" {
		t.Fatalf("received %s", d)
	}
	if d := cmp.Diff(flatten(frames), r.scanner.seen); d != "" {
		t.Errorf("scanned (-sent +seen):\n%s", d)
	}
	total := int64(len(want))
	if r.scanner.passed.Load() != total || r.scanner.given != total {
		t.Errorf("passed %d and released %d of %d", r.scanner.passed.Load(), r.scanner.given, total)
	}
	if c := r.count.Snapshot(); c.UserBytes+c.KernelBytes != total {
		t.Errorf("counted %d + %d of %d", c.UserBytes, c.KernelBytes, total)
	}
}

func TestMoversDeliverEverything(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		frames := mixture(7, 60)
		got, reason, err := r.transfer(sendAll(encode(frames...)), nil)
		delivered(t, r, frames, got, reason, err)
	})
}

func TestMoversDeliverRandomChunks(t *testing.T) {
	for seed := range uint64(3) {
		each(t, func(t *testing.T, r *rig) {
			frames := mixture(100+seed, 25)
			r.scanner.smallest = 100_000 * int64(seed%2)
			got, reason, err := r.transfer(sendChunks(encode(frames...), seed), nil)
			delivered(t, r, frames, got, reason, err)
		})
	}
}

// What the movers are for: with large batches nearly everything goes through the kernel, in long runs.
func TestLargeBatchesGoThroughTheKernel(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		frames := batches(20, 16, 64<<10)
		got, reason, err := r.transfer(sendAll(encode(frames...)), nil)
		delivered(t, r, frames, got, reason, err)
		c := r.count.Snapshot()
		switch total := c.UserBytes + c.KernelBytes; {
		case r.gauge.Mode == ModeUser || r.kernel == nil:
			if c.KernelBytes != 0 {
				t.Errorf("user mode moved %d bytes in the kernel", c.KernelBytes)
			}
		case c.KernelBytes < total*9/10:
			t.Errorf("only %d of %d bytes went through the kernel", c.KernelBytes, total)
		}
	})
}

// Every place where the stream can stall: the mover has seen all before the cut when the rest comes.
func TestFrameCutAtEveryByte(t *testing.T) {
	frames := [][]element{
		{{'B', 1, 30}, {'N', 2, 5}, {'B', 3, 0}},
		{},
		{{'B', 4, 1}, {'T', 5, 3}},
		{{'N', 6, 300}, {'B', 7, 10}},
	}
	stream := encode(frames...)
	each(t, func(t *testing.T, r *rig) {
		r.scanner.keep = false
		done := make(chan error, 1)
		go func() {
			_, err := r.run()
			done <- err
		}()
		got := make([]byte, len(stream))
		for cut := range len(stream) {
			waits := r.count.waits.Load()
			if _, err := r.sender.Write(stream[:cut]); err != nil {
				t.Fatal(err)
			}
			if cut > 0 {
				until(t, "the relay waits again", func() bool { return r.count.waits.Load() > waits })
			}
			if _, err := r.sender.Write(stream[cut:]); err != nil {
				t.Fatal(err)
			}
			_ = r.receiver.SetReadDeadline(time.Now().Add(5 * time.Second))
			if n, err := io.ReadFull(r.receiver, got); err != nil {
				t.Fatalf("cut at %d: received %d of %d: %v", cut, n, len(stream), err)
			}
			if d := firstDifference(got, stream); d != "" {
				t.Fatalf("cut at %d: received %s", cut, d)
			}
		}
		_ = r.sender.CloseWrite()
		if err := <-done; err != io.EOF {
			t.Error(err)
		}
	})
}

// A stream that ends inside a frame: all whole elements before the end arrive, in every mode, and nothing hangs.
func TestStreamEndsInsideAFrame(t *testing.T) {
	frames := append(batches(1, 3, 50_000), batches(1, 8, 40_000)...)
	stream := encode(frames...)
	first := len(encode(frames[0]))
	for _, cut := range []int{0, 3, 4, 12, 13, 14, 30_000, 40_012, 40_013, 40_020, 250_000} {
		each(t, func(t *testing.T, r *rig) {
			got, reason, err := r.transfer(sendAll(stream[:first+cut]), nil)
			if reason != Ended || err != io.EOF {
				t.Fatalf("cut at %d: %v, %v", cut, reason, err)
			}
			// A head of an element that is not whole stays behind: nobody announced it.
			want := first + cut
			switch in := cut - 4; {
			case cut < 4:
				want = first
			case in%40_009 < elementHead:
				want -= in % 40_009
			}
			if d := firstDifference(got, stream[:want]); d != "" {
				t.Errorf("cut at %d: received %s", cut, d)
			}
			if r.scanner.given != int64(want) {
				t.Errorf("cut at %d: released %d, want %d", cut, r.scanner.given, want)
			}
		})
	}
}

// A sender that resets: the relay notices at once, wherever it stands; what passed was announced.
func TestSenderResets(t *testing.T) {
	stream := encode(batches(2, 8, 60_000)...)
	for _, cut := range []int{2, 100, 200_000, 480_100} {
		each(t, func(t *testing.T, r *rig) {
			_, reason, err := r.transfer(func(c *net.TCPConn) {
				_, _ = c.Write(stream[:cut])
				until(t, "the relay waits", func() bool { return r.count.waits.Load() > 0 })
				_ = Reset(c)
			}, nil)
			if reason != SourceFailed || err == nil {
				t.Errorf("cut at %d: %v, %v", cut, reason, err)
			}
		})
	}
}

// shrinkBuffers makes the way to the receiver narrow, so that hand-overs are partial.
func (r *rig) shrinkBuffers() {
	_ = r.sink.SetWriteBuffer(64 << 10)
	_ = r.receiver.SetReadBuffer(64 << 10)
}

func TestSlowReceiver(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.shrinkBuffers()
		frames := mixture(11, 8)
		rnd := rand.New(rand.NewPCG(1, 3))
		got, reason, err := r.transfer(sendAll(encode(frames...)), func(int) {
			if rnd.IntN(8) == 0 {
				time.Sleep(time.Millisecond)
			}
		})
		delivered(t, r, frames, got, reason, err)
	})
}

// The owner is woken by deadlines in the past, at any moment, on either side: nothing is lost and nothing twice.
func TestDeadlinesAtRandomMoments(t *testing.T) {
	for seed := range uint64(2) {
		each(t, func(t *testing.T, r *rig) {
			if seed == 1 {
				r.shrinkBuffers()
			}
			stop := make(chan struct{})
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				rnd := rand.New(rand.NewPCG(seed, 4))
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(rnd.IntN(300)) * time.Microsecond):
					}
					if rnd.IntN(2) == 0 {
						_ = r.source.SetReadDeadline(time.Unix(1, 0))
					} else {
						_ = r.sink.SetWriteDeadline(time.Unix(1, 0))
					}
				}
			}()
			frames := mixture(20+seed, 12)
			got, reason, err := r.transfer(sendChunks(encode(frames...), seed), nil)
			close(stop)
			<-stopped
			delivered(t, r, frames, got, reason, err)
		})
	}
}

// No pipe to be had, or only ones as small as an ordinary user gets beyond the soft limit: user mode does it all.
func TestWithoutUsefulPipes(t *testing.T) {
	for name, prepare := range map[string]func(r *rig){
		"none free": func(r *rig) {
			for range r.pipes.limit {
				if q := r.pipes.take(); q != nil {
					r.t.Cleanup(func() { r.pipes.put(q) })
				}
			}
		},
		"too small": func(r *rig) { r.pipes.size = 8 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				prepare(r)
				frames := batches(6, 8, 64<<10)
				got, reason, err := r.transfer(sendAll(encode(frames...)), nil)
				delivered(t, r, frames, got, reason, err)
				if n := r.count.Snapshot().KernelBytes; n != 0 {
					t.Errorf("%d bytes went through the kernel", n)
				}
			})
		})
	}
}

// After the Scanner objects, nothing more is handed over, not even what had passed and lay ready.
func TestScannerObjects(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.scanner.failAt = 1_000_000
		_, reason, err := r.transfer(sendAll(encode(batches(4, 16, 64<<10)...)), nil)
		if reason != ScanFailed || err != errScan {
			t.Fatalf("%v, %v", reason, err)
		}
		if given := r.scanner.given; given > r.scanner.passed.Load() || given > 1_100_000 {
			t.Errorf("released %d", given)
		}
	})
}

// A Scanner that never has enough does not make a mover collect for ever.
func TestElementTooLarge(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		_, reason, err := r.transfer(sendAll(encode([]element{{'B', 1, 500_000}, {'N', 2, 2 * MaxElement}})), nil)
		if reason != ScanFailed && reason != SourceFailed || err != ErrElement {
			t.Fatalf("%v, %v", reason, err)
		}
	})
}

func TestReleaseObjects(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.scanner.failRelease = errScan
		_, reason, err := r.transfer(sendAll(encode(batches(1, 16, 64<<10)...)), nil)
		if reason != ScanFailed || err != errScan {
			t.Fatalf("%v, %v", reason, err)
		}
	})
}

// What could not be committed is not handed over.
func TestCommitObjects(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.scanner.failCommit = errScan
		got, reason, err := r.transfer(sendAll(encode(batches(1, 16, 64<<10)...)), nil)
		if reason != ScanFailed || err != errScan || len(got) > 0 || r.scanner.given != 0 {
			t.Fatalf("%v, %v, %d bytes", reason, err, len(got))
		}
	})
}

// The receiver goes away in the middle: bytes in the pipe reach nobody, and the pipe is not used again.
func TestReceiverResets(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.shrinkBuffers()
		stream := encode(batches(8, 16, 64<<10)...)
		done := make(chan Reason, 1)
		go func() {
			reason, _ := r.run()
			done <- reason
		}()
		go func() { _, _ = r.sender.Write(stream) }()
		if _, err := io.ReadFull(r.receiver, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		_ = Reset(r.receiver)
		if reason := <-done; reason != SinkFailed {
			t.Errorf("ended with %v", reason)
		}
		if s := r.pipes.Stats(); s.Open != s.Idle {
			t.Errorf("pipes: %+v", s)
		}
		_ = Reset(r.source)
	})
}

// Reset takes back what the kernel holds, wherever the mover is; and afterwards no byte is handed over.
func TestCutWhileTheReceiverIsSlow(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		done := make(chan Reason, 1)
		go func() {
			reason, _ := r.run()
			done <- reason
		}()
		go func() { _, _ = r.sender.Write(encode(batches(40, 16, 64<<10)...)) }()
		until(t, "the socket is full", func() bool {
			n := r.count.Snapshot()
			time.Sleep(20 * time.Millisecond)
			return n.KernelBytes+n.UserBytes > 0 && n == r.count.Snapshot()
		})
		_ = Reset(r.sink)
		if reason := <-done; reason != SinkFailed {
			t.Errorf("ended with %v", reason)
		}
		got, err := r.receive(nil)
		if err == nil {
			t.Error("the receiver saw an orderly end")
		}
		if int64(len(got)) > r.scanner.given {
			t.Errorf("received %d, released %d", len(got), r.scanner.given)
		}
		_ = Reset(r.source)
	})
}
