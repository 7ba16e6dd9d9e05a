package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions that the raw clients speak. A Fetch of version 16 is what clients of today send: it names topics by id, and
// broker endpoints may stand behind the records of its answer (KIP-951). The last Produce that names topics is enough:
// what came later changed nothing that a proxy has to do.
const (
	produceVersion  = 9
	fetchVersion    = 16
	metadataVersion = 12 // tells topic ids
)

// messageSize is about what one message of a batch has, in bytes.
const messageSize = 1024

// pingBatch is the size of a batch of one short message, pingBatches how many of them there are.
const (
	pingBatch   = 140
	pingBatches = 4000
)

const batchHead = 61 // bytes before the records of a batch

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A layout is the shape of a topic that the bench has filled: batches of one size and one number of messages, so that
// an offset tells the position in the log, and the bytes of an answer how far a reader has come.
type layout struct {
	batch   int // bytes of a batch, its header included
	records int // messages in a batch
}

// layoutOf returns the layout of batches of size bytes.
func layoutOf(size int) layout {
	return layout{batch: size, records: max(1, (size-batchHead)/(messageSize+16))}
}

// newBatch makes an uncompressed batch of exactly the layout's size with valid messages, base offset 0. The payload
// does not compress: whoever compresses on the way would be seen.
func (l layout) newBatch(now time.Time) ([]byte, error) {
	noise := make([]byte, l.batch)
	x := uint32(2463534242) // xorshift, the same noise each time
	for i := range noise {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	b := make([]byte, batchHead, l.batch)
	left := l.batch - batchHead
	for i := range l.records {
		if i == l.records-1 {
			last, err := exactRecord(int32(i), noise, left)
			if err != nil {
				return nil, err
			}
			b = append(b, last...)
			break
		}
		r := appendRecord(nil, int32(i), nil, noise[:messageSize])
		b, left = append(b, r...), left-len(r)
	}
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[12:], 0xffffffff) // leader epoch: not known
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(l.records-1))
	binary.BigEndian.PutUint64(b[27:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(b[35:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(b[43:], ^uint64(0)) // no producer id, epoch, sequence
	binary.BigEndian.PutUint16(b[51:], 0xffff)
	binary.BigEndian.PutUint32(b[53:], 0xffffffff)
	binary.BigEndian.PutUint32(b[57:], uint32(l.records))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b, nil
}

// exactRecord makes a record of exactly size bytes. Its lengths are varints, so that not every size can be had with a
// value alone: a key fills the gap.
func exactRecord(delta int32, noise []byte, size int) ([]byte, error) {
	for key := range 4 {
		for value := size - 8 - key; value >= max(0, size-24-key); value-- {
			if r := appendRecord(nil, delta, noise[:key], noise[:value]); len(r) == size {
				return r, nil
			}
		}
	}
	return nil, fmt.Errorf("no record has %d bytes", size)
}

func appendRecord(dst []byte, delta int32, key, value []byte) []byte {
	body := []byte{0, 0} // attributes, timestamp delta
	body = binary.AppendVarint(body, int64(delta))
	if key == nil {
		body = binary.AppendVarint(body, -1)
	} else {
		body = append(binary.AppendVarint(body, int64(len(key))), key...)
	}
	body = append(binary.AppendVarint(body, int64(len(value))), value...)
	body = append(body, 0) // headers
	return append(binary.AppendVarint(dst, int64(len(body))), body...)
}

// frame returns a request as it goes over the wire, length first. Its correlation id is 1.
func frame(r kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("doorkeeper-bench")).AppendRequest(nil, r, 1)
}

// produceFrame asks a broker to append one batch. Every client sends the same bytes again and again.
func produceFrame(topic string, batch []byte) []byte {
	r := kmsg.NewPtrProduceRequest()
	r.SetVersion(produceVersion)
	r.Acks, r.TimeoutMillis = 1, 30000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return frame(r)
}

// A fetchFrame is a Fetch request whose offset is written in place before each use.
type fetchFrame struct {
	bytes []byte
	at    int // of the offset
}

// newFetchFrame asks for partition 0 of a topic, up to most bytes, without a fetch session.
func newFetchFrame(topic [16]byte, most int) (*fetchFrame, error) {
	const marker = 0x1122334455667788
	r := kmsg.NewPtrFetchRequest()
	r.SetVersion(fetchVersion)
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes = 500, 1, int32(most)
	r.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.TopicID = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = marker, int32(most)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	f := &fetchFrame{bytes: frame(r)}
	if f.at = bytes.Index(f.bytes, binary.BigEndian.AppendUint64(nil, marker)); f.at < 0 {
		return nil, errors.New("the offset is not in the frame")
	}
	return f, nil
}

// from sets the offset.
func (f *fetchFrame) from(offset int64) []byte {
	binary.BigEndian.PutUint64(f.bytes[f.at:], uint64(offset))
	return f.bytes
}

// fetchHeadMost bytes of a response hold all that stands before the records.
const fetchHeadMost = 128

// A fetchHead is what stands before the records of a Fetch response with one partition.
type fetchHead struct {
	size      int // of it, the frame's length included
	frame     int // bytes of the whole frame, its length included
	code      int16
	watermark int64
	records   int // bytes of records
}

var errShort = errors.New("more bytes are needed")

// parseFetchHead reads it from the first bytes of a response; errShort: there are too few.
func parseFetchHead(p []byte) (h fetchHead, err error) {
	d := decoder{p: p}
	h.frame = int(d.uint(4)) + 4
	d.skip(4) // correlation id
	d.tags()
	d.skip(4) // throttle
	h.code = int16(d.uint(2))
	d.skip(4) // session
	if topics := d.uvarint(); d.err == nil && topics != 2 {
		return h, fmt.Errorf("a Fetch response with %d topics and error %d", int64(topics)-1, h.code)
	}
	d.skip(16) // topic id
	if partitions := d.uvarint(); d.err == nil && partitions != 2 {
		return h, fmt.Errorf("a Fetch response with %d partitions", int64(partitions)-1)
	}
	d.skip(4) // partition
	if code := int16(d.uint(2)); code != 0 {
		h.code = code
	}
	h.watermark = int64(d.uint(8))
	d.skip(16) // last stable offset, log start offset
	if aborted := d.uvarint(); d.err == nil && aborted > 1 {
		return h, errors.New("a Fetch response with aborted transactions")
	}
	d.skip(4) // preferred replica
	h.records = int(d.uvarint()) - 1
	h.size = d.at
	return h, d.err
}

// A decoder reads Kafka's primitive types; its first error stays.
type decoder struct {
	p   []byte
	at  int
	err error
}

func (d *decoder) skip(n int) {
	if d.err == nil && (n < 0 || len(d.p)-d.at < n) {
		d.err = errShort
	}
	if d.err == nil {
		d.at += n
	}
}

func (d *decoder) uint(n int) (v uint64) {
	from := d.at
	if d.skip(n); d.err != nil {
		return 0
	}
	for _, b := range d.p[from:d.at] {
		v = v<<8 | uint64(b)
	}
	return v
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.p[d.at:])
	if n <= 0 {
		d.err = errShort
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) tags() {
	for range d.uvarint() {
		d.uvarint()
		d.skip(int(d.uvarint()))
	}
}
