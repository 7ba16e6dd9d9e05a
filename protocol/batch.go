package protocol

// Sizes of record batch parts, in bytes (Kafka message format v2, KIP-98).
const (
	BatchOverhead   = 12 // baseOffset int64 and batchLength int32, not counted by batchLength
	BatchHeaderSize = 61 // up to and including the record count, magic 2
	BatchCutSize    = 27 // from here on a cut batch shows its last offset
)

// Bits of Batch.Attributes (magic 2).
const (
	AttrCompression   = 0x07
	AttrLogAppendTime = 0x08
	AttrTransactional = 0x10
	AttrControl       = 0x20
	AttrDeleteHorizon = 0x40
)

// A Batch is what the header of one record batch says, or of one entry of the old formats (magic 0 and 1).
//
// Length is the whole batch in bytes as its own length field declares it, the 12 bytes before that count included.
// Have is how many of them stand in the record set: less than Length where the broker cut the batch at its byte
// limit, and then Cut is set. Of a header that is cut itself only those fields hold that came whole: HasBase and HasLast
// say it of the offsets, Length is 0 when fewer than 12 bytes came, Magic -1 when fewer than 17 came, Records 0; the
// producer's fields, LeaderEpoch and MaxTimestamp are -1.
type Batch struct {
	BaseOffset  int64
	Length      int64
	Have        int64
	LastOffset  int64 // valid if HasLast
	Records     int32 // magic 2: the record count; magic 0 and 1: 1, or 0 for a compressed wrapper (unknown)
	LeaderEpoch int32 // -1 for magic 0 and 1
	CRC         uint32
	Attributes  int16

	ProducerID    int64 // -1 if none
	ProducerEpoch int16
	BaseSequence  int32

	MaxTimestamp int64 // milliseconds since 1970, -1 if none

	Magic     int8
	HasLast   bool // LastOffset is known
	HasBase   bool // BaseOffset is known (false: under 8 bytes came)
	Cut       bool // Have < Length, or not even the length came
	Estimated bool // magic 0 or 1 compressed wrapper: BaseOffset is not on the wire; only LastOffset is exact
}

// Control says whether the batch holds control records (transaction markers): no data of an application.
func (b *Batch) Control() bool { return b.Magic >= 2 && b.Attributes&AttrControl != 0 }

// Transactional says whether the batch belongs to a transaction.
func (b *Batch) Transactional() bool { return b.Magic >= 2 && b.Attributes&AttrTransactional != 0 }
