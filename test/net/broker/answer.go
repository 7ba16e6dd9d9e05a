package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Versions of Fetch that are served: the last that names topics, and the first that has their ids.
const (
	FetchByName = 12
	FetchByID   = 13
)

// An Answer is a whole Fetch response, length bytes included, none of it in memory: the truth for the broker that sends
// it and for the client that checks it.
type Answer struct {
	Topic *Topic
	First int64 // the first batch
	Bytes int64 // of records: the last batch may be cut, as Kafka cuts it at the byte limit
	head  []byte
}

// answerTail is the empty tags of partition, topic and response.
var answerTail = []byte{0, 0, 0}

// Answer is what a Fetch from offset on with at most most bytes is answered with: at least one batch, if there is one.
func (t *Topic) Answer(version int16, correlation int32, offset, most int64) *Answer {
	a := &Answer{Topic: t, First: offset / int64(t.Records)}
	a.Bytes = max(0, min(max(most, int64(t.Batch)), (t.Count-a.First)*int64(t.Batch)))
	h := make([]byte, 4, 128)
	h = binary.BigEndian.AppendUint32(h, uint32(correlation))
	h = append(h, 0)                     // tags of the header
	h = append(h, make([]byte, 10)...)   // throttle, error, session
	if h = append(h, 2); version >= 13 { // one topic
		h = append(h, t.ID[:]...)
	} else {
		h = append(append(h, byte(len(t.Name)+1)), t.Name...)
	}
	h = append(h, 2)                  // one partition
	h = append(h, make([]byte, 6)...) // number, error
	for _, offset := range []int64{t.End(), t.End(), 0} {
		h = binary.BigEndian.AppendUint64(h, uint64(offset)) // high watermark, last stable offset, log start
	}
	h = append(h, 0)                                 // aborted transactions: null
	h = binary.BigEndian.AppendUint32(h, ^uint32(0)) // preferred replica: none
	a.head = binary.AppendUvarint(h, uint64(a.Bytes)+1)
	binary.BigEndian.PutUint32(a.head, uint32(a.Len()-4))
	return a
}

// Len is the size of the whole frame in bytes.
func (a *Answer) Len() int64 { return int64(len(a.head)) + a.Bytes + int64(len(answerTail)) }

// Whole is the number of batches that are there whole.
func (a *Answer) Whole() int64 { return a.Bytes / int64(a.Topic.Batch) }

// Cut is how many bytes there are of the batch that was cut.
func (a *Answer) Cut() int64 { return a.Bytes % int64(a.Topic.Batch) }

// Next is the offset behind the last whole batch.
func (a *Answer) Next() int64 { return (a.First + a.Whole()) * int64(a.Topic.Records) }

// Reached says how many batches had at least one byte in the frame's first n bytes, and how many were there whole.
func (a *Answer) Reached(n int64) (begun, whole int64) {
	n = min(max(0, n-int64(len(a.head))), a.Bytes)
	size := int64(a.Topic.Batch)
	return (n + size - 1) / size, n / size
}

// part is the longest run of bytes from at on that lies in one place.
func (a *Answer) part(at int64) []byte {
	if at < int64(len(a.head)) {
		return a.head[at:]
	}
	at -= int64(len(a.head))
	if at >= a.Bytes {
		return answerTail[at-a.Bytes:]
	}
	batch, in := a.First+at/int64(a.Topic.Batch), at%int64(a.Topic.Batch)
	var p []byte
	if in < 8 {
		p = a.Topic.base(batch)[in:]
	} else {
		p = a.Topic.content(batch)[in:]
	}
	return p[:min(int64(len(p)), a.Bytes-at)]
}

// Parts are the frame's bytes from at on, up to about most bytes.
func (a *Answer) Parts(at int64, most int) (parts [][]byte) {
	for at < a.Len() && most > 0 {
		p := a.part(at)
		parts = append(parts, p)
		at += int64(len(p))
		most -= len(p)
	}
	return parts
}

// Check compares p with the frame's bytes from at on.
func (a *Answer) Check(at int64, p []byte) error {
	for len(p) > 0 {
		if at >= a.Len() {
			return fmt.Errorf("%s: %d bytes behind the answer's end", a.Topic.Name, len(p))
		}
		want := a.part(at)
		n := min(len(want), len(p))
		if !bytes.Equal(p[:n], want[:n]) {
			i := 0
			for p[i] == want[i] {
				i++
			}
			return fmt.Errorf("%s: byte %d of an answer of %d is %#x, not %#x", a.Topic.Name, at+int64(i), a.Len(), p[i], want[i])
		}
		p, at = p[n:], at+int64(n)
	}
	return nil
}
