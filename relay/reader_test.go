package relay

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return p
}

// fillInBackground calls Fill in a goroutine of its own.
func fillInBackground(r *Reader) <-chan error {
	done := make(chan error, 1)
	go func() { done <- r.Fill() }()
	return done
}

// fillUntil fills until n bytes are there.
func fillUntil(t *testing.T, r *Reader, n int) {
	t.Helper()
	for r.Len() < n {
		if err := r.Fill(); err != nil {
			t.Fatalf("at %d of %d: %v", r.Len(), n, err)
		}
	}
}

func TestReaderWaitsWithoutABuffer(t *testing.T) {
	c, s := pair(t, "tcp4")
	pool := NewPool(0)
	var count Counters
	r := NewReader(s, pool, &count)
	done := fillInBackground(r)
	until(t, "the reader waits", func() bool { return count.waits.Load() > 0 })
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d bytes in use while waiting", n)
	}
	c.Write([]byte("x"))
	if err := <-done; err != nil || string(r.Bytes()) != "x" {
		t.Fatalf("%q, %v", r.Bytes(), err)
	}

	// With one byte not consumed it waits with the smallest buffer.
	done = fillInBackground(r)
	until(t, "the reader waits again", func() bool { return count.waits.Load() > 1 })
	if n := pool.InUse(); n != MinBuffer {
		t.Errorf("%d bytes in use while waiting with one byte", n)
	}
	c.Write([]byte("y"))
	if err := <-done; err != nil || string(r.Bytes()) != "xy" {
		t.Fatalf("%q, %v", r.Bytes(), err)
	}
	r.Consume(2)
	c.CloseWrite()
	for range 2 {
		if err := r.Fill(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	r.Close()
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d bytes in use after Close", n)
	}
}

func TestReaderGrowsWithTheStream(t *testing.T) {
	c, s := pair(t, "tcp4")
	pool := NewPool(0)
	r := NewReader(s, pool, nil)
	defer r.Close()
	go func() { c.Write(pattern(32 << 20)) }()
	largest, total := 0, 0
	for total < 32<<20 {
		time.Sleep(100 * time.Microsecond) // let the queue fill
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, r.Len())
		total += r.Len()
		r.Consume(r.Len())
	}
	if largest < 256<<10 || largest > maxSize {
		t.Errorf("largest read: %d", largest)
	}
	for range 10 * smallRuns {
		c.Write([]byte("x"))
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		r.Consume(r.Len())
	}
	if r.size != firstSize {
		t.Errorf("after many small reads the buffer is %d", r.size)
	}
}

// A frame held whole costs memory as it arrives, never ahead: the length in its head is only a promise.
func TestReaderWantGrowsAsBytesArrive(t *testing.T) {
	const frame = 5<<20 + 123 // beyond the largest class
	c, s := pair(t, "tcp4")
	pool := NewPool(0)
	r := NewReader(s, pool, nil)
	defer r.Close()
	p := pattern(frame)
	go func() {
		for rest := p; len(rest) > 0; {
			n := min(len(rest), 100_000)
			c.Write(rest[:n])
			rest = rest[n:]
		}
	}()
	r.Want(frame)
	for r.Len() < frame {
		if err := r.Fill(); err != nil {
			t.Fatalf("at %d: %v", r.Len(), err)
		}
		if used := int(pool.InUse()); used > max(2*r.Len(), maxSize) || used > frame+MinBuffer {
			t.Fatalf("%d bytes in use for %d that came", used, r.Len())
		}
	}
	if d := firstDifference(r.Bytes(), p); d != "" {
		t.Error(d)
	}
}

func TestReaderAtTheLimit(t *testing.T) {
	c, s := pair(t, "tcp4")
	pool := NewPool(20 << 10)
	r := NewReader(s, pool, nil)
	defer r.Close()
	p := pattern(100_000)
	c.Write(p)
	r.Want(100_000)
	var err error
	for err == nil {
		err = r.Fill()
	}
	if err != ErrNoRoom || r.Len() != 16<<10 || !bytes.Equal(r.Bytes(), p[:r.Len()]) {
		t.Fatalf("%d bytes, %v", r.Len(), err)
	}
	// Nothing is lost: as a stream it goes on, with whatever buffer there is, even when nothing is free.
	got := append([]byte(nil), r.Bytes()...)
	r.Consume(r.Len())
	r.Want(0)
	pool.TryCharge(4 << 10)
	pool.SetLimit(1)
	for len(got) < len(p) {
		if err := r.Fill(); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Bytes()...)
		r.Consume(r.Len())
	}
	if d := firstDifference(got, p); d != "" {
		t.Error(d)
	}
	r.Close()
	pool.Uncharge(4 << 10)
}

func TestReaderRefusesToGrowForEver(t *testing.T) {
	c, s := pair(t, "tcp4")
	r := NewReader(s, NewPool(0), nil)
	defer r.Close()
	go c.Write(pattern(8 << 20))
	var err error
	for err == nil {
		err = r.Fill()
	}
	if err != ErrElement || r.Len() < MaxElement || r.Len() > maxSize {
		t.Fatalf("%d bytes, %v", r.Len(), err)
	}
}

func TestReaderDeadlineLosesNothing(t *testing.T) {
	c, s := pair(t, "tcp4")
	var count Counters
	r := NewReader(s, NewPool(0), &count)
	defer r.Close()
	c.Write([]byte("ab"))
	fillUntil(t, r, 2)
	done := fillInBackground(r)
	until(t, "the reader waits", func() bool { return count.waits.Load() > 0 })
	s.SetReadDeadline(time.Unix(1, 0))
	if err := <-done; err != os.ErrDeadlineExceeded {
		t.Fatalf("%v", err)
	}
	if err := r.Fill(); err != os.ErrDeadlineExceeded {
		t.Fatalf("again: %v", err)
	}
	s.SetReadDeadline(time.Time{})
	c.Write([]byte("c"))
	fillUntil(t, r, 3)
	if string(r.Bytes()) != "abc" {
		t.Errorf("%q", r.Bytes())
	}
	s.Close()
	if err := r.Fill(); err == nil || err == io.EOF {
		t.Errorf("after Close: %v", err)
	}
}

// Every reader gives the same bytes whatever is consumed in between.
func TestReaderPartialConsumption(t *testing.T) {
	const total = 3_000_000
	for name, wrap := range map[string]func(*net.TCPConn) net.Conn{
		"tcp":        func(c *net.TCPConn) net.Conn { return c },
		"other conn": func(c *net.TCPConn) net.Conn { return struct{ net.Conn }{c} },
	} {
		t.Run(name, func(t *testing.T) {
			c, s := pair(t, "tcp4")
			pool := NewPool(0)
			r := NewReader(wrap(s), pool, nil)
			p := pattern(total)
			go sendChunks(p, 5)(c)
			checkReads(t, r, p, true)
			r.Close()
			if n := pool.InUse(); n != 0 {
				t.Errorf("%d bytes in use", n)
			}
		})
	}
}

// checkReads expects p and the end. It consumes all there is each time, or random portions of it.
func checkReads(t *testing.T, r *Reader, p []byte, portions bool) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 1))
	for at := 0; ; {
		err := r.Fill()
		if err == io.EOF {
			if at+r.Len() != len(p) {
				t.Errorf("ended at %d of %d", at+r.Len(), len(p))
			}
			return
		}
		if err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
		if !bytes.Equal(r.Bytes(), p[at:at+r.Len()]) {
			t.Fatalf("other bytes after %d", at)
		}
		n := r.Len()
		if portions && rnd.IntN(2) == 0 {
			n = max(0, n-rnd.IntN(5000))
		}
		r.Consume(n)
		at += n
	}
}

func TestReaderOnOtherConnIsSmallWhileIdle(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	pool := NewPool(0)
	r := NewReader(b, pool, nil)
	defer r.Close()
	for i := range 3 {
		done := fillInBackground(r)
		until(t, "the reader has its buffer", func() bool { return pool.InUse() > 0 })
		if n := pool.InUse(); n != MinBuffer {
			t.Errorf("%d: %d bytes in use while waiting", i, n)
		}
		a.Write([]byte("x"))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		r.Consume(1)
	}
	b.Close()
}

func TestReaderLowWater(t *testing.T) {
	c, s := pair(t, "tcp4")
	var count Counters
	r := NewReader(s, NewPool(0), &count)
	defer r.Close()
	r.SetLowWater(10_000)
	done := fillInBackground(r)
	until(t, "the reader waits", func() bool { return count.waits.Load() > 0 })
	c.Write(pattern(20_000))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	fillUntil(t, r, 20_000)
	done = fillInBackground(r)
	c.Write([]byte("x"))
	c.CloseWrite() // the end is seen at once, whatever the mark
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := r.Fill(); err != io.EOF {
		t.Error(err)
	}
	r.SetLowWater(0)
}
