package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// tlsPair returns a client's *tls.Conn on a plain connection and a server's over Records, with their handshake done.
func tlsPair(t testing.TB, pool *Pool, version uint16) (client, server *tls.Conn, under *net.TCPConn) {
	t.Helper()
	c, s := pair(t, "tcp4")
	client = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	records := NewRecords(s, pool)
	server = tls.Server(records, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(records.Release)
	return client, server, s
}

func eachTLS(t *testing.T, f func(t *testing.T, version uint16)) {
	t.Run("1.2", func(t *testing.T) { f(t, tls.VersionTLS12) })
	t.Run("1.3", func(t *testing.T) { f(t, tls.VersionTLS13) })
}

func TestTLSReaderWaitsWithoutABuffer(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		client, server, _ := tlsPair(t, pool, version)
		var count Counters
		r := NewReader(server, pool, &count)
		for _, n := range []int{1, 100, 16 << 10, 100_000} {
			waits := count.waits.Load()
			done := fillInBackground(r)
			until(t, "the reader waits", func() bool { return count.waits.Load() > waits })
			if used := pool.InUse(); used != 0 {
				t.Errorf("%d bytes in use while waiting", used)
			}
			p := pattern(n)
			go client.Write(p)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			fillUntil(t, r, n)
			if !bytes.Equal(r.Bytes(), p) {
				t.Errorf("other bytes of %d", n)
			}
			r.Consume(n)
		}
		r.Close()
	})
}

func TestTLSReaderReadsTheStream(t *testing.T) {
	for name, limit := range map[string]int64{"no limit": 0, "nothing free": 1} {
		t.Run(name, func(t *testing.T) {
			eachTLS(t, func(t *testing.T, version uint16) {
				pool := NewPool(limit)
				client, server, _ := tlsPair(t, pool, version)
				var count Counters
				r := NewReader(server, pool, &count)
				p := pattern(6_000_000)
				go func() {
					for rest := p; len(rest) > 0; {
						n := min(len(rest), 1+len(rest)%300_000)
						client.Write(rest[:n])
						rest = rest[n:]
					}
					client.Close()
				}()
				checkReads(t, r, p, limit == 0)
				r.Close()
				if n := count.Snapshot().Reads; limit == 0 && n > 6_000_000/(16<<10) {
					t.Errorf("%d reads: one for each record", n)
				}
			})
		})
	}
}

func TestTLSReaderDeadlineLosesNothing(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		client, server, _ := tlsPair(t, pool, version)
		r := NewReader(server, pool, nil)
		p := pattern(2_000_000)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Microsecond):
					server.SetReadDeadline(time.Unix(1, 0))
				}
			}
		})
		go func() {
			for at := 0; at < len(p); at += 20_000 {
				client.Write(p[at : at+20_000])
				time.Sleep(50 * time.Microsecond)
			}
		}()
		r.Want(len(p))
		woken := 0
		for r.Len() < len(p) {
			switch err := r.Fill(); err {
			case nil:
			case os.ErrDeadlineExceeded:
				woken++
				server.SetReadDeadline(time.Time{})
			default:
				t.Fatalf("at %d: %v", r.Len(), err)
			}
		}
		close(stop)
		wg.Wait()
		if !bytes.Equal(r.Bytes(), p) || woken == 0 {
			t.Errorf("woken %d times: %s", woken, firstDifference(r.Bytes(), p))
		}
		r.Close()
	})
}

// A stream cut off inside a record is not an orderly end, and an end without close_notify is one, as crypto/tls has it.
func TestTLSReaderEnds(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		for name, c := range map[string]struct {
			junk []byte
			want error
		}{
			"between records": {nil, io.EOF},
			"inside a header": {[]byte{23, 3, 3}, io.ErrUnexpectedEOF},
			"inside a record": {[]byte{23, 3, 3, 0, 100, 1, 2, 3}, io.ErrUnexpectedEOF},
		} {
			pool := NewPool(0)
			client, server, _ := tlsPair(t, pool, version)
			r := NewReader(server, pool, nil)
			client.Write([]byte("x"))
			fillUntil(t, r, 1)
			under := client.NetConn().(*net.TCPConn)
			under.Write(c.junk)
			under.CloseWrite()
			if err := r.Fill(); err != c.want {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			r.Close()
		}
	})
}

// A close_notify that was read with the last data, and no FIN behind it: nothing more comes of TCP that could wake who
// waits there.
func TestTLSReaderHearsTheEndBehindData(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		client, server, under := tlsPair(t, pool, version)
		r := NewReader(server, pool, nil)
		client.Write([]byte("the last"))
		client.CloseWrite() // on loopback both wait at the server now
		fillUntil(t, r, 8)
		done := fillInBackground(r)
		select {
		case err := <-done:
			if err != io.EOF {
				t.Errorf("%v, want EOF", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the reader waits for more")
			under.Close()
			<-done
		}
		if err := r.Fill(); err == nil {
			t.Error("more after the end")
		}
		if string(r.Bytes()) != "the last" {
			t.Errorf("%q", r.Bytes())
		}
		r.Close()
	})
}

// Plain text on a TLS port must reach crypto/tls, which then says so; a few bytes and nothing more must not hang it.
func TestTLSHandshakeWithSomethingElse(t *testing.T) {
	for _, p := range []string{"", "abc", "GET / HTTP/1.1\r\n\r\n"} {
		c, s := pair(t, "tcp4")
		pool := NewPool(0)
		records := NewRecords(s, pool)
		io.WriteString(c, p)
		c.CloseWrite()
		err := tls.Server(records, &tls.Config{Certificates: []tls.Certificate{certificate()}}).Handshake()
		var header tls.RecordHeaderError
		if err == nil || len(p) > 5 && !errors.As(err, &header) {
			t.Errorf("%q: %v", p, err)
		}
		records.Release()
		if n := pool.InUse(); n != 0 {
			t.Errorf("%q: %d bytes in use", p, n)
		}
	}
}

func TestTLSWriterGathersRecords(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		client, server, _ := tlsPair(t, pool, version)
		var count Counters
		w := NewWriter(server, NewPool(0), &count)
		p := pattern(1_000_000)
		for at := 0; at < 50_000; at += 500 {
			w.Add(p[at : at+500])
		}
		w.Add(p[50_000:])
		got := make([]byte, len(p))
		read := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(client, got)
			read <- err
		}()
		if n, err := w.Flush(); n != int64(len(p)) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if err := <-read; err != nil || !bytes.Equal(got, p) {
			t.Errorf("%v, %s", err, firstDifference(got, p))
		}
		if n := count.Snapshot().Writes; n > 5 {
			t.Errorf("%d writes", n)
		}
		if n := w.pool.InUse(); n != 0 {
			t.Errorf("%d bytes in use", n)
		}
	})
}

// What a failed Flush reports is never less than what the client can have, and at most a chunk more.
func TestTLSWriterPartialWrite(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		client, server, under := tlsPair(t, pool, version)
		w := NewWriter(server, NewPool(0), nil)
		w.Add(pattern(12_000_000))
		server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := w.Flush()
		if err != os.ErrDeadlineExceeded || n == 0 || n >= 12_000_000 {
			t.Fatalf("%d, %v", n, err)
		}
		under.CloseWrite()
		got, _ := io.Copy(io.Discard, client)
		if got > n || n-got > 2*chunk {
			t.Errorf("reported %d, the client has %d", n, got)
		}
		w.Add([]byte("more"))
		if m, err := w.Flush(); m != 0 || err == nil {
			t.Errorf("after the failure: %d, %v", m, err)
		}
		if n := w.pool.InUse(); n != 0 {
			t.Errorf("%d bytes in use", n)
		}
	})
}

// User mode between two TLS connections keeps the same promises as between plain ones.
func TestUserModeOverTLS(t *testing.T) {
	eachTLS(t, func(t *testing.T, version uint16) {
		pool := NewPool(0)
		sender, source, _ := tlsPair(t, pool, version)
		receiver, sink, _ := tlsPair(t, pool, version)
		frames := mixture(5, 20)
		stream := encode(frames...)
		s := testScanner{inUser: true}
		r := NewReader(source, pool, nil)
		done := make(chan error, 1)
		go func() {
			_, err := NewUser(r, NewWriter(sink, pool, nil)).Run(&s)
			sink.Close()
			done <- err
		}()
		go func() {
			sender.Write(stream)
			sender.Close()
		}()
		got, err := io.ReadAll(receiver)
		if err != nil || firstDifference(got, stream) != "" {
			t.Errorf("%v, %s", err, firstDifference(got, stream))
		}
		if err := <-done; err != io.EOF {
			t.Error(err)
		}
		if s.fault != nil || s.given != int64(len(stream)) {
			t.Errorf("%v; released %d of %d", s.fault, s.given, len(stream))
		}
		r.Close()
	})
}
