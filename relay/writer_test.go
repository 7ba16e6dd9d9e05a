package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestWriterMakesOneCall(t *testing.T) {
	c, s := pair(t, "tcp4")
	var count Counters
	w := NewWriter(c, NewPool(0), &count)
	for round, segments := range [][]string{{"one"}, {"head", "", "body", "tail"}, {"again"}, {"and", "again"}} {
		want := ""
		for _, p := range segments {
			w.Add([]byte(p))
			want += p
		}
		if w.Len() != int64(len(want)) {
			t.Errorf("Len %d, want %d", w.Len(), len(want))
		}
		n, err := w.Flush()
		if n != int64(len(want)) || err != nil || w.Len() != 0 {
			t.Fatalf("flushed %d of %d, %v", n, len(want), err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(s, got); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
		if n := count.Snapshot().Writes; n != int64(round+1) {
			t.Errorf("%d writes after %d rounds", n, round+1)
		}
	}
	if n, err := w.Flush(); n != 0 || err != nil {
		t.Errorf("empty flush: %d, %v", n, err)
	}
}

// A deadline interrupts a write; what it returned is exactly what went out, and a further Flush sends the rest.
func TestWriterPartialWriteIsExact(t *testing.T) {
	for name, cut := range map[string][]int{"one segment": {}, "three segments": {1_000_000, 5_000_000}} {
		t.Run(name, func(t *testing.T) {
			c, s := pair(t, "tcp4")
			w := NewWriter(c, NewPool(0), nil)
			p := pattern(8_000_000)
			at := 0
			for _, end := range append(cut, len(p)) {
				w.Add(p[at:end])
				at = end
			}
			var first int64
			var err error
			for first == 0 { // a busy machine may not get to it before the deadline
				c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
				first, err = w.Flush()
			}
			if err != os.ErrDeadlineExceeded || w.Len() != int64(len(p))-first {
				t.Fatalf("%d, %v, %d left", first, err, w.Len())
			}
			var got []byte
			for int64(len(got)) < first {
				b := make([]byte, first-int64(len(got)))
				n, err := s.Read(b)
				if err != nil {
					t.Fatalf("received %d of %d: %v", len(got), first, err)
				}
				got = append(got, b[:n]...)
			}
			s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, _ := s.Read(make([]byte, 1)); n > 0 {
				t.Fatal("more went out than was reported")
			}
			s.SetReadDeadline(time.Time{})
			c.SetWriteDeadline(time.Time{})
			rest := make(chan []byte)
			go func() {
				b, _ := io.ReadAll(s)
				rest <- b
			}()
			second, err := w.Flush()
			if err != nil || first+second != int64(len(p)) || w.Len() != 0 {
				t.Fatalf("%d + %d, %v", first, second, err)
			}
			c.CloseWrite()
			if d := firstDifference(append(got, <-rest...), p); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWriterToAResetConnection(t *testing.T) {
	c, s := pair(t, "tcp4")
	w := NewWriter(c, NewPool(0), nil)
	Reset(s)
	var err error
	for range 100 {
		w.Add([]byte("a"))
		w.Add([]byte("b"))
		if _, err = w.Flush(); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v", err)
	}
	w.Drop()
	if w.Len() != 0 {
		t.Errorf("%d left after Drop", w.Len())
	}
}

func TestWriterJoinsForOtherConnections(t *testing.T) {
	a, b := net.Pipe()
	pool := NewPool(0)
	var count Counters
	w := NewWriter(a, pool, &count)
	p := pattern(100_000)
	for at := 0; at < 60_000; at += 1000 {
		w.Add(p[at : at+1000])
	}
	w.Add(p[60_000:])
	got := make(chan []byte)
	go func() {
		p, _ := io.ReadAll(b)
		got <- p
	}()
	n, err := w.Flush()
	if n != int64(len(p)) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	a.Close()
	if !bytes.Equal(<-got, p) {
		t.Error("other bytes arrived")
	}
	if n := count.Snapshot().Writes; n > 8 {
		t.Errorf("%d writes", n)
	}
	if pool.InUse() != 0 {
		t.Errorf("%d bytes in use", pool.InUse())
	}
}
