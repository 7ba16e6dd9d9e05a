//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A backend is what stands behind the subjects: one broker, reached in plaintext and, if it can, over TLS.
type backend struct {
	plain  *cluster
	secure *cluster // nil: no TLS rows
	ca     string   // who signed its certificate
	proc   *process // nil: not ours
}

// A cluster is one broker's listener with the topics that the bench has filled behind it.
type cluster struct {
	address   string // of the broker that leads all of the bench's topics
	node      int32
	tls       *tls.Config
	synthetic bool // it has every topic already
	prefix    string
	logBytes  int
	topics    map[int]filled
	made      []string
	twin      *cluster // the same broker's other listener, whose topics these are
	spent     string   // a topic that was produced to, and is done with
}

// filled is a topic of one partition with equal batches, from offset 0 to end.
type filled struct {
	layout
	name string
	id   [16]byte
	end  int64
}

// kfake serves two fake clusters, plaintext and TLS, until the standard input ends.
func (p part) kfake() error {
	server, _, err := p.tls()
	if err != nil {
		return err
	}
	plain, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return err
	}
	defer plain.Close()
	secure, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server))
	if err != nil {
		return err
	}
	defer secure.Close()
	return serve(plain.ListenAddrs()[0], secure.ListenAddrs()[0])
}

// openBackend starts or finds the backend that the flags name.
func (b *bench) openBackend() error {
	trusted, err := clientTLS(b.certs.ca)
	if err != nil {
		return err
	}
	prefix := "doorkeeper-bench-" + strconv.FormatInt(time.Now().Unix(), 36)
	logBytes := b.logMiB << 20
	b.backend = &backend{ca: b.certs.ca}
	if b.bootstrap != "" {
		b.backend.plain = &cluster{address: b.bootstrap, prefix: prefix, logBytes: logBytes}
		if b.bootstrapTLS != "" {
			b.backend.ca = b.bootstrapCA
			if trusted, err = clientTLS(b.bootstrapCA); err != nil {
				return err
			}
			b.backend.secure = &cluster{address: b.bootstrapTLS, tls: trusted, prefix: prefix, logBytes: logBytes}
		}
		if err := b.backend.locate(); err != nil {
			return err
		}
		if s := b.backend.secure; s != nil {
			s.twin = b.backend.plain
			if s.node != s.twin.node {
				return fmt.Errorf("%s is broker %d, and %s broker %d: both must be the same", b.bootstrap, s.twin.node, b.bootstrapTLS, s.node)
			}
		}
		return nil
	}
	p := part{Role: b.kind, Cert: b.certs.cert, Key: b.certs.key, CA: b.certs.ca, LogBytes: logBytes}
	if p.Role == "synthetic" {
		p.Role = "broker"
	}
	proc, addresses, err := b.startPart(p, account{})
	if err != nil {
		return err
	}
	b.backend.proc = proc
	b.backend.plain = &cluster{address: addresses[0], synthetic: p.Role == "broker", prefix: prefix, logBytes: logBytes}
	b.backend.secure = &cluster{address: addresses[1], tls: trusted, synthetic: p.Role == "broker", prefix: prefix, logBytes: logBytes}
	if p.Role == "broker" {
		b.backend.plain.node, b.backend.secure.node = syntheticNode, syntheticNode
		return nil
	}
	return b.backend.locate()
}

func (b *backend) locate() error {
	for _, c := range []*cluster{b.plain, b.secure} {
		if c == nil {
			continue
		}
		if err := c.locate(); err != nil {
			return err
		}
	}
	return nil
}

// locate finds the broker that is bootstrapped from, by the address it advertises: all topics go there.
func (c *cluster) locate() error {
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(metadataVersion)
	q.Topics = []kmsg.MetadataRequestTopic{}
	answer, err := door{address: c.address, tls: c.tls}.ask(q)
	if err != nil {
		return fmt.Errorf("%s: %w", c.address, err)
	}
	brokers := answer.(*kmsg.MetadataResponse).Brokers
	if len(brokers) == 0 {
		return errors.New(c.address + " names no brokers")
	}
	_, port, err := net.SplitHostPort(c.address)
	if err != nil {
		return err
	}
	at := brokers[0]
	for _, b := range brokers {
		if strconv.Itoa(int(b.Port)) == port {
			at = b
		}
	}
	c.node = at.NodeID
	c.address = net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	return nil
}

func (b *bench) cluster(secure bool) (*cluster, error) {
	if !secure {
		return b.backend.plain, nil
	}
	if b.backend.secure == nil {
		return nil, errors.New("the backend has no TLS listener: give -bootstrap-tls and -bootstrap-ca")
	}
	return b.backend.secure, nil
}

// upstream is the broker's address.
func (b *bench) upstream(secure bool) (string, error) {
	c, err := b.cluster(secure)
	if err != nil {
		return "", err
	}
	return c.address, nil
}

// node is its id.
func (b *bench) node(secure bool) int32 {
	c, err := b.cluster(secure)
	if err != nil {
		return 0 // there is no such row then
	}
	return c.node
}

func (b *bench) upstreamCA() string { return b.backend.ca }

// clientTLS is for clients of the backend itself, or of what stands before it and shows the bench's own certificate.
func (b *bench) clientTLS(direct bool) (*tls.Config, error) {
	if direct {
		return clientTLS(b.backend.ca)
	}
	return clientTLS(b.certs.ca)
}

// filled returns the topic with batches of a size, which is made and filled when it is first asked for.
func (b *bench) filled(batch int, secure bool) (filled, error) {
	c, err := b.cluster(secure)
	if err != nil {
		return filled{}, err
	}
	if c.twin != nil {
		c = c.twin
	}
	if t, ok := c.topics[batch]; ok {
		return t, nil
	}
	n := max(1, c.logBytes/batch)
	switch {
	case batch == pingBatch:
		n = pingBatches
	case batch < slowBatch && !c.synthetic:
		n /= 4 // small batches take long to write
	}
	t := filled{layout: layoutOf(batch), name: fmt.Sprintf("%s-%d", c.prefix, batch)}
	t.end = int64(n * t.records)
	if !c.synthetic {
		b.say("filling %s: %d batches of %d bytes", t.name, n, batch)
		if err := c.fill(t, n); err != nil {
			return filled{}, fmt.Errorf("filling %s: %w", t.name, err)
		}
	}
	if _, t.id, err = (door{address: c.address, tls: c.tls}).leader(t.name); err != nil {
		return filled{}, err
	}
	if c.topics == nil {
		c.topics = map[int]filled{}
	}
	c.topics[batch] = t
	return t, nil
}

func (c *cluster) targetName(n, batch int) string {
	return fmt.Sprintf("%s-%d-to-%d", c.prefix, n, batch)
}

// target returns a topic to produce to. Each measurement has its own, so that none pays for another's log.
func (b *bench) target(batch int, secure bool) (string, error) {
	c, err := b.cluster(secure)
	if err != nil {
		return "", err
	}
	if c.twin != nil {
		c = c.twin
	}
	b.targets++
	name := c.targetName(b.targets, batch)
	if c.synthetic {
		return name, nil
	}
	// What the measurement before wrote is not needed any more.
	if last := c.spent; last != "" {
		c.spent = ""
		if err := c.remove(last); err != nil {
			return "", err
		}
	}
	c.spent = name
	return name, c.create(name)
}

func (c *cluster) fill(t filled, n int) error {
	if err := c.create(t.name); err != nil {
		return err
	}
	batch, err := t.newBatch(time.Now())
	if err != nil {
		return err
	}
	d := door{address: c.address, tls: c.tls}
	w, err := d.newWriter(produceFrame(t.name, batch))
	if err != nil {
		return err
	}
	defer w.c.Close()
	for done := 0; done < n; done += 1000 {
		if err := w.c.SetDeadline(time.Now().Add(measureLimit)); err != nil {
			return err
		}
		if err := w.produce(min(1000, n-done)); err != nil {
			return err
		}
	}
	if _, t.id, err = d.leader(t.name); err != nil {
		return err
	}
	r, err := d.newReader(t, t.batch, 0)
	if err != nil {
		return err
	}
	defer r.c.Close()
	h, rest, err := r.ask()
	if err != nil {
		return err
	}
	if err := r.throw.away(rest, fetchAnswer); err != nil {
		return err
	}
	if h.watermark != t.end || h.records != t.batch {
		return fmt.Errorf("the log ends at %d, not %d, and its first batch has %d bytes", h.watermark, t.end, h.records)
	}
	return d.warm(t)
}

// warm reads the topic once: its pages are in memory then, and a broker on a virtual machine of its own has compiled
// what it does.
func (d door) warm(t filled) error {
	r, err := d.newReader(t, fetchAnswer, 0)
	if err != nil {
		return err
	}
	defer r.c.Close()
	for {
		if _, err := r.fetch(); err != nil || r.next == 0 {
			return err
		}
	}
}

// admin asks the cluster with franz-go, which finds the controller and repeats what may be repeated.
func (c *cluster) admin(q kmsg.Request) (kmsg.Response, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(c.address)}
	if c.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(c.tls))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return cl.Request(ctx, q)
}

// create makes a topic of one partition on the broker that is measured, and waits until it leads.
func (c *cluster) create(name string) error {
	q := kmsg.NewPtrCreateTopicsRequest()
	q.TimeoutMillis = 20000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	a.Replicas = []int32{c.node}
	t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	for key, value := range map[string]string{"file.delete.delay.ms": "1000", "retention.ms": "-1", "retention.bytes": "-1"} {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, kmsg.StringPtr(value)
		t.Configs = append(t.Configs, config)
	}
	q.Topics = append(q.Topics, t)
	answer, err := c.admin(q)
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.CreateTopicsResponse).Topics {
		if t.ErrorCode != 0 {
			why := ""
			if t.ErrorMessage != nil {
				why = *t.ErrorMessage
			}
			return fmt.Errorf("creating %s: error %d %s", t.Topic, t.ErrorCode, why)
		}
	}
	c.made = append(c.made, name)
	d := door{address: c.address, tls: c.tls}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err = d.leads(name); err == nil || time.Now().After(until) {
			return err
		}
	}
}

// leads says whether the broker knows that it leads a new topic: Metadata may say so a little earlier than it serves.
func (d door) leads(name string) error {
	q := kmsg.NewPtrListOffsetsRequest()
	q.SetVersion(5)
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = name
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	t.Partitions = append(t.Partitions, p)
	q.Topics = append(q.Topics, t)
	answer, err := d.ask(q)
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return fmt.Errorf("%s has no leader: error %d", name, p.ErrorCode)
			}
		}
	}
	return nil
}

// remove deletes topics.
func (c *cluster) remove(names ...string) error {
	q := kmsg.NewPtrDeleteTopicsRequest()
	q.TimeoutMillis = 20000
	for _, name := range names {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		q.Topics, q.TopicNames = append(q.Topics, t), append(q.TopicNames, name)
	}
	_, err := c.admin(q)
	return err
}

// close deletes what the bench made, and stops what it started.
func (b *bench) closeBackend() {
	for _, c := range []*cluster{b.backend.plain, b.backend.secure} {
		if c == nil || b.backend.proc != nil || len(c.made) == 0 {
			continue
		}
		if err := c.remove(c.made...); err != nil {
			b.say("topics %s-* are left behind: %v", c.prefix, err)
		}
	}
	if b.backend.proc != nil {
		b.backend.proc.stop()
	}
}
