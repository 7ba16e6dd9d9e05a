// Package client speaks Kafka on one bare connection and checks every byte of what it fetches.
package client

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/test/net/broker"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience is how long anything may take that is not meant to be slow. The machine may be busy.
const patience = time.Minute

// A Client is one connection. It belongs to one goroutine.
type Client struct {
	*net.TCPConn
	ID          string
	Source      string // its own address, as records have it
	correlation int32
}

var loopbacks atomic.Uint32

// Dial connects to address. On loopback every client comes from an IP address of its own: no ports run short, and no two
// sessions have the same source.
func Dial(address, id string) (*Client, error) {
	d := net.Dialer{Timeout: patience}
	if strings.HasPrefix(address, "127.") {
		n := loopbacks.Add(1)
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(1+n>>16), byte(n>>8), byte(n))}
	}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Client{TCPConn: c.(*net.TCPConn), ID: id, Source: c.LocalAddr().String()}, nil
}

// Reset ends the connection with a TCP reset.
func (c *Client) Reset() error { return errors.Join(c.SetLinger(0), c.Close()) }

// Frame is a request as it goes over the wire, length first.
func (c *Client) Frame(q kmsg.Request) []byte {
	c.correlation++
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.ID)).AppendRequest(nil, q, c.correlation)
}

// Call sends a request and waits for its answer.
func (c *Client) Call(q kmsg.Request) (kmsg.Response, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write(c.Frame(q)); err != nil {
		return nil, err
	}
	return c.answer(q)
}

func (c *Client) answer(q kmsg.Request) (kmsg.Response, error) {
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != c.correlation {
		return nil, fmt.Errorf("the answer to %d came instead of that to %d", got, c.correlation)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c, body); err != nil {
		return nil, err
	}
	r := q.ResponseKind()
	if r.IsFlexible() && q.Key() != int16(kmsg.ApiVersions) {
		body = body[1:] // no tags
	}
	return r, r.ReadFrom(body)
}

// Versions asks for ApiVersions, as clients begin.
func (c *Client) Versions() error {
	q := kmsg.NewPtrApiVersionsRequest()
	q.SetVersion(3)
	q.ClientSoftwareName, q.ClientSoftwareVersion = "net-test", "1"
	r, err := c.Call(q)
	if err != nil {
		return err
	}
	if v := r.(*kmsg.ApiVersionsResponse); v.ErrorCode != 0 || len(v.ApiKeys) == 0 {
		return fmt.Errorf("ApiVersions is answered %+v", v)
	}
	return nil
}

// Nodes asks for Metadata and returns the brokers' addresses by node.
func (c *Client) Nodes(topics ...*broker.Topic) (map[int32]string, error) {
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(12)
	for _, t := range topics {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = &t.Name
		q.Topics = append(q.Topics, asked)
	}
	r, err := c.Call(q)
	if err != nil {
		return nil, err
	}
	nodes := map[int32]string{}
	for _, b := range r.(*kmsg.MetadataResponse).Brokers {
		nodes[b.NodeID] = net.JoinHostPort(b.Host, fmt.Sprint(b.Port))
	}
	return nodes, nil
}

// ProduceFrame is a Produce request of one batch for each of the topics.
func (c *Client) ProduceFrame(batch []byte, topics ...string) []byte {
	q := kmsg.NewPtrProduceRequest()
	q.SetVersion(broker.ProduceVersion)
	q.Acks, q.TimeoutMillis = 1, 30000
	for _, name := range topics {
		t := kmsg.NewProduceRequestTopic()
		t.Topic = name
		p := kmsg.NewProduceRequestTopicPartition()
		p.Records = batch
		t.Partitions = append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	return c.Frame(q)
}

// Produce sends a frame of ProduceFrame and returns what the broker must have got.
func (c *Client) Produce(frame []byte) (broker.Produced, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write(frame); err != nil {
		return broker.Produced{}, err
	}
	q := kmsg.NewPtrProduceRequest()
	q.SetVersion(broker.ProduceVersion)
	if _, err := c.answer(q); err != nil {
		return broker.Produced{}, err
	}
	return broker.Produced{Bytes: int64(len(frame) - 4), Sum: sha256.Sum256(frame[4:])}, nil
}

// A Reading is a Fetch answer on its way.
type Reading struct {
	*broker.Answer
	c  *Client
	At int64 // bytes of it that came
}

// Fetch asks for up to most bytes of a topic by name. The answer is read with Reading.
func (c *Client) Fetch(t *broker.Topic, offset, most int64) (*Reading, error) {
	return c.fetch(t, broker.FetchByName, offset, most)
}

// FetchByID asks by the topic's id.
func (c *Client) FetchByID(t *broker.Topic, offset, most int64) (*Reading, error) {
	return c.fetch(t, broker.FetchByID, offset, most)
}

func (c *Client) fetch(t *broker.Topic, version int16, offset, most int64) (*Reading, error) {
	q := kmsg.NewPtrFetchRequest()
	q.SetVersion(version)
	q.MaxWaitMillis, q.MinBytes, q.MaxBytes, q.SessionEpoch = 500, 1, int32(most), -1
	asked := kmsg.NewFetchRequestTopic()
	asked.Topic, asked.TopicID = t.Name, t.ID
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, int32(most)
	asked.Partitions = append(asked.Partitions, p)
	q.Topics = append(q.Topics, asked)
	frame := c.Frame(q)
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.Write(frame); err != nil {
		return nil, err
	}
	return &Reading{Answer: t.Answer(version, c.correlation, offset, most), c: c}, nil
}

const readSize = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// Read reads and checks n bytes more, or what is left of the answer.
func (r *Reading) Read(n int64) error {
	p := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(p)
	n = min(n, r.Len()-r.At)
	for n > 0 {
		_ = r.c.SetReadDeadline(time.Now().Add(patience))
		got, err := r.c.Read(p[:min(n, readSize)])
		if err := r.Check(r.At, p[:got]); err != nil {
			return err
		}
		r.At, n = r.At+int64(got), n-int64(got)
		if err != nil && n > 0 {
			return fmt.Errorf("after %d of %d bytes: %w", r.At, r.Len(), err)
		}
	}
	return nil
}

// Rest reads and checks the answer to its end.
func (r *Reading) Rest() error { return r.Read(r.Len() - r.At) }
