package truth

import "encoding/binary"

// A Batch is one record batch, or one entry of the old formats, as it stood on the wire. This reader shares no code
// with the proxy's own.
type Batch struct {
	First, Last int64
	Messages    int32 // by the batch's own count
	Bytes       int64 // as its length field declares it, the 12 bytes before that count included
	Have        int64 // of them on the wire: fewer in a cut batch
	CRC         uint32
	Control     bool
	Cut         bool // by the broker at its byte limit
	HasLast     bool // of a cut batch: enough of it came to know Last
	Magic       int8
	Epoch       int32 // -1: none
	Compressed  bool

	ProducerID    int64
	ProducerEpoch int16
	Sequence      int32
}

// Offsets of fields in a batch of magic 2 (Kafka's message format; KIP-98), and in an old entry.
const (
	atLength    = 8
	atEpoch     = 12 // magic 2
	atOldCRC    = 12 // magic 0 and 1
	atMagic     = 16
	atCRC       = 17 // magic 2
	atOldAttrs  = 17 // magic 0 and 1, one byte
	atAttrs     = 21
	atLastDelta = 23
	atProducer  = 43
	atPEpoch    = 51
	atSequence  = 53
	atCount     = 57
	headerSize  = 61
)

// Batches reads a partition's records up to their end.
func Batches(p []byte) []Batch {
	var all []Batch
	for len(p) > 0 {
		b := readBatch(p)
		all = append(all, b)
		p = p[b.Have:]
	}
	return all
}

func readBatch(p []byte) Batch {
	b := Batch{Have: int64(len(p)), Magic: -1, Epoch: -1, ProducerID: -1, Cut: true}
	if len(p) >= 8 {
		b.First = int64(binary.BigEndian.Uint64(p))
	}
	if len(p) < 12 {
		return b
	}
	b.Bytes = 12 + int64(int32(binary.BigEndian.Uint32(p[atLength:])))
	if b.Bytes <= b.Have {
		b.Have, b.Cut = b.Bytes, false
	}
	p = p[:b.Have]
	if len(p) <= atMagic {
		return b
	}
	b.Magic = int8(p[atMagic])
	if b.Magic < 2 {
		readOld(&b, p)
		return b
	}
	b.Epoch = int32(binary.BigEndian.Uint32(p[atEpoch:]))
	if len(p) >= atLastDelta+4 {
		b.CRC = binary.BigEndian.Uint32(p[atCRC:])
		b.Control = binary.BigEndian.Uint16(p[atAttrs:])&0x20 != 0
		b.Last = b.First + int64(int32(binary.BigEndian.Uint32(p[atLastDelta:])))
		b.HasLast = true
	}
	if len(p) >= headerSize {
		b.ProducerID = int64(binary.BigEndian.Uint64(p[atProducer:]))
		b.ProducerEpoch = int16(binary.BigEndian.Uint16(p[atPEpoch:]))
		b.Sequence = int32(binary.BigEndian.Uint32(p[atSequence:]))
		b.Messages = int32(binary.BigEndian.Uint32(p[atCount:]))
	}
	return b
}

// readOld reads an entry of magic 0 or 1: its offset is its last one, whether it is a message or a compressed
// wrapper of several.
func readOld(b *Batch, p []byte) {
	b.CRC = binary.BigEndian.Uint32(p[atOldCRC:])
	b.Last, b.HasLast = b.First, true
	b.Messages = 1
	if len(p) > atOldAttrs && p[atOldAttrs]&0x07 != 0 {
		b.Compressed, b.Messages = true, 0
	}
}
