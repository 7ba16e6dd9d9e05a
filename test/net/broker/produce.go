package broker

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ProduceVersion is the last that names topics. It is the only one that is parsed here.
const ProduceVersion = 9

// produce swallows a request, keeping no more of it than the names and its digest: hundreds may be half sent.
func (c *conn) produce(f *frameReader) error {
	if c.version != ProduceVersion {
		return errors.New("this Produce version is not served")
	}
	r := kmsg.NewPtrProduceResponse()
	f.discard(f.compact()) // transactional id
	acks := f.int16()
	f.int32() // timeout
	for range f.compact() {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = f.text(f.compact())
		for range f.compact() {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition = f.int32()
			f.discard(f.compact())
			f.tags()
			p.BaseOffset = c.next
			c.next++
			t.Partitions = append(t.Partitions, p)
		}
		f.tags()
		r.Topics = append(r.Topics, t)
	}
	f.tags()
	if f.err != nil {
		return f.err
	}
	if n, err := io.Copy(io.Discard, f); n > 0 || err != nil {
		return errors.New("bytes behind a Produce request")
	}
	c.b.mu.Lock()
	id := *c.client.Load()
	c.b.produced[id] = append(c.b.produced[id], Produced{f.n, [32]byte(f.sum.Sum(nil))})
	c.b.mu.Unlock()
	if acks == 0 {
		return nil
	}
	return c.send(r)
}

// A frameReader reads the parts of one request and sums up what passes. After an error everything is zero.
type frameReader struct {
	r   io.Reader
	sum hash.Hash
	n   int64
	err error
}

func (f *frameReader) begin() { f.sum = sha256.New() }

// Read implements io.Reader.
func (f *frameReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.sum.Write(p[:n])
	f.n += int64(n)
	return n, err
}

func (f *frameReader) take(n int) []byte {
	p := make([]byte, n)
	if f.err == nil {
		_, f.err = io.ReadFull(f, p)
	}
	if f.err != nil {
		clear(p)
	}
	return p
}

func (f *frameReader) int16() int16 { return int16(binary.BigEndian.Uint16(f.take(2))) }
func (f *frameReader) int32() int32 { return int32(binary.BigEndian.Uint32(f.take(4))) }

const longestText = 1 << 15

func (f *frameReader) text(n int) string {
	if n > longestText {
		f.err = bufio.ErrTooLong
	}
	if n <= 0 || f.err != nil {
		return ""
	}
	return string(f.take(n))
}

// ReadByte implements io.ByteReader.
func (f *frameReader) ReadByte() (byte, error) { return f.take(1)[0], f.err }

func (f *frameReader) uvarint() int {
	v, err := binary.ReadUvarint(f)
	if f.err == nil {
		f.err = err
	}
	if f.err != nil {
		return 0
	}
	return int(v)
}

// compact is a compact length: 0 for null, too.
func (f *frameReader) compact() int { return max(f.uvarint()-1, 0) }

func (f *frameReader) discard(n int) {
	if f.err == nil {
		_, f.err = io.CopyN(io.Discard, f, int64(n))
	}
}

func (f *frameReader) tags() {
	for range f.uvarint() {
		f.uvarint()
		f.discard(f.uvarint())
	}
}
