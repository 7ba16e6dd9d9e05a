//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// The synthetic broker: just enough of Kafka for the raw clients, as cheap as can be, so that on a small machine the
// proxies have the CPU. It has every topic whose name ends in -SIZE, filled with batches of SIZE bytes, and sends
// their bytes with sendfile, as Kafka does. What is produced it swallows.
//
// It listens twice: plaintext and TLS.

// syntheticNode is its node id.
const syntheticNode = 1

// brokerRequest bounds a request.
const brokerRequest = 8 << 20

// sendfileLeast is the number of bytes from which on sendfile is cheaper than a copy.
const sendfileLeast = 16 << 10

var brokerVersions = map[kmsg.Key][2]int16{
	kmsg.Produce: {3, produceVersion}, kmsg.Fetch: {fetchVersion, fetchVersion}, kmsg.Metadata: {0, metadataVersion}, kmsg.ApiVersions: {0, 4},
}

// broker serves until the standard input ends.
func (p part) broker() error {
	plain, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server, _, err := p.tls()
	if err != nil {
		return err
	}
	b := &broker{size: p.LogBytes, topics: map[string]*topic{}, ids: map[[16]byte]*topic{}}
	go accept(plain, func(c *net.TCPConn) { b.connection(c, c) })
	go accept(secure, func(c *net.TCPConn) { b.connection(tls.Server(c, server), nil) })
	return serve(plain.Addr().String(), secure.Addr().String())
}

type broker struct {
	size   int
	mu     sync.Mutex
	topics map[string]*topic
	ids    map[[16]byte]*topic
}

// A topic is a log of equal batches, as a file in memory for sendfile, and mapped for TLS.
type topic struct {
	layout
	name string
	id   [16]byte
	fd   int
	log  []byte
}

// topic returns the topic, which is filled when it is first asked for.
func (b *broker) topic(name string) (*topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	size, err := batchSize(name)
	if err != nil {
		return nil, err
	}
	t := &topic{layout: layoutOf(size), name: name}
	binary.BigEndian.PutUint64(t.id[8:], uint64(len(b.topics)+1))
	total := max(1, b.size/size) * size
	if size == pingBatch {
		total = pingBatches * size
	}
	if t.fd, err = unix.MemfdCreate("log", unix.MFD_CLOEXEC); err != nil {
		return nil, err
	}
	if err = unix.Ftruncate(t.fd, int64(total)); err != nil {
		return nil, err
	}
	if t.log, err = unix.Mmap(t.fd, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	batch, err := t.newBatch(time.Now())
	if err != nil {
		return nil, err
	}
	for i := 0; i*size < total; i++ {
		binary.BigEndian.PutUint64(batch, uint64(i*t.records))
		copy(t.log[i*size:], batch)
	}
	b.topics[name], b.ids[t.id] = t, t
	return t, nil
}

// batchSize is what a topic's name says of its batches.
func batchSize(name string) (int, error) {
	size, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil || size < pingBatch || size > fetchAnswer {
		return 0, fmt.Errorf("no topic %q", name)
	}
	return size, nil
}

func (t *topic) end() int64 { return int64(len(t.log)/t.batch) * int64(t.records) }

// A brokerConn is one connection; tcp is nil under TLS.
type brokerConn struct {
	*broker
	c       net.Conn
	tcp     *net.TCPConn
	in      *bufio.Reader
	request []byte
	answer  []byte
	written int64 // offset of the next produced message
	fetch   kmsg.FetchRequest
}

func (b *broker) connection(c net.Conn, tcp *net.TCPConn) {
	defer c.Close()
	bc := &brokerConn{broker: b, c: c, tcp: tcp, in: bufio.NewReaderSize(c, 4<<10)}
	for {
		if err := bc.exchange(); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, net.ErrClosed) {
				fmt.Fprintln(os.Stderr, "bench: broker:", err)
			}
			return
		}
	}
}

// exchange reads one request and answers it.
func (c *brokerConn) exchange() error {
	var size [4]byte
	if _, err := io.ReadFull(c.in, size[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if n < 10 || n > brokerRequest {
		return fmt.Errorf("a request of %d bytes", n)
	}
	if cap(c.request) < n {
		c.request = make([]byte, n)
	}
	q := c.request[:n]
	if _, err := io.ReadFull(c.in, q); err != nil {
		return err
	}
	d := decoder{p: q}
	key, version := kmsg.Key(d.uint(2)), int16(d.uint(2))
	correlation := d.uint(4)
	if client := int16(d.uint(2)); client > 0 {
		d.skip(int(client))
	}
	c.answer = binary.BigEndian.AppendUint32(append(c.answer[:0], 0, 0, 0, 0), uint32(correlation))
	if key == kmsg.ApiVersions {
		return c.apiVersions(version)
	}
	r := key.Request()
	if r == nil {
		return fmt.Errorf("an unknown request, key %d", key)
	}
	r.SetVersion(version)
	if known := brokerVersions[key]; version < known[0] || version > known[1] {
		return fmt.Errorf("%s version %d is not served", key.Name(), version)
	}
	if r.IsFlexible() {
		d.tags()
		c.answer = append(c.answer, 0)
	}
	if d.err != nil {
		return d.err
	}
	switch key {
	case kmsg.Fetch:
		return c.fetched(version, q[d.at:])
	case kmsg.Produce:
		return c.produced(version, q[d.at:])
	}
	if err := r.ReadFrom(q[d.at:]); err != nil {
		return err
	}
	return c.metadata(r.(*kmsg.MetadataRequest))
}

// send writes an answer that holds no records.
func (c *brokerConn) send(r kmsg.Response) error {
	c.answer = r.AppendTo(c.answer)
	binary.BigEndian.PutUint32(c.answer, uint32(len(c.answer)-4))
	_, err := c.c.Write(c.answer)
	return err
}

func (c *brokerConn) apiVersions(version int16) error {
	r := kmsg.NewPtrApiVersionsResponse()
	r.SetVersion(version)
	if known := brokerVersions[kmsg.ApiVersions]; version > known[1] {
		r.SetVersion(0)
		r.ErrorCode = 35 // UNSUPPORTED_VERSION (KIP-511)
	}
	for key, known := range brokerVersions {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = key.Int16(), known[0], known[1]
		r.ApiKeys = append(r.ApiKeys, k)
	}
	return c.send(r)
}

// metadata names the listener that the client came to as the only broker.
func (c *brokerConn) metadata(q *kmsg.MetadataRequest) error {
	r := kmsg.NewPtrMetadataResponse()
	r.SetVersion(q.Version)
	self := kmsg.NewMetadataResponseBroker()
	local := c.c.LocalAddr().(*net.TCPAddr)
	self.NodeID, self.Host, self.Port = syntheticNode, local.IP.String(), int32(local.Port)
	r.Brokers = append(r.Brokers, self)
	r.ClusterID = kmsg.StringPtr("doorkeeper-bench")
	r.ControllerID = syntheticNode
	for _, asked := range q.Topics {
		mt := kmsg.NewMetadataResponseTopic()
		if t := c.asked(asked); t == nil {
			mt.Topic, mt.TopicID, mt.ErrorCode = asked.Topic, asked.TopicID, 3 // UNKNOWN_TOPIC_OR_PARTITION
		} else {
			mt.Topic = &t.name
			mt.TopicID = t.id
			mp := kmsg.NewMetadataResponseTopicPartition()
			mp.Leader, mp.Replicas, mp.ISR = syntheticNode, []int32{syntheticNode}, []int32{syntheticNode}
			mt.Partitions = append(mt.Partitions, mp)
		}
		r.Topics = append(r.Topics, mt)
	}
	return c.send(r)
}

// asked returns the topic that a Metadata request names, nil if there is none.
func (c *brokerConn) asked(q kmsg.MetadataRequestTopic) *topic {
	if q.Topic == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.ids[q.TopicID]
	}
	t, err := c.topic(*q.Topic)
	if err != nil {
		return nil
	}
	return t
}

// produced swallows what a Produce request of one partition holds: the name is all that its answer needs.
func (c *brokerConn) produced(version int16, body []byte) error {
	if version != produceVersion {
		return fmt.Errorf("version %d of Produce is not served", version)
	}
	d := decoder{p: body}
	d.skip(int(max(d.uvarint(), 1)) - 1) // transactional id
	d.skip(6)                            // acks, timeout
	d.uvarint()
	n := int(d.uvarint()) - 1
	from := d.at
	if d.skip(n); d.err != nil {
		return d.err
	}
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(version)
	t := kmsg.NewProduceResponseTopic()
	t.Topic = string(body[from:d.at])
	size, err := batchSize(t.Topic)
	if err != nil {
		return err
	}
	p := kmsg.NewProduceResponseTopicPartition()
	p.BaseOffset = c.written
	c.written += int64(layoutOf(size).records)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return c.send(r)
}

// fetched answers from the log: whole batches, at least one.
func (c *brokerConn) fetched(version int16, body []byte) error {
	q := &c.fetch
	q.SetVersion(version)
	q.Topics = q.Topics[:0]
	if err := q.ReadFrom(body); err != nil {
		return err
	}
	if len(q.Topics) != 1 || len(q.Topics[0].Partitions) != 1 {
		return errors.New("a Fetch of other than one partition")
	}
	c.mu.Lock()
	t := c.ids[q.Topics[0].TopicID]
	c.mu.Unlock()
	if t == nil {
		return fmt.Errorf("no topic %x", q.Topics[0].TopicID)
	}
	p := q.Topics[0].Partitions[0]
	from := int(p.FetchOffset) / t.records * t.batch
	if p.FetchOffset < 0 || from > len(t.log) {
		return fmt.Errorf("offset %d of %d", p.FetchOffset, t.end())
	}
	n := max(int(min(q.MaxBytes, p.PartitionMaxBytes))/t.batch, 1) * t.batch
	n = min(n, len(t.log)-from)
	const tail = 3 // empty tags of partition, topic and response
	c.answer = t.appendHead(c.answer, n)
	binary.BigEndian.PutUint32(c.answer, uint32(len(c.answer)-4+n+tail))
	if n < sendfileLeast || c.tcp == nil {
		c.answer = append(append(c.answer, t.log[from:from+n]...), 0, 0, 0)
		_, err := c.c.Write(c.answer)
		return err
	}
	if _, err := c.tcp.Write(c.answer); err != nil {
		return err
	}
	if err := t.sendfile(c.tcp, int64(from), int64(n)); err != nil {
		return err
	}
	_, err := c.tcp.Write([]byte{0, 0, 0})
	return err
}

// appendHead appends what stands before n bytes of records: the body of a response without its tail.
func (t *topic) appendHead(dst []byte, n int) []byte {
	dst = append(dst, make([]byte, 4+2+4)...) // throttle, error, session
	dst = append(append(dst, 2), t.id[:]...)  // one topic
	dst = append(dst, 2)                      // one partition
	dst = append(dst, make([]byte, 4+2)...)   // number, error
	for _, offset := range []int64{t.end(), t.end(), 0} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(offset)) // high watermark, last stable offset, log start
	}
	dst = append(dst, 0)                                 // aborted transactions: null
	dst = binary.BigEndian.AppendUint32(dst, ^uint32(0)) // preferred replica: none
	return binary.AppendUvarint(dst, uint64(n)+1)
}

// sendfile sends n bytes of the log.
func (t *topic) sendfile(c *net.TCPConn, from, n int64) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for n > 0 {
			var sent int
			sent, failed = unix.Sendfile(int(fd), t.fd, &from, int(n))
			if errors.Is(failed, unix.EAGAIN) {
				failed = nil
				return false
			}
			if failed != nil {
				return true
			}
			n -= int64(sent)
		}
		return true
	})
	return errors.Join(err, failed)
}
