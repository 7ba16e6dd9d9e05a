package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"doorkeeper/journal/store"
)

// Streams of a journal, in the order in which their folders are read.
var streams = [...]string{"access", "control"}

// What a segment consists of (journal/store has its format). Frames are read here in a way of their own: the store goes on
// behind what does not check, and a verifier has to say what it is.
const (
	headerSize = store.HeaderSize
	frameHead  = 8 // length of the payload u32, CRC-32C of it
	footerSize = store.FooterSize
	footerMark = 0xFFFFFFFF // in place of a length
	maxPayload = store.MaxPayload
)

// The ends of a segment's name. A spare that has a header is an open one that was not renamed yet.
const (
	sealedEnd = ".seg"
	openEnd   = ".open"
	fencedEnd = ".fenced"
	spareEnd  = ".spare"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentName is the name of a stream's file, without its end.
func segmentName(first int64) string { return fmt.Sprintf("%020d", first) }

// parseSegmentName reads a file's name; ok is false for files that are no segments.
func parseSegmentName(name string) (first int64, end string, ok bool) {
	end = filepath.Ext(name)
	if end != sealedEnd && end != openEnd && end != fencedEnd {
		return 0, "", false
	}
	digits := strings.TrimSuffix(name, end)
	first, err := strconv.ParseInt(digits, 10, 64)
	return first, end, err == nil && first > 0 && segmentName(first) == digits
}

// A header is what stands in front of a segment.
type header struct {
	stream  string
	journal string
	first   int64
}

func parseHeader(b []byte) (header, error) {
	h, err := store.ParseHeader(b)
	if err != nil {
		return header{}, err
	}
	return header{stream: h.Stream.String(), journal: ulid.ULID(h.Journal).String(), first: h.First}, nil
}

// A footer ends a sealed segment. It is an index: what it says is compared with what is there.
type footer struct{ count, first, last int64 }

// A frame is one record in a segment.
type frame struct {
	at      int64  // where in the file it begins
	payload []byte // until the next call of next
	sound   bool   // its checksum matches, and only zeros fill it up
}

// How a segment ends. Every other error of next is damage.
var (
	errEnd    = errors.New("there is no further record")
	errFooter = errors.New("the segment is sealed")
)

// frames reads a segment's frames one after the other. A file is read in pieces, never mapped: one that is cut while it
// is read would kill the process.
type frames struct {
	r      io.ReaderAt
	at     int64 // where the next frame begins
	buf    []byte
	base   int64 // where in the file buf begins
	footer footer
}

const piece = 256 << 10

func newFrames(r io.ReaderAt) *frames { return &frames{r: r, at: headerSize} }

// peek returns n bytes at the next frame, fewer at the file's end.
func (f *frames) peek(n int) ([]byte, error) {
	from := f.at - f.base
	if from >= 0 && from+int64(n) <= int64(len(f.buf)) {
		return f.buf[from : from+int64(n)], nil
	}
	f.base = f.at
	want := max(n, piece)
	if cap(f.buf) < want {
		f.buf = make([]byte, want)
	}
	f.buf = f.buf[:want]
	got, err := f.r.ReadAt(f.buf, f.at)
	f.buf = f.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return f.buf[:min(n, got)], nil
}

// again forgets what was read, so that what was written since is seen.
func (f *frames) again() { f.buf = f.buf[:0] }

// next returns the next frame, errEnd, errFooter, or what makes it impossible to read on. After errEnd it may be called
// again: something may have come.
func (f *frames) next() (frame, error) {
	head, err := f.peek(frameHead)
	if err != nil {
		return frame{}, err
	}
	if len(head) < frameHead {
		f.again()
		return frame{}, errEnd
	}
	length := binary.LittleEndian.Uint32(head)
	switch {
	case length == 0:
		f.again()
		return frame{}, errEnd
	case length == footerMark:
		return frame{}, f.readFooter()
	case length > maxPayload:
		return frame{}, fmt.Errorf("a record of %d bytes: longer than any can be", length)
	}
	size := int(frameHead+length+7) &^ 7
	b, err := f.peek(size)
	if err != nil {
		return frame{}, err
	}
	if len(b) < size {
		f.again()
		return frame{}, fmt.Errorf("a record of %d bytes, of which the file has %d", length, max(len(b)-frameHead, 0))
	}
	r := frame{at: f.at, payload: b[frameHead : frameHead+length]}
	r.sound = binary.LittleEndian.Uint32(b[4:]) == crc32.Checksum(r.payload, castagnoli) && zero(b[frameHead+length:])
	f.at += int64(size)
	return r, nil
}

func (f *frames) readFooter() error {
	b, err := f.peek(footerSize)
	if err != nil {
		return err
	}
	x, err := store.ParseFooter(b)
	if err != nil || !zero(b[48:]) {
		return errors.New("a footer whose checksum does not match")
	}
	f.footer = footer{x.Count, x.First, x.Last}
	f.at += footerSize
	return errFooter
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// Fields of the record that are looked at without decoding it all.
const (
	fieldKind      = 5
	fieldOperation = 6
)

// seqOf is the seq of a record's protobuf, 0 if there is none.
func seqOf(payload []byte) int64 {
	seq, _ := store.SeqOf(payload)
	return seq
}
