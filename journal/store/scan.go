package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// scanBuffer is how much of a file is read at a time.
const scanBuffer = 256 << 10

// A Frame is one record in a file.
type Frame struct {
	Offset  int64
	Seq     int64
	Payload []byte // until the next call
}

// Damage is a place in a segment where there should be a frame and is none.
type Damage struct {
	Path   string
	Offset int64
	Why    string
}

func (d *Damage) Error() string { return fmt.Sprintf("%s: at byte %d: %s", d.Path, d.Offset, d.Why) }

// A Scanner reads the frames of one segment, sealed or not, by itself: verify and recovery need no store. It believes
// nothing that the file says before it has checked it. A frame's seq is above the one before.
type Scanner struct {
	Header Header

	file *os.File
	size int64
	at   int64 // where the next frame begins
	last int64 // seq of the one before

	buf    []byte
	bufAt  int64
	ended  bool
	footer *Footer
	budget int64 // bytes that Resync may still check
}

// OpenSegment opens a file for reading and checks its header.
func OpenSegment(path string) (*Scanner, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Scanner{file: f, at: HeaderSize}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

func (c *Scanner) open() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	c.size = info.Size()
	c.budget = 4 * c.size
	head, err := c.bytes(0, HeaderSize)
	if err != nil {
		return err
	}
	if c.Header, err = ParseHeader(head); err != nil {
		return c.damage(0, err.Error())
	}
	c.last = c.Header.First - 1
	return nil
}

// Close closes the file.
func (c *Scanner) Close() error { return c.file.Close() }

// Footer is what a sealed segment says of itself, nil before Next has come to its end or where there is none.
func (c *Scanner) Footer() *Footer { return c.footer }

// Offset is where the next frame begins.
func (c *Scanner) Offset() int64 { return c.at }

func (c *Scanner) damage(at int64, why string) error { return &Damage{c.file.Name(), at, why} }

// bytes returns n bytes from an offset on, fewer at the file's end.
func (c *Scanner) bytes(at int64, n int) ([]byte, error) {
	if at >= c.bufAt && at+int64(n) <= c.bufAt+int64(len(c.buf)) {
		return c.buf[at-c.bufAt:][:n], nil
	}
	return c.fill(at, n)
}

func (c *Scanner) fill(at int64, n int) ([]byte, error) {
	want := max(n, scanBuffer)
	if cap(c.buf) < want {
		c.buf = make([]byte, want)
	}
	got, err := c.file.ReadAt(c.buf[:want], at)
	c.buf, c.bufAt = c.buf[:got], at
	if err != nil && !errors.Is(err, io.EOF) {
		c.buf = c.buf[:0]
		return nil, err
	}
	return c.buf[:min(n, got)], nil
}

// Next returns the next frame. io.EOF is the end: of a sealed segment for good, of one that is written the end so far. A
// *Damage says that there is no frame here; Resync looks for one behind.
func (c *Scanner) Next() (Frame, error) {
	if c.ended {
		return Frame{}, io.EOF
	}
	length, err := c.length()
	switch {
	case err != nil:
		return Frame{}, err
	case length == 0:
		return Frame{}, io.EOF
	case length == footerMark:
		return Frame{}, c.end()
	}
	f, why, err := c.frame(c.at, length)
	switch {
	case err != nil:
		return Frame{}, err
	case why != "":
		return Frame{}, c.damage(c.at, why)
	}
	c.at += frameSize(len(f.Payload))
	c.last = f.Seq
	return f, nil
}

// length is the word at the next frame's place, 0 at the file's end. A 0 that was read a while ago is read again: the
// segment may have grown.
func (c *Scanner) length() (uint32, error) {
	for fresh := false; ; fresh = true {
		from := c.bufAt
		b, err := c.bytes(c.at, frameHead)
		if err != nil {
			return 0, err
		}
		fresh = fresh || c.bufAt != from && c.bufAt == c.at
		if len(b) >= frameHead {
			if n := binary.LittleEndian.Uint32(b); n != 0 {
				return n, nil
			}
		}
		if fresh {
			return 0, nil
		}
		c.buf = c.buf[:0]
	}
}

// frame checks what stands at an offset. why says what is wrong with it.
func (c *Scanner) frame(at int64, length uint32) (f Frame, why string, err error) {
	if length > MaxPayload || at+frameHead+int64(length) > c.size {
		return f, "a length that cannot be", nil
	}
	b, err := c.bytes(at, frameHead+int(length))
	if err != nil {
		return f, "", err
	}
	if len(b) < frameHead+int(length) {
		return f, "the file ends within a frame", nil
	}
	payload := b[frameHead:]
	if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(payload, castagnoli) {
		return f, "the checksum of the frame does not match", nil
	}
	seq, ok := SeqOf(payload)
	if !ok || seq <= c.last || seq > MaxSeq {
		return f, "a frame whose seq does not follow", nil
	}
	return Frame{at, seq, payload}, "", nil
}

// end reads the footer.
func (c *Scanner) end() error {
	b, err := c.bytes(c.at, FooterSize)
	if err != nil {
		return err
	}
	footer, err := ParseFooter(b)
	if err != nil {
		return c.damage(c.at, err.Error())
	}
	c.footer, c.ended = &footer, true
	return io.EOF
}

// Resync goes on behind a damage, at the next place where a frame checks. It says false where there is none, or where a
// hostile file would make the search too long.
func (c *Scanner) Resync() bool {
	for at := c.at + 8; at+frameHead < c.size; at += 8 {
		b, err := c.bytes(at, frameHead)
		if err != nil || len(b) < frameHead {
			return false
		}
		length := binary.LittleEndian.Uint32(b)
		if length == 0 || length > MaxPayload || at+frameHead+int64(length) > c.size {
			continue
		}
		if c.budget -= int64(length); c.budget < 0 {
			return false
		}
		if _, why, err := c.frame(at, length); err == nil && why == "" {
			c.at = at
			return true
		}
	}
	return false
}

// Jump moves to a frame's place, as an index knows it.
func (c *Scanner) Jump(offset, seqBefore int64) { c.at, c.last, c.ended = offset, seqBefore, false }
