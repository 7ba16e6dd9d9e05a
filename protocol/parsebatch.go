package protocol

import (
	"encoding/binary"
	"math"
)

// Sizes of an entry of the old formats up to its attributes (magic 0) or timestamp (magic 1), and the least that
// either may have in all, key and value length included. Byte 16 is the magic in every format.
const (
	magicAt      = 16
	headerSizeV0 = 18
	headerSizeV1 = 26
	leastSizeV0  = BatchOverhead + 14
	leastSizeV1  = BatchOverhead + 22
	leastSizeV2  = BatchHeaderSize
)

// parse reads the batch header at the start of p, of a record set that has rec bytes from there on (rec > 0). It
// returns how many bytes the header takes, or how many of p it needs to see (more than there are), or what is wrong.
//
// The broker cuts a record set at its byte limit, in the middle of a header too: what came of it is then all that b
// says, and the header takes the whole rest.
func (b *Batch) parse(p []byte, rec int64) (size, need int, bad Reason) {
	if len(p) >= BatchHeaderSize && rec >= BatchHeaderSize && p[magicAt] == 2 {
		return BatchHeaderSize, 0, b.parseV2(p[:BatchHeaderSize], rec)
	}
	have := int(min(rec, BatchHeaderSize))
	if need = min(have, magicAt+1); len(p) < need {
		return 0, need, 0
	}
	if have > magicAt {
		switch p[magicAt] {
		case 0:
			have = min(have, headerSizeV0)
		case 1:
			have = min(have, headerSizeV1)
		case 2:
		default:
			return 0, 0, BadMagic
		}
		if len(p) < have {
			return 0, have, 0
		}
	}
	bad = b.parseCut(p[:have], rec)
	return have, 0, bad
}

// parseV2 reads a whole header of format 2. Field by field: a composite would be built aside and copied, in the one
// place that runs for every batch.
func (b *Batch) parseV2(p []byte, rec int64) Reason {
	_ = p[BatchHeaderSize-1]
	length := int64(int32(binary.BigEndian.Uint32(p[8:]))) + BatchOverhead
	delta := int64(int32(binary.BigEndian.Uint32(p[23:])))
	base := int64(binary.BigEndian.Uint64(p))
	b.BaseOffset = base
	b.LastOffset = base + delta
	b.Length = length
	b.Have = min(length, rec)
	b.LeaderEpoch = int32(binary.BigEndian.Uint32(p[12:]))
	b.Magic = 2
	b.CRC = binary.BigEndian.Uint32(p[17:])
	b.Attributes = int16(binary.BigEndian.Uint16(p[21:]))
	b.MaxTimestamp = int64(binary.BigEndian.Uint64(p[35:]))
	b.ProducerID = int64(binary.BigEndian.Uint64(p[43:]))
	b.ProducerEpoch = int16(binary.BigEndian.Uint16(p[51:]))
	b.BaseSequence = int32(binary.BigEndian.Uint32(p[53:]))
	b.Records = int32(binary.BigEndian.Uint32(p[57:]))
	b.HasBase, b.HasLast, b.Cut, b.Estimated = true, true, length > rec, false
	if length < leastSizeV2 || delta < 0 || b.Records < 0 || b.LastOffset < base {
		return BadBatch
	}
	return 0
}

// parseCut reads what there is of a header: less than 61 bytes of format 2, or an entry of an old one. The caller has
// looked at the magic.
func (b *Batch) parseCut(p []byte, rec int64) Reason {
	*b = Batch{Have: rec, Cut: true, Magic: -1, LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, MaxTimestamp: -1}
	n := len(p)
	if n < 8 {
		return 0
	}
	b.HasBase, b.BaseOffset = true, int64(binary.BigEndian.Uint64(p))
	if n < BatchOverhead {
		return 0
	}
	b.Length = int64(int32(binary.BigEndian.Uint32(p[8:]))) + BatchOverhead
	b.Have, b.Cut = min(b.Length, rec), b.Length > rec
	if b.Length < leastSizeV0 || n <= magicAt && !b.Cut {
		return BadBatch
	}
	if n <= magicAt {
		return 0
	}
	if b.Magic = int8(p[magicAt]); b.Magic < 2 {
		return b.parseOld(p)
	}
	return b.parseCutV2(p)
}

// parseCutV2 reads the fields of format 2 that came whole, behind the magic.
func (b *Batch) parseCutV2(p []byte) Reason {
	if b.Length < leastSizeV2 || !b.Cut {
		return BadBatch
	}
	b.LeaderEpoch = int32(binary.BigEndian.Uint32(p[12:]))
	if len(p) >= 21 {
		b.CRC = binary.BigEndian.Uint32(p[17:])
	}
	if len(p) >= 23 {
		b.Attributes = int16(binary.BigEndian.Uint16(p[21:]))
	}
	if len(p) >= BatchCutSize {
		delta := int32(binary.BigEndian.Uint32(p[23:]))
		if delta < 0 || b.BaseOffset > math.MaxInt64-int64(delta) {
			return BadBatch
		}
		b.HasLast, b.LastOffset = true, b.BaseOffset+int64(delta)
	}
	if len(p) >= 43 {
		b.MaxTimestamp = int64(binary.BigEndian.Uint64(p[35:]))
	}
	if len(p) >= 51 {
		b.ProducerID = int64(binary.BigEndian.Uint64(p[43:]))
	}
	if len(p) >= 53 {
		b.ProducerEpoch = int16(binary.BigEndian.Uint16(p[51:]))
	}
	if len(p) >= 57 {
		b.BaseSequence = int32(binary.BigEndian.Uint32(p[53:]))
	}
	return 0
}

// parseOld reads an entry of magic 0 or 1. A compressed one wraps others: its offset is the last one's, and neither
// the first offset nor how many there are is on the wire.
func (b *Batch) parseOld(p []byte) Reason {
	least := int64(leastSizeV0)
	if b.Magic == 1 {
		least = leastSizeV1
	}
	if b.Length < least {
		return BadBatch
	}
	b.CRC = binary.BigEndian.Uint32(p[12:])
	if len(p) < headerSizeV0 { // cut before the attributes: whether it wraps others is not known
		b.HasLast, b.LastOffset, b.Estimated = true, b.BaseOffset, true
		b.HasBase = false
		return 0
	}
	b.Attributes = int16(p[17])
	if len(p) >= headerSizeV1 && b.Magic == 1 {
		b.MaxTimestamp = int64(binary.BigEndian.Uint64(p[18:]))
	}
	b.HasLast, b.LastOffset = true, b.BaseOffset
	if b.Attributes&AttrCompression != 0 {
		b.Estimated, b.HasBase = true, false
		return 0
	}
	b.Records = 1
	return 0
}
