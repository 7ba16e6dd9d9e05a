package proxy

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A canned broker answers every request of one connection with the answer made for its API key, under the request's
// correlation id. It allocates nothing while it serves, so that what a test counts is the proxy's.
type canned struct {
	t       testing.TB
	ln      net.Listener
	mu      sync.Mutex       // over the answers' bytes, which all connections share
	answers map[int16][]byte // whole frames
	seen    func(frame []byte)
	done    chan struct{}
}

func newCanned(t testing.TB, answers map[int16][]byte) *canned {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &canned{t: t, ln: ln, answers: answers, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go c.serve(nc)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-c.done })
	return c
}

func (c *canned) addr() string { return c.ln.Addr().String() }

func (c *canned) serve(nc net.Conn) {
	defer nc.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := readGrown(nc, &buf)
		if err != nil {
			return
		}
		if c.seen != nil {
			c.seen(buf[:n])
		}
		key := int16(binary.BigEndian.Uint16(buf[4:]))
		answer := c.answers[key]
		if answer == nil || n < 12 {
			return
		}
		c.mu.Lock()
		copy(answer[4:8], buf[8:12])
		_, err = nc.Write(answer)
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// readGrown is readFrame into a buffer that grows.
func readGrown(r io.Reader, buf *[]byte) (int, error) {
	if _, err := io.ReadFull(r, (*buf)[:4]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint32(*buf))
	if 4+n > len(*buf) {
		*buf = append(*buf, make([]byte, 4+n-len(*buf))...)
	}
	_, err := io.ReadFull(r, (*buf)[4:4+n])
	return 4 + n, err
}

// readFrame reads one frame into buf, its length bytes included, and returns its size.
func readFrame(r io.Reader, buf []byte) (int, error) {
	if _, err := io.ReadFull(r, buf[:4]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint32(buf))
	_, err := io.ReadFull(r, buf[4:4+n])
	return 4 + n, err
}

// framed encodes a request as a frame.
func framed(r kmsg.Request, version int16) []byte {
	r.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("app")).AppendRequest(nil, r, 7)
}

// answered encodes a response as a frame, with room for the correlation id.
func answered(r kmsg.Response, version int16, tags bool) []byte {
	r.SetVersion(version)
	b := make([]byte, 8)
	if tags {
		b = append(b, 0)
	}
	b = r.AppendTo(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// recordBatch makes one batch of the given length in bytes, with n records by its header.
func recordBatch(base int64, n int32, length int) []byte {
	b := make([]byte, length)
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[8:], uint32(length-12))
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))
	binary.BigEndian.PutUint64(b[43:], ^uint64(0))
	binary.BigEndian.PutUint16(b[51:], ^uint16(0))
	binary.BigEndian.PutUint32(b[53:], ^uint32(0))
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// cannedFetch is a Fetch request of version 12 for one partition of "orders", and an answer to it.
func cannedFetch(batches, size int) (request, answer []byte) {
	q := kmsg.NewPtrFetchRequest()
	q.MaxWaitMillis, q.MaxBytes, q.SessionEpoch = 500, 50<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = "orders"
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes, p.FetchOffset = 50<<20, firstOffset
	t.Partitions = append(t.Partitions, p)
	q.Topics = append(q.Topics, t)

	r := kmsg.NewPtrFetchResponse()
	rt := kmsg.NewFetchResponseTopic()
	rt.Topic = "orders"
	rp := kmsg.NewFetchResponseTopicPartition()
	for i := range batches {
		rp.RecordBatches = append(rp.RecordBatches, recordBatch(firstOffset+int64(10*i), 10, size)...)
	}
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	return framed(q, 12), answered(r, 12, true)
}

// cannedProduce is a Produce request of version 9 for one partition of "orders", and an answer to it.
func cannedProduce(size int) (request, answer []byte) {
	q := kmsg.NewPtrProduceRequest()
	q.Acks = -1
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "orders"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = recordBatch(0, 10, size)
	t.Partitions = append(t.Partitions, p)
	q.Topics = append(q.Topics, t)

	r := kmsg.NewPtrProduceResponse()
	rt := kmsg.NewProduceResponseTopic()
	rt.Topic = "orders"
	rp := kmsg.NewProduceResponseTopicPartition()
	rp.BaseOffset = firstOffset
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	return framed(q, 9), answered(r, 9, true)
}

func dialRig(t testing.TB, r *rig) net.Conn {
	nc, err := net.DialTimeout("tcp", r.addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// firstOffset stands in canned frames where offsets are, so that they can be found.
const firstOffset = 0x0102030405060708

// offsetsIn returns where in a frame n offsets stand that are ten apart.
func offsetsIn(frame []byte, n int) (at []int) {
	var b [8]byte
	for i := range n {
		binary.BigEndian.PutUint64(b[:], uint64(firstOffset+10*i))
		at = append(at, bytes.Index(frame, b[:]))
	}
	return at
}

// setOffsets puts offsets ten apart, from first on, at those places.
func setOffsets(frame []byte, at []int, first int64) {
	for i, k := range at {
		binary.BigEndian.PutUint64(frame[k:], uint64(first+int64(10*i)))
	}
}
