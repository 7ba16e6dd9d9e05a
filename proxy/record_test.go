package proxy

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"doorkeeper/internal/conversation"
	"doorkeeper/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var record = flag.Bool("record", false, "record franz-go's conversations with kfake anew")

// A recorder dials for a client and writes down what each connection carries.
type recorder struct {
	mu  sync.Mutex
	all []*recorded
}

type recorded struct {
	net.Conn
	mu *sync.Mutex
	c  conversation.Conversation
}

func (r *recorder) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	c := &recorded{Conn: nc, mu: &r.mu}
	c.c.Header = conversation.Header{
		Client: "franz-go", Kafka: "kfake", Security: "PLAINTEXT", Node: -1, Host: host, Port: int32(n), Recorded: time.Now().UTC().Truncate(time.Second),
	}
	r.mu.Lock()
	r.all = append(r.all, c)
	r.mu.Unlock()
	return c, nil
}

func (c *recorded) note(from conversation.Direction, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.Chunks = append(c.c.Chunks, conversation.Chunk{From: from, Data: append([]byte(nil), p...)})
}

// Write notes before it writes: the answer must not be noted first.
func (c *recorded) Write(p []byte) (int, error) {
	c.note(conversation.FromClient, p)
	return c.Conn.Write(p)
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.note(conversation.FromBroker, p[:n])
	}
	return n, err
}

// Recording takes a flag: what is recorded is committed.
func TestRecordConversations(t *testing.T) {
	if !*record {
		return
	}
	for _, s := range []struct {
		name  string
		large int // bytes of the last message
		sasl  bool
		opts  []kgo.Opt
	}{
		{"produce-consume", 150 << 10, false, nil},
		{"group", 1000, false, []kgo.Opt{kgo.ConsumerGroup("g")}},
		{"acks-0", 1000, false, []kgo.Opt{kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()}},
		{"scram", 1000, true, []kgo.Opt{kgo.SASL(scram.Auth{User: "erp", Pass: "erp-secret"}.AsSha256Mechanism())}},
	} {
		o := kafkatest.Options{Topics: []string{"orders"}}
		if s.sasl {
			o.SASL = users
		}
		r := &recorder{}
		scenario(t, s.large, append(s.opts, kgo.SeedBrokers(kafkatest.Start(t, o).Addrs...), kgo.Dialer(r.dial)))
		for i, c := range r.all {
			c.c.Header.Scenario = s.name
			if s.sasl {
				c.c.Header.Security = "SASL_PLAINTEXT"
			}
			writeConversation(t, fmt.Sprintf("testdata/kfake/kgo-%s-%d.conv", s.name, i), &c.c)
		}
	}
}

func writeConversation(t *testing.T, path string, c *conversation.Conversation) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := c.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

// scenario writes some messages, the last of them of so many bytes, and reads them.
func scenario(t *testing.T, last int, opts []kgo.Opt) {
	cl, err := kgo.NewClient(append(opts, kgo.ClientID("app"), kgo.DefaultProduceTopic("orders"), kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 10
	for i := range n {
		value := make([]byte, 100)
		if i == n-1 {
			value = make([]byte, last)
		}
		for k := range value {
			value[k] = byte(rng.Uint32())
		}
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < n; {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		got += f.NumRecords()
	}
}
