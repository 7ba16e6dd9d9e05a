package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Sizes of what a segment consists of.
const (
	HeaderSize = 64
	FooterSize = 80
	frameHead  = 8

	// MaxPayload bounds one record. A length beyond it in a file is damage.
	MaxPayload = 16 << 20

	// MaxSeq is far beyond what any journal comes to: a larger number in a file is damage, not the place to go on from.
	MaxSeq = 1 << 60
)

const (
	formatVersion = 1
	footerMark    = 0xFFFFFFFF // in place of a frame's length
	seqField      = 3          // of the record's protobuf
	seqTag        = seqField<<3 | byte(protowire.VarintType)
)

var magic = [4]byte{'D', 'K', 'J', '1'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Stream is one of the journal's two: they share the numbers and are read as one, but differ in who may remove them.
type Stream uint8

// Access holds what was allowed to pass; it is evicted when the disk is full. Control holds control, finding, gap, authn
// and whatever was denied or refused; only its age removes it.
const (
	Access Stream = iota
	Control
	streams
)

func (s Stream) String() string {
	if s == Control {
		return "control"
	}
	return "access"
}

// A Header opens a segment.
//
//	0   magic "DKJ1"
//	4   version u8, stream u8, zero u16
//	8   journal, 16 bytes
//	24  first seq u64
//	32  created, unix ns u64
//	40  zero, 20 bytes
//	60  CRC-32C of the 60 bytes before
type Header struct {
	Stream  Stream
	Journal [16]byte
	First   int64
	Created time.Time
}

func (h *Header) append(b []byte) []byte {
	from := len(b)
	b = append(b, magic[:]...)
	b = append(b, formatVersion, byte(h.Stream), 0, 0)
	b = append(b, h.Journal[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.First))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Created.UnixNano()))
	b = append(b, make([]byte, 20)...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// ParseHeader reads a segment's first HeaderSize bytes.
func ParseHeader(b []byte) (Header, error) {
	switch {
	case len(b) < HeaderSize:
		return Header{}, errors.New("too short for a header")
	case [4]byte(b[:4]) != magic:
		return Header{}, errors.New("not a segment: no DKJ1 at its beginning")
	case binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli):
		return Header{}, errors.New("the header's checksum does not match")
	case b[4] != formatVersion:
		return Header{}, errors.New("a version of the format that this program does not know")
	case Stream(b[5]) >= streams:
		return Header{}, errors.New("a stream that this program does not know")
	}
	h := Header{
		Stream: Stream(b[5]), Journal: [16]byte(b[8:24]), First: int64(binary.LittleEndian.Uint64(b[24:])),
		Created: time.Unix(0, int64(binary.LittleEndian.Uint64(b[32:]))),
	}
	if h.First <= 0 || h.First > MaxSeq {
		return Header{}, errors.New("the header's first seq is not one")
	}
	return h, nil
}

// A Footer ends a sealed segment. It is an index, not evidence: everything in it follows from the frames, but for the
// times, which are those of the first frame and of the sealing.
//
//	0   0xFFFFFFFF
//	4   CRC-32C of what follows
//	8   count u64, first seq u64, last seq u64
//	32  first time, last time, unix ns u64
//	48  zero, 32 bytes
type Footer struct {
	Count, First, Last  int64
	FirstTime, LastTime time.Time
}

func (f *Footer) append(b []byte) []byte {
	body := make([]byte, 0, FooterSize-8)
	for _, n := range []int64{f.Count, f.First, f.Last, f.FirstTime.UnixNano(), f.LastTime.UnixNano()} {
		body = binary.LittleEndian.AppendUint64(body, uint64(n))
	}
	body = body[:FooterSize-8]
	b = binary.LittleEndian.AppendUint32(b, footerMark)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

// ParseFooter reads a sealed segment's last FooterSize bytes.
func ParseFooter(b []byte) (Footer, error) {
	if len(b) < FooterSize || binary.LittleEndian.Uint32(b) != footerMark {
		return Footer{}, errors.New("no footer")
	}
	body := b[8:FooterSize]
	if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(body, castagnoli) {
		return Footer{}, errors.New("the footer's checksum does not match")
	}
	n := func(i int) int64 { return int64(binary.LittleEndian.Uint64(body[8*i:])) }
	return Footer{n(0), n(1), n(2), time.Unix(0, n(3)), time.Unix(0, n(4))}, nil
}

// A frame begins on a multiple of 8:
//
//	0  length of the payload u32, never 0; stored last, so that 0 is the end so far
//	4  CRC-32C of the payload u32
//	8  payload, zeros up to a multiple of 8
func frameSize(payload int) int64 { return int64(frameHead+payload+7) &^ 7 }

// AppendSeq appends a record's seq as a payload begins with it: the protobuf field, in front of all others, so that
// whoever reads a frame knows its number without decoding it.
func AppendSeq(payload []byte, seq int64) []byte {
	return protowire.AppendVarint(append(payload, seqTag), uint64(seq))
}

// SeqOf is the seq in a payload. Where it does not stand in front it is searched for.
func SeqOf(payload []byte) (int64, bool) {
	if len(payload) > 1 && payload[0] == seqTag {
		seq, n := protowire.ConsumeVarint(payload[1:])
		return int64(seq), n > 0 && int64(seq) > 0
	}
	for len(payload) > 0 {
		number, kind, n := protowire.ConsumeTag(payload)
		if n < 0 {
			return 0, false
		}
		payload = payload[n:]
		if number == seqField && kind == protowire.VarintType {
			seq, n := protowire.ConsumeVarint(payload)
			return int64(seq), n > 0 && int64(seq) > 0
		}
		if n = protowire.ConsumeFieldValue(number, kind, payload); n < 0 {
			return 0, false
		}
		payload = payload[n:]
	}
	return 0, false
}
