package journal

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"time"
)

// This file is the form of figures in the flight recorder's notes: int64 after int64, and the digest's running state.

// figuresSize is the room that a flow's note needs: 16 numbers, and what crypto/sha256 says of itself.
const figuresSize = 16*8 + 108

// Bits of the last number.
const (
	figEstimated int64 = 1 << iota
	figPartial
	figRetried
	figDigest
)

var errFigures = errors.New("figures in the flight recorder that are not whole")

func appendNumbers(b []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// takeNumbers reads n numbers.
func takeNumbers(b []byte, n int) (numbers []int64, rest []byte, err error) {
	if len(b) < 8*n {
		return nil, nil, errFigures
	}
	for i := range n {
		numbers = append(numbers, int64(binary.LittleEndian.Uint64(b[8*i:])))
	}
	return numbers, b[8*n:], nil
}

func bit[T int64 | uint32](is bool, b T) T {
	if is {
		return b
	}
	return 0
}

// unixNano is 0 for no time.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromUnixNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

func (t *totals) appendFigures(b []byte, throttle int32) []byte {
	bits := bit(t.estimated, figEstimated) | bit(t.partial, figPartial) | bit(t.retried, figRetried) | bit(t.digest.any, figDigest)
	b = appendNumbers(b, unixNano(t.start), unixNano(t.end), t.requests, t.requested, t.first, t.last, t.messages, t.batches,
		t.control, t.bytes, t.cutBatches, t.cutBytes, t.cutLast, int64(throttle), bits)
	return t.digest.appendState(b)
}

func (t *totals) readFigures(b []byte) (throttle int32, err error) {
	n, rest, err := takeNumbers(b, 15)
	if err != nil {
		return 0, err
	}
	t.start, t.end = fromUnixNano(n[0]), fromUnixNano(n[1])
	t.requests, t.requested, t.first, t.last, t.messages, t.batches = n[2], n[3], n[4], n[5], n[6], n[7]
	t.control, t.bytes, t.cutBatches, t.cutBytes, t.cutLast = n[8], n[9], n[10], n[11], n[12]
	t.estimated, t.partial, t.retried = n[14]&figEstimated != 0, n[14]&figPartial != 0, n[14]&figRetried != 0
	if n[14]&figDigest != 0 {
		err = t.digest.readState(rest)
	}
	return int32(n[13]), err
}

// appendState appends what a digest needs to go on elsewhere, nothing if nothing was added to it.
func (d *digest) appendState(b []byte) []byte {
	if !d.any {
		return b
	}
	d.flush()
	b, err := d.hash.(encoding.BinaryAppender).AppendBinary(b)
	if err != nil {
		panic(err) // crypto/sha256 gives none
	}
	return b
}

func (d *digest) readState(b []byte) error {
	d.hash, d.n, d.any = sha256.New(), 0, true
	if err := d.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
		return errFigures
	}
	return nil
}
