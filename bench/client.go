//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// measureLimit bounds one measurement: whoever is slower has failed.
const measureLimit = 2 * time.Minute

// A door is where clients connect.
type door struct {
	address string
	from    string      // the client's own address; "": any
	tls     *tls.Config // nil: plaintext
}

func (d door) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if d.from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(d.from)}
	}
	c, err := dialer.Dial("tcp4", d.address)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(measureLimit)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if d.tls == nil {
		return c, nil
	}
	t := tls.Client(c, d.tls)
	if err := t.Handshake(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return t, nil
}

// ask sends one request and returns its answer, decoded.
func (d door) ask(q kmsg.Request) (kmsg.Response, error) {
	c, err := d.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(frame(q)); err != nil {
		return nil, err
	}
	answer, err := readFrame(c)
	if err != nil {
		return nil, err
	}
	r := q.ResponseKind()
	skip := 4
	if r.IsFlexible() && q.Key() != kmsg.ApiVersions.Int16() {
		skip++
	}
	if len(answer) < skip {
		return nil, errShort
	}
	return r, r.ReadFrom(answer[skip:])
}

func readFrame(c io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > 1<<20 {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(c, answer)
	return answer, err
}

// alive asks for the broker's versions: the first thing that any client asks.
func (d door) alive() error {
	q := kmsg.NewPtrApiVersionsRequest()
	q.SetVersion(3)
	q.ClientSoftwareName, q.ClientSoftwareVersion = "doorkeeper-bench", "1"
	r, err := d.ask(q)
	if err != nil {
		return err
	}
	if code := r.(*kmsg.ApiVersionsResponse).ErrorCode; code != 0 {
		return fmt.Errorf("ApiVersions: error %d", code)
	}
	return nil
}

// leader asks for the address of the broker that leads topic, and for the topic's id.
func (d door) leader(topic string) (address string, id [16]byte, err error) {
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(metadataVersion)
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	q.Topics = append(q.Topics, t)
	answer, err := d.ask(q)
	if err != nil {
		return "", id, err
	}
	r := answer.(*kmsg.MetadataResponse)
	if len(r.Topics) != 1 || r.Topics[0].ErrorCode != 0 || len(r.Topics[0].Partitions) != 1 {
		return "", id, fmt.Errorf("no metadata of %s", topic)
	}
	for _, b := range r.Brokers {
		if b.NodeID == r.Topics[0].Partitions[0].Leader {
			return net.JoinHostPort(b.Host, fmt.Sprint(b.Port)), r.Topics[0].TopicID, nil
		}
	}
	return "", id, fmt.Errorf("%s has no leader", topic)
}

// A reader fetches from one partition, one request at a time, and throws away what comes.
type reader struct {
	c      net.Conn
	frame  *fetchFrame
	layout layout
	next   int64
	end    int64 // where to begin again
	head   []byte
	throw  *thrower
}

// newReader connects and reads from offset on.
func (d door) newReader(t filled, most int, from int64) (*reader, error) {
	f, err := newFetchFrame(t.id, most)
	if err != nil {
		return nil, err
	}
	c, err := d.dial()
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, frame: f, layout: t.layout, next: from, end: t.end, head: make([]byte, fetchHeadMost)}
	if r.throw, err = newThrower(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return r, nil
}

// errNothing: an answer came without records.
var errNothing = errors.New("an answer without a batch")

// fetch makes one request and returns the bytes of records in its answer.
func (r *reader) fetch() (int, error) {
	h, rest, err := r.ask()
	if errors.Is(err, errNothing) {
		return 0, errors.Join(err, r.throw.away(rest, 1<<20))
	}
	if err != nil {
		return 0, err
	}
	return h.records, r.throw.away(rest, 1<<20)
}

// ask makes one request and reads the head of its answer; rest bytes follow.
func (r *reader) ask() (h fetchHead, rest int, err error) {
	if _, err := r.c.Write(r.frame.from(r.next)); err != nil {
		return h, 0, err
	}
	have := 0
	for {
		n, err := r.c.Read(r.head[have:])
		if err != nil {
			return h, 0, err
		}
		have += n
		h, err = parseFetchHead(r.head[:have])
		if err == nil {
			break
		}
		if !errors.Is(err, errShort) || have == len(r.head) {
			return h, 0, err
		}
	}
	if h.code != 0 {
		return h, 0, fmt.Errorf("error %d from Fetch", h.code)
	}
	whole := h.records / r.layout.batch
	if whole == 0 {
		return h, h.frame - have, fmt.Errorf("%w at offset %d: %d bytes of records", errNothing, r.next, h.records)
	}
	r.next += int64(whole * r.layout.records)
	if r.next >= r.end {
		r.next = 0
	}
	return h, h.frame - have, nil
}

// A thrower reads bytes and drops them: on TCP in the kernel (MSG_TRUNC, tcp(7)), so that the client's work is small
// and the same whatever stands before it.
type thrower struct {
	c      net.Conn
	raw    syscall.RawConn
	buffer []byte
	want   int
	got    int
	err    error
	recv   func(fd uintptr) bool
}

func newThrower(c net.Conn) (*thrower, error) {
	t := &thrower{c: c}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		t.buffer = make([]byte, 64<<10)
		return t, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	t.raw = raw
	t.recv = func(fd uintptr) bool {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd, 0, uintptr(t.want), unix.MSG_TRUNC, 0, 0)
		t.got, t.err = int(n), nil
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno != 0:
			t.err = errno
		case n == 0:
			t.err = io.ErrUnexpectedEOF
		}
		return true
	}
	return t, nil
}

// away drops n bytes, at most step at a time.
func (t *thrower) away(n, step int) error {
	for n > 0 {
		got, err := t.once(min(n, step))
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

// once drops up to n bytes.
func (t *thrower) once(n int) (int, error) {
	if t.raw == nil {
		return t.c.Read(t.buffer[:min(n, len(t.buffer))])
	}
	t.want = n
	if err := t.raw.Read(t.recv); err != nil {
		return 0, err
	}
	return t.got, t.err
}

// requestsInFlight of a producer: Java's default.
const requestsInFlight = 5

// A writer sends one Produce frame again and again.
type writer struct {
	c        net.Conn
	in       *bufio.Reader
	frame    []byte
	inFlight int
}

func (d door) newWriter(frame []byte) (*writer, error) {
	c, err := d.dial()
	if err != nil {
		return nil, err
	}
	return &writer{c: c, in: bufio.NewReader(c), frame: frame, inFlight: requestsInFlight}, nil
}

// produce sends the frame n times and waits for all answers.
func (w *writer) produce(n int) error {
	sent, answered := 0, 0
	for answered < n {
		for sent < n && sent-answered < w.inFlight {
			if _, err := w.c.Write(w.frame); err != nil {
				return err
			}
			sent++
		}
		answer, err := readFrame(w.in)
		if err != nil {
			return err
		}
		answered++
		d := decoder{p: answer}
		d.skip(5)
		d.uvarint()
		d.skip(int(d.uvarint()) - 1)
		d.uvarint()
		d.skip(4)
		if code := int16(d.uint(2)); code != 0 || d.err != nil {
			return errors.Join(fmt.Errorf("error %d from Produce", code), d.err)
		}
	}
	return nil
}
