package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// digestBatch is what a batch adds to the digest: base offset (int64) and CRC-32C (uint32), big endian.
const digestBatch = 12

// A digest is SHA-256 over the batches in their order. It collects 16 batches, three blocks of the hash, before it
// hashes: calling the hash for each 12 bytes would cost more than the hashing.
type digest struct {
	hash hash.Hash
	buf  [16 * digestBatch]byte
	n    int
	any  bool
}

func (d *digest) add(base int64, crc uint32) {
	if d.n == len(d.buf) {
		d.flush()
	}
	binary.BigEndian.PutUint64(d.buf[d.n:], uint64(base))
	binary.BigEndian.PutUint32(d.buf[d.n+8:], crc)
	d.n += digestBatch
	d.any = true
}

func (d *digest) flush() {
	if d.hash == nil {
		d.hash = sha256.New()
	}
	d.hash.Write(d.buf[:d.n])
	d.n = 0
}

// sum is the digest in hexadecimal, "" if no batch was added.
func (d *digest) sum() string {
	if !d.any {
		return ""
	}
	d.flush()
	var sum [sha256.Size]byte
	return hex.EncodeToString(d.hash.Sum(sum[:0]))
}

func (d *digest) reset() {
	if d.hash != nil {
		d.hash.Reset()
	}
	d.n, d.any = 0, false
}
