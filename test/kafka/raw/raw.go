// Package raw speaks Kafka's protocol one request at a time, in exactly the version that it is told.
package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrClosed says that the other side ended the connection instead of answering.
var ErrClosed = errors.New("closed without an answer")

// A Conn is one connection.
type Conn struct {
	net.Conn
	Timeout     time.Duration // of one answer
	format      *kmsg.RequestFormatter
	correlation int32
}

// Dial connects to address.
func Dial(address string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, Timeout: 30 * time.Second, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw"))}, nil
}

// Ask sends a request in the version that it is set to, and returns the answer.
func (c *Conn) Ask(request kmsg.Request) (kmsg.Response, error) {
	if err := c.Send(request); err != nil {
		return nil, err
	}
	return c.Receive(request)
}

// Send writes a request.
func (c *Conn) Send(request kmsg.Request) error {
	c.correlation++
	_, err := c.Write(c.format.AppendRequest(nil, request, c.correlation))
	return err
}

// Receive reads the answer to the last request that was sent.
func (c *Conn) Receive(request kmsg.Request) (kmsg.Response, error) {
	frame, err := c.Frame()
	if err != nil {
		return nil, err
	}
	r := kbin.Reader{Src: frame}
	if got := r.Int32(); got != c.correlation {
		return nil, fmt.Errorf("correlation id %d, want %d", got, c.correlation)
	}
	response := request.ResponseKind()
	response.SetVersion(request.GetVersion())
	if response.IsFlexible() && request.Key() != int16(kmsg.ApiVersions) {
		kmsg.SkipTags(&r)
	}
	return response, response.ReadFrom(r.Src)
}

// Frame reads one frame, without its length bytes.
func (c *Conn) Frame() ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.Timeout)); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, closed(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(c, frame)
	return frame, closed(err)
}

func closed(err error) error {
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return ErrClosed
}

// Versions asks what the other side advertises: the lowest and highest version of each key.
func (c *Conn) Versions() (map[int16][2]int16, error) {
	request := kmsg.NewPtrApiVersionsRequest()
	request.SetVersion(3)
	request.ClientSoftwareName, request.ClientSoftwareVersion = "raw", "1"
	response, err := c.Ask(request)
	if err != nil {
		return nil, err
	}
	all := map[int16][2]int16{}
	for _, k := range response.(*kmsg.ApiVersionsResponse).ApiKeys {
		all[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	return all, nil
}
