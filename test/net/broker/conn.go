package broker

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// most bounds what is read whole of a request; a Produce is not read whole.
const most = 1 << 20

// writeSize is about how much is given to the socket at once, in bytes.
const writeSize = 1 << 20

type conn struct {
	b           *Broker
	tcp         *net.TCPConn
	in          *bufio.Reader
	client      atomic.Pointer[string]
	key         kmsg.Key
	version     int16
	correlation int32
	next        int64 // base offset of what is produced
}

// exchange reads one request and answers it.
func (c *conn) exchange() error {
	var size [4]byte
	if _, err := io.ReadFull(c.in, size[:]); err != nil {
		return err
	}
	frame := &frameReader{r: io.LimitReader(c.in, int64(binary.BigEndian.Uint32(size[:])))}
	frame.begin()
	c.key, c.version, c.correlation = kmsg.Key(frame.int16()), frame.int16(), frame.int32()
	name := frame.text(int(frame.int16()))
	if frame.err != nil {
		return frame.err
	}
	if id := c.client.Load(); id == nil || *id != name {
		c.client.Store(&name)
	}
	q := c.key.Request()
	if q == nil {
		return fmt.Errorf("no such API: %d", c.key)
	}
	known := versions[c.key]
	if q.SetVersion(c.version); c.version < known[0] || c.version > known[1] {
		return fmt.Errorf("%s version %d is not served", c.key.Name(), c.version)
	}
	if q.IsFlexible() {
		frame.tags()
	}
	if c.key == kmsg.Produce {
		return c.produce(frame)
	}
	body, err := io.ReadAll(io.LimitReader(frame, most))
	if err != nil {
		return err
	}
	if err := q.ReadFrom(body); err != nil {
		return err
	}
	switch q := q.(type) {
	case *kmsg.ApiVersionsRequest:
		return c.apiVersions()
	case *kmsg.MetadataRequest:
		c.b.lookups.Add(1)
		return c.metadata(q)
	case *kmsg.FetchRequest:
		return c.fetch(q)
	}
	return fmt.Errorf("%s is not served", c.key.Name())
}

func (c *conn) send(r kmsg.Response) error {
	r.SetVersion(c.version)
	p := binary.BigEndian.AppendUint32(make([]byte, 4, 256), uint32(c.correlation))
	if r.IsFlexible() && r.Key() != int16(kmsg.ApiVersions) {
		p = append(p, 0)
	}
	p = r.AppendTo(p)
	binary.BigEndian.PutUint32(p, uint32(len(p)-4))
	_, err := c.tcp.Write(p)
	return err
}

func (c *conn) apiVersions() error {
	r := kmsg.NewPtrApiVersionsResponse()
	for key, known := range versions {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = key.Int16(), known[0], known[1]
		r.ApiKeys = append(r.ApiKeys, k)
	}
	return c.send(r)
}

func (c *conn) metadata(q *kmsg.MetadataRequest) error {
	r := kmsg.NewPtrMetadataResponse()
	self := kmsg.NewMetadataResponseBroker()
	local := c.tcp.LocalAddr().(*net.TCPAddr)
	self.NodeID, self.Host, self.Port = NodeID, local.IP.String(), int32(local.Port)
	r.Brokers = append(r.Brokers, self)
	r.ClusterID = kmsg.StringPtr("net-test")
	r.ControllerID = NodeID
	for _, asked := range q.Topics {
		t := c.b.byID(asked.TopicID)
		if asked.Topic != nil {
			t = c.b.byName(*asked.Topic)
		}
		answer := kmsg.NewMetadataResponseTopic()
		answer.Topic, answer.TopicID = asked.Topic, asked.TopicID
		if t == nil {
			answer.ErrorCode = 3 // UNKNOWN_TOPIC_OR_PARTITION
		} else {
			answer.Topic, answer.TopicID = &t.Name, t.ID
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Leader, p.Replicas, p.ISR = NodeID, []int32{NodeID}, []int32{NodeID}
			answer.Partitions = append(answer.Partitions, p)
		}
		r.Topics = append(r.Topics, answer)
	}
	return c.send(r)
}

// fetch answers for one partition: what these tests ask.
func (c *conn) fetch(q *kmsg.FetchRequest) error {
	if len(q.Topics) != 1 || len(q.Topics[0].Partitions) != 1 {
		return fmt.Errorf("a Fetch of other than one partition")
	}
	t := c.b.byName(q.Topics[0].Topic)
	if c.version >= FetchByID {
		t = c.b.byID(q.Topics[0].TopicID)
	}
	if t == nil {
		return fmt.Errorf("no topic %q", q.Topics[0].Topic)
	}
	p := q.Topics[0].Partitions[0]
	a := t.Answer(c.version, c.correlation, p.FetchOffset, int64(min(q.MaxBytes, p.PartitionMaxBytes)))
	for at := int64(0); at < a.Len(); {
		parts := net.Buffers(a.Parts(at, writeSize))
		n, err := parts.WriteTo(c.tcp)
		if at += n; err != nil {
			return err
		}
	}
	if t.Last {
		return io.EOF
	}
	return nil
}
