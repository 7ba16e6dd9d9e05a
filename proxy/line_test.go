package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A line is one client's connection through the proxy to a broker of which the test plays both ends, byte by byte.
type line struct {
	*rig
	client *net.TCPConn
	ln     net.Listener
	broker *net.TCPConn // once accepted
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func newLine(t testing.TB, mode relay.Mode, change func(*ClusterSpec, *Options)) *line {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{ln: ln, rig: newRig(t, []string{ln.Addr().String()}, mode, change)}
	l.client = l.dial()
	t.Cleanup(func() {
		ln.Close()
		l.client.Close()
		if l.broker != nil {
			l.broker.Close()
		}
	})
	return l
}

func (l *line) dial() *net.TCPConn {
	l.t.Helper()
	nc, err := net.DialTimeout("tcp", l.addr, patience)
	if err != nil {
		l.t.Fatal(err)
	}
	return nc.(*net.TCPConn)
}

// accept waits for the proxy's connection to the broker.
func (l *line) accept() {
	l.t.Helper()
	_ = l.ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	nc, err := l.ln.Accept()
	if err != nil {
		l.t.Fatal("the proxy did not dial the broker:", err)
	}
	l.broker = nc.(*net.TCPConn)
}

func (l *line) ask(frames ...[]byte) {
	l.t.Helper()
	if _, err := l.client.Write(bytes.Join(frames, nil)); err != nil {
		l.t.Fatal("client writes:", err)
	}
}

func (l *line) answer(frames ...[]byte) {
	l.t.Helper()
	if _, err := l.broker.Write(bytes.Join(frames, nil)); err != nil {
		l.t.Fatal("broker writes:", err)
	}
}

// asked wants exactly these bytes at the broker next.
func (l *line) asked(frames ...[]byte) {
	l.t.Helper()
	if l.broker == nil {
		l.accept()
	}
	l.wants("broker", l.broker, bytes.Join(frames, nil))
}

// answered wants exactly these bytes at the client next.
func (l *line) answered(frames ...[]byte) {
	l.t.Helper()
	l.wants("client", l.client, bytes.Join(frames, nil))
}

func (l *line) wants(who string, nc net.Conn, want []byte) {
	l.t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	n, err := io.ReadFull(nc, got)
	if err != nil {
		l.t.Fatalf("%s got %d of %d bytes: %v", who, n, len(want), err)
	}
	if i := firstDifference(got, want); i >= 0 {
		l.t.Fatalf("%s got other bytes from byte %d of %d on: % x, want % x", who, i, len(want), head(got[i:]), head(want[i:]))
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func head(b []byte) []byte { return b[:min(len(b), 32)] }

// nothing wants no byte to come for a moment.
func (l *line) nothing(who string, nc net.Conn) {
	l.t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	var b [64]byte
	if n, err := nc.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		l.t.Fatalf("%s got % x, %v", who, b[:n], err)
	}
}

// closed wants the end of the stream at the client and no byte before it, and an end for a reason with these words.
func (l *line) closed(words string) {
	l.t.Helper()
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(l.client); err == nil && len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		l.t.Fatalf("in place of the end the client got % x, %v", head(b), err)
	}
	l.client.Close()
	l.settle()
	l.mustCause(words)
}

// eachMode runs a test with either mover.
func eachMode(t *testing.T, test func(t *testing.T, mode relay.Mode)) {
	for _, mode := range []relay.Mode{relay.ModeUser, relay.ModeKernel} {
		t.Run(mode.String(), func(t *testing.T) { test(t, mode) })
	}
}

// numbered puts a correlation id into a request frame.
func numbered(frame []byte, correlation int32) []byte {
	f := bytes.Clone(frame)
	binary.BigEndian.PutUint32(f[8:], uint32(correlation))
	return f
}

// to puts the correlation id of a request into an answer's frame.
func to(request, answer []byte) []byte {
	f := bytes.Clone(answer)
	copy(f[4:8], request[8:12])
	return f
}

// groups is a request that any state of a connection lets pass, and its answer.
func groups(correlation int32) (request, answer []byte) {
	request = numbered(framed(kmsg.NewPtrListGroupsRequest(), 0), correlation)
	return request, to(request, answered(kmsg.NewPtrListGroupsResponse(), 0, false))
}
