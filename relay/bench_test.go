//go:build unix

package relay

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func startPeer(b *testing.B, role string) *net.TCPConn {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerRole+"="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	c, err := net.Dial("tcp4", strings.TrimSpace(address))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = Reset(c.(*net.TCPConn))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return c.(*net.TCPConn)
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMovers shows the shape that the choice of mover rests on: the relay's CPU seconds per GB, for blind
// splicing (io.Copy), user mode and kernel mode, by batch size. One operation is one frame of 1 MiB.
func BenchmarkMovers(b *testing.B) {
	for _, size := range []int{16 << 10, 64 << 10, 256 << 10} {
		for _, mover := range []string{"copy", "user", "kernel", "user+low", "kernel+low"} {
			b.Run(strconv.Itoa(size>>10)+"KiB/"+mover, func(b *testing.B) { benchmarkMover(b, mover, size) })
		}
	}
}

func benchmarkMover(b *testing.B, mover string, size int) {
	source, sink := startPeer(b, "send "+strconv.Itoa(size)), startPeer(b, "receive")
	frame := int64(len(encode(batches(1, (1<<20)/size, size)...)))
	total := frame * int64(b.N)
	b.SetBytes(frame)
	pool, pipes := NewPool(0), NewPipes(1)
	defer pipes.Close()
	var count Counters
	s := &endingScanner{total: total}
	b.ResetTimer()
	before := cpu()
	switch mover {
	case "copy":
		_, _ = io.CopyN(sink, source, total)
	case "user", "user+low":
		r := NewReader(source, pool, &count)
		if mover == "user+low" {
			s.low = func() { r.SetLowWater(lowWater(s.left)) }
		}
		_, _ = NewUser(r, NewWriter(sink, pool, &count)).Run(s)
		r.Close()
	case "kernel", "kernel+low":
		k := NewKernel(source, sink, pipes, &count)
		if k == nil {
			return // no kernel mode on this system: nothing to show
		}
		if mover == "kernel+low" {
			k.LowWater = 256 << 10
		}
		_, _ = k.Run(s)
		k.Close()
	}
	b.StopTimer()
	gb := float64(total) / 1e9
	b.ReportMetric((cpu()-before).Seconds()/gb, "cpu-s/GB")
	c := count.Snapshot()
	b.ReportMetric(float64(c.Reads+c.Waits+c.Writes+2*c.Peeks+c.Asks+c.Splices)/gb, "calls/GB")
	b.ReportMetric(float64(c.Waits)/gb, "waits/GB")
}

// endingScanner ends the mover once so many bytes were released.
type endingScanner struct {
	testScanner
	total int64
	low   func() // sets the low-water mark
}

// lowWater is what an owner would hint with so much left of the frame.
func lowWater(left int64) int {
	if left < minLeft {
		return 1
	}
	return int(min(left, 256<<10))
}

func (s *endingScanner) Release(n int64) error {
	if err := s.testScanner.Release(n); err != nil {
		return err
	}
	if s.given >= s.total {
		return io.EOF
	}
	if s.low != nil {
		s.low()
	}
	return nil
}
