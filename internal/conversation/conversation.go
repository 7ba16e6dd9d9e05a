// Package conversation reads and writes recorded conversations: the bytes that one connection carried between a real
// client and a real broker, in the order in which they passed.
//
// A file is one connection: a header, which is one line of JSON, and then chunks up to the end of the file. A chunk is
// a direction byte ('C': from the client, 'B': from the broker), its length as a big-endian uint32, and that many
// bytes. Chunks are what one read of the recorder's socket returned: they begin and end anywhere in a Kafka frame.
package conversation

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Format is the first field of every header.
const Format = "doorkeeper-conversation/1"

// MaxChunk bounds a chunk's length in bytes; a longer one is a damaged file.
const MaxChunk = 64 << 20

// A Header says what the chunks behind it are.
type Header struct {
	Format   string    `json:"format"`
	Client   string    `json:"client"`             // "java", "librdkafka", "franz-go", "raw"
	Software string    `json:"software,omitempty"` // with its version, as the recording test knows it
	Scenario string    `json:"scenario"`           // what the client did
	Kafka    string    `json:"kafka"`              // the broker's version
	Security string    `json:"security"`           // PLAINTEXT or SASL_PLAINTEXT: the chunks are never TLS records
	Node     int32     `json:"node"`               // the broker's node id, -1 behind a bootstrap address
	Host     string    `json:"host"`               // the address in the broker's answers, by which clients reach it
	Port     int32     `json:"port"`
	Recorded time.Time `json:"recorded"`
}

// A Direction says who sent a chunk.
type Direction byte

// The two directions.
const (
	FromClient Direction = 'C'
	FromBroker Direction = 'B'
)

// A Chunk is bytes of one direction.
type Chunk struct {
	From Direction
	Data []byte
}

// A Conversation is one recorded connection.
type Conversation struct {
	Header Header
	Chunks []Chunk
}

// Stream returns all the bytes of one direction in a row.
func (c *Conversation) Stream(from Direction) []byte {
	var all []byte
	for _, chunk := range c.Chunks {
		if chunk.From == from {
			all = append(all, chunk.Data...)
		}
	}
	return all
}

// Open reads the file at path.
func Open(path string) (*Conversation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Read reads a conversation to the end of r.
func Read(r io.Reader) (*Conversation, error) {
	br := bufio.NewReader(r)
	line, err := br.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("conversation header: %w", noEOF(err))
	}
	c := new(Conversation)
	if err := json.Unmarshal(line, &c.Header); err != nil {
		return nil, fmt.Errorf("conversation header: %w", err)
	}
	if c.Header.Format != Format {
		return nil, fmt.Errorf("conversation header: format %q, want %q", c.Header.Format, Format)
	}
	for {
		chunk, err := readChunk(br)
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, fmt.Errorf("conversation chunk %d: %w", len(c.Chunks), err)
		}
		c.Chunks = append(c.Chunks, chunk)
	}
}

// readChunk returns io.EOF only in front of a chunk.
func readChunk(br *bufio.Reader) (Chunk, error) {
	from, err := br.ReadByte()
	if err != nil {
		return Chunk{}, err
	}
	if d := Direction(from); d != FromClient && d != FromBroker {
		return Chunk{}, fmt.Errorf("direction %q", from)
	}
	var length [4]byte
	if _, err := io.ReadFull(br, length[:]); err != nil {
		return Chunk{}, noEOF(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > MaxChunk {
		return Chunk{}, fmt.Errorf("length %d is above %d", n, MaxChunk)
	}
	data, err := io.ReadAll(io.LimitReader(br, int64(n)))
	if err != nil {
		return Chunk{}, err
	}
	if len(data) < int(n) {
		return Chunk{}, io.ErrUnexpectedEOF
	}
	return Chunk{From: Direction(from), Data: data}, nil
}

// WriteTo writes the conversation, with the header's Format filled in.
func (c *Conversation) WriteTo(w io.Writer) (int64, error) {
	header := c.Header
	header.Format = Format
	line, err := json.Marshal(header)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	put := func(p []byte) error {
		n, err := w.Write(p)
		total += int64(n)
		return err
	}
	if err := put(append(line, '\n')); err != nil {
		return total, err
	}
	for _, chunk := range c.Chunks {
		if len(chunk.Data) > MaxChunk {
			return total, fmt.Errorf("chunk of %d bytes is above %d", len(chunk.Data), MaxChunk)
		}
		head := binary.BigEndian.AppendUint32([]byte{byte(chunk.From)}, uint32(len(chunk.Data)))
		if err := errors.Join(put(head), put(chunk.Data)); err != nil {
			return total, err
		}
	}
	return total, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
