// Package broker is a Kafka broker of a few topics, whose every byte follows from its name and offset: whoever reads
// from it, directly or through something, can tell each wrong byte, and count what it was given.
package broker

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

const (
	batchHead   = 61   // bytes before the records of a batch
	messageSize = 1024 // bytes of a message's value, the last of a batch excepted
	variants    = 7    // different payloads, in turn: a batch too many or too few is seen in its bytes as well
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Topic is one partition's log of equal batches.
type Topic struct {
	Name    string
	ID      [16]byte
	Batch   int   // bytes of a batch
	Records int   // messages in a batch
	Count   int64 // batches
	Last    bool  // the broker closes the connection after an answer with it
	payload [variants][]byte
}

// NewTopic makes a log of at least size bytes.
func NewTopic(name string, batch int, size int64) *Topic {
	t := &Topic{
		Name: name, Batch: batch, Records: max(1, (batch-batchHead)/(messageSize+16)),
		Count: max(1, (size+int64(batch)-1)/int64(batch)),
	}
	sum := sha256.Sum256([]byte(name))
	copy(t.ID[:], sum[:])
	for i := range t.payload {
		t.payload[i] = newBatch(batch, t.Records, noise(batch, uint32(i)+binary.BigEndian.Uint32(sum[:])|1))
	}
	return t
}

// KafkaID is the topic's id as Kafka prints it.
func (t *Topic) KafkaID() string { return base64.RawURLEncoding.EncodeToString(t.ID[:]) }

// End is the offset behind the last message.
func (t *Topic) End() int64 { return t.Count * int64(t.Records) }

func (t *Topic) base(batch int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(batch*int64(t.Records)))
}

func (t *Topic) content(batch int64) []byte { return t.payload[batch%variants] }

// Digest is an access record's batch_digest over n batches: SHA-256 over base offset and CRC-32C of each.
func (t *Topic) Digest(first, n int64) string {
	h := sha256.New()
	for i := first; i < first+n; i++ {
		h.Write(t.base(i))
		h.Write(t.content(i)[17:21])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// noise does not compress, and is the same each time.
func noise(n int, x uint32) []byte {
	p := make([]byte, n)
	for i := range p {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		p[i] = byte(x)
	}
	return p
}

// newBatch makes an uncompressed batch of exactly size bytes with valid messages and base offset 0.
func newBatch(size, records int, noise []byte) []byte {
	b := make([]byte, batchHead, size)
	for i := range records - 1 {
		b = appendRecord(b, int32(i), nil, noise[i:i+messageSize])
	}
	b = append(b, lastRecord(int32(records-1), noise, size-len(b))...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(records-1))
	binary.BigEndian.PutUint64(b[27:], 1_700_000_000_000)
	binary.BigEndian.PutUint64(b[35:], 1_700_000_000_000)
	copy(b[43:], slices.Repeat([]byte{0xff}, 14)) // no producer id, epoch, sequence
	binary.BigEndian.PutUint32(b[57:], uint32(records))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b
}

// lastRecord makes a record of exactly size bytes. Its lengths are varints, so that not every size can be had with a
// value alone: a key fills the gap.
func lastRecord(delta int32, noise []byte, size int) []byte {
	for key := range 4 {
		for value := size - 8 - key; value >= max(0, size-24-key); value-- {
			if r := appendRecord(nil, delta, noise[:key], noise[:value]); len(r) == size {
				return r
			}
		}
	}
	panic(fmt.Sprintf("broker: no record has %d bytes", size))
}

func appendRecord(dst []byte, delta int32, key, value []byte) []byte {
	body := []byte{0, 0} // attributes, timestamp delta
	body = binary.AppendVarint(body, int64(delta))
	body = append(binary.AppendVarint(body, int64(len(key))), key...)
	body = append(binary.AppendVarint(body, int64(len(value))), value...)
	body = append(body, 0) // headers
	return append(binary.AppendVarint(dst, int64(len(body))), body...)
}

// ProduceBatch is a batch for clients to send.
func (t *Topic) ProduceBatch() []byte { return slices.Clone(t.payload[0]) }
