//go:build linux

package net

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
	"doorkeeper/test/net/sandbox"
)

// A network is three hosts in a row: clients, proxy and broker see each other only through links that can be slow, cut, or
// have a small MTU.
type network struct {
	clients, proxy, brokers *sandbox.Namespace
	b                       *broker.Broker
	d                       *door.Door
}

// The two families. The proxy's listener and the broker are reached at these addresses.
var families = []struct{ name, proxy, broker, node string }{
	{"IPv4", "10.1.0.2:9092", "10.2.0.3:9001", "10.1.0.2:9101"},
	{"IPv6", "[fd00:1::2]:9092", "[fd00:2::3]:9001", "[fd00:1::2]:9201"},
}

func newNetwork(t *testing.T, extra string, topics ...*broker.Topic) *network {
	t.Helper()
	n := &network{
		clients: sandbox.NewNamespace(t, "clients"), proxy: sandbox.NewNamespace(t, "proxy"),
		brokers: sandbox.NewNamespace(t, "brokers"), b: broker.New(topics...),
	}
	sandbox.Join(t, n.clients, n.proxy, []string{"10.1.0.1/24", "fd00:1::1/64"}, []string{"10.1.0.2/24", "fd00:1::2/64"})
	sandbox.Join(t, n.proxy, n.brokers, []string{"10.2.0.2/24", "fd00:2::2/64"}, []string{"10.2.0.3/24", "fd00:2::3/64"})
	t.Cleanup(n.b.Close)
	for _, f := range families {
		l, err := sandbox.In(n.brokers, func() (net.Listener, error) { return net.Listen("tcp", f.broker) })
		must(t, err)
		n.b.Serve(l)
	}
	n.d = door.Start(t, door.Options{Namespace: n.proxy, Extra: extra, Clusters: []door.Cluster{
		{Name: "four", Bootstrap: families[0].broker, Address: families[0].proxy, First: 9100},
		{Name: "six", Bootstrap: families[1].broker, Address: families[1].proxy, First: 9200},
	}})
	return n
}

func (n *network) dial(t *testing.T, address, id string) *client.Client {
	t.Helper()
	c, err := sandbox.In(n.clients, func() (*client.Client, error) { return client.Dial(address, id) })
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The link between clients and proxy is cut at the clients' side, that between proxy and broker at the broker's: the
// proxy's own interfaces stay up and lose their carrier, as when a switch fails.
func (n *network) clientLink(t *testing.T, state string) { n.clients.IP(t, "link set proxy "+state) }
func (n *network) brokerLink(t *testing.T, state string) { n.brokers.IP(t, "link set proxy "+state) }

// Over real links, in both families: bytes, records, addresses, and kernel mode for what is large.
func TestLinks(t *testing.T) {
	topics := []*broker.Topic{broker.NewTopic("middle", 64*kib, 256*mib), broker.NewTopic("large", 128*kib, 256*mib)}
	n := newNetwork(t, "", topics...)
	for _, f := range families {
		for _, topic := range topics {
			t.Run(f.name+"/"+topic.Name, func(t *testing.T) { n.backlog(t, f.proxy, f.node, topic) })
		}
	}
	t.Run("small MTU", func(t *testing.T) {
		for _, at := range []*sandbox.Namespace{n.clients, n.brokers} {
			at.IP(t, "link set proxy mtu 1280") // the least that IPv6 allows
			defer at.IP(t, "link set proxy mtu 1500")
		}
		for _, f := range families {
			n.whole(t, f.proxy, topics[0])
		}
	})
	t.Run("delay and loss", func(t *testing.T) { n.impaired(t, topics[0]) })
}

// backlog fetches a topic to its end through the node's own address, and expects kernel mode.
func (n *network) backlog(t *testing.T, address, node string, topic *broker.Topic) {
	user, kernel := n.d.Metrics().Relayed()
	first := n.dial(t, address, "bootstrap")
	nodes, err := first.Nodes(topic)
	must(t, err)
	if len(nodes) != 1 || nodes[broker.NodeID] != node {
		t.Fatalf("the nodes are %v, not %s", nodes, node)
	}
	c := n.dial(t, node, "reader")
	var readings []*client.Reading
	for offset := int64(0); offset < topic.End(); {
		r, err := c.Fetch(topic, offset, 32*mib+777)
		must(t, err)
		must(t, r.Rest())
		readings, offset = append(readings, r), r.Next()
	}
	must(t, c.Close())
	must(t, exact(n.d.Closed(c.Source)[c.Source], readings...))
	user2, kernel2 := n.d.Metrics().Relayed()
	part := (kernel2 - kernel) / (kernel2 - kernel + user2 - user)
	t.Logf("%.1f %% of the bytes in kernel mode", 100*part)
	if part < 0.9 {
		t.Error("less than 90 %")
	}
}

// whole fetches a part of a topic with one answer.
func (n *network) whole(t *testing.T, address string, topic *broker.Topic) {
	t.Helper()
	c := n.dial(t, address, "whole")
	r, err := c.Fetch(topic, 0, 16*mib)
	must(t, err)
	must(t, r.Rest())
	must(t, c.Close())
	must(t, exact(n.d.Closed(c.Source)[c.Source], r))
}

// impaired delays and loses packets where the kernel can (netem). Where it cannot, a link that goes down for a moment
// now and then does the same to TCP: what was under way is lost and comes late.
func (n *network) impaired(t *testing.T, topic *broker.Topic) {
	err := errors.Join(
		sandbox.Run("tc", "-n", "clients", "qdisc", "add", "dev", "proxy", "root", "netem", "delay", "5ms", "2ms", "loss", "1%"),
		sandbox.Run("tc", "-n", "proxy", "qdisc", "add", "dev", "clients", "root", "netem", "delay", "5ms", "2ms", "loss", "1%"))
	if err == nil {
		for _, f := range families {
			n.whole(t, f.proxy, topic)
		}
		return
	}
	t.Logf("no netem in this kernel; links that go down and up instead (%v)", err)
	for _, f := range families {
		c := n.dial(t, f.proxy, "flapping")
		r, err := c.Fetch(topic, 0, 48*mib)
		must(t, err)
		for i := range 8 {
			link := n.clientLink
			if i%2 == 1 {
				link = n.brokerLink
			}
			must(t, r.Read(4*mib))
			link(t, "down")
			time.Sleep(50 * time.Millisecond)
			link(t, "up")
		}
		must(t, r.Rest())
		must(t, c.Close())
		must(t, exact(n.d.Closed(c.Source)[c.Source], r))
	}
}

// A link that goes down in the middle of an answer, for longer than a hiccup, and comes up again.
func TestLinkDown(t *testing.T) {
	const (
		away   = 1500 * time.Millisecond
		answer = 48 * mib
	)
	topic := broker.NewTopic("large", 128*kib, 64*mib)
	n := newNetwork(t, "", topic)
	for _, f := range families {
		for name, link := range map[string]func(*testing.T, string){"client": n.clientLink, "broker": n.brokerLink} {
			t.Run(f.name+"/"+name, func(t *testing.T) {
				c := n.dial(t, f.proxy, "patient")
				r, err := c.Fetch(topic, 0, answer)
				must(t, err)
				must(t, r.Read(4*mib))
				link(t, "down")
				time.Sleep(away)
				link(t, "up")
				must(t, r.Rest())
				must(t, c.Versions())
				must(t, c.Close())
				must(t, exact(n.d.Closed(c.Source)[c.Source], r))
			})
		}
	}
}

// A reset by either side in the middle of an answer ends that session alone, and the other side of it.
func TestReset(t *testing.T) {
	topic := broker.NewTopic("large", 128*kib, 64*mib)
	n := newNetwork(t, "", topic)
	for _, f := range families {
		other := n.dial(t, f.proxy, "other")
		kept, err := other.Fetch(topic, 0, 32*mib)
		must(t, err)
		must(t, kept.Read(2*mib))
		begin := func(id string) (*client.Client, *client.Reading) {
			c := n.dial(t, f.proxy, id)
			r, err := c.Fetch(topic, 0, 32*mib)
			must(t, err)
			must(t, r.Read(5*mib))
			return c, r
		}
		t.Run(f.name+"/by the client", func(t *testing.T) {
			c, r := begin("resetting")
			must(t, c.Reset())
			must(t, covers(n.d.Closed(c.Source)[c.Source], r))
			n.connections(t, 1)
		})
		t.Run(f.name+"/by the client in the middle of its request", func(t *testing.T) {
			c := n.dial(t, f.proxy, "half")
			must(t, c.Versions())
			half := c.ProduceFrame(topic.ProduceBatch(), "a", "b")
			_, err := c.Write(half[:len(half)/2])
			must(t, err)
			must(t, c.Reset())
			if s := n.d.Closed(c.Source)[c.Source]; len(s.Writes) != 0 || len(n.b.Produced("half")) != 0 {
				t.Errorf("half a Produce was recorded: %+v, or acted on", s.Writes)
			}
			n.connections(t, 1)
		})
		t.Run(f.name+"/by the broker", func(t *testing.T) {
			c, r := begin("reset")
			if got := n.b.Reset("reset"); got != 1 {
				t.Fatalf("%d connections", got)
			}
			if err := r.Rest(); err == nil || strings.Contains(err.Error(), "timeout") {
				t.Errorf("the client sees %v", err) // not the end that it was to see
			}
			must(t, c.Close())
			must(t, covers(n.d.Closed(c.Source)[c.Source], r))
		})
		must(t, kept.Rest())
		must(t, other.Close())
		must(t, exact(n.d.Closed(other.Source)[other.Source], kept))
	}
}

// connections waits until the broker has so many.
func (n *network) connections(t *testing.T, want int) {
	t.Helper()
	n.d.Until(time.Minute, fmt.Sprintf("%d connections to the broker", want), func() bool { return n.b.Connections() == want })
}

// A peer that is gone without a word is noticed by the timeouts.
func TestHalfOpen(t *testing.T) {
	topic := broker.NewTopic("large", 128*kib, 64*mib)
	n := newNetwork(t, "timeouts: {frame: 3s, stall: 5s, dial: 2s}", topic)
	address := families[0].proxy
	answered := func(id string) (*client.Client, *client.Reading) {
		c := n.dial(t, address, id)
		r, err := c.Fetch(topic, 0, 32*mib)
		must(t, err)
		must(t, r.Read(5*mib))
		return c, r
	}
	ends := func(t *testing.T, source, cause string) *door.Session {
		t.Helper()
		began := time.Now()
		s := n.d.Closed(source)[source]
		t.Logf("ended after %.1f s: %s", time.Since(began).Seconds(), s.Close.Cause)
		if !strings.Contains(s.Close.Cause, cause) {
			t.Errorf("the cause is not %q", cause)
		}
		if lines := n.d.Logged("connection closed", source, cause); lines != 1 {
			t.Errorf("%d lines in the log about it", lines)
		}
		return s
	}
	t.Run("client in the middle of its request", func(t *testing.T) {
		c := n.dial(t, address, "gone-asking")
		must(t, c.Versions())
		half := c.ProduceFrame(topic.ProduceBatch(), "a", "b")
		_, err := c.Write(half[:len(half)/3])
		must(t, err)
		time.Sleep(100 * time.Millisecond) // let it arrive
		n.clientLink(t, "down")
		defer n.clientLink(t, "up")
		ends(t, c.Source, "timeouts.frame")
	})
	t.Run("client in the middle of its answer", func(t *testing.T) {
		c, r := answered("gone-reading")
		n.clientLink(t, "down")
		defer n.clientLink(t, "up")
		must(t, covers(ends(t, c.Source, "timeouts.stall"), r))
	})
	t.Run("broker in the middle of its answer", func(t *testing.T) {
		c, r := answered("abandoned")
		n.brokerLink(t, "down")
		defer n.brokerLink(t, "up")
		if err := r.Rest(); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("the client sees %v", err)
		}
		must(t, covers(ends(t, c.Source, "timeouts.stall"), r))
	})
	t.Run("broker that cannot be reached", func(t *testing.T) {
		n.brokerLink(t, "down")
		c := n.dial(t, address, "too-early")
		if err := c.Versions(); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("the client sees %v", err)
		}
		s := n.d.Closed(c.Source)[c.Source]
		if !strings.Contains(s.Close.Cause, "no broker") || !strings.Contains(s.Close.Cause, families[0].broker) {
			t.Errorf("the record's cause is %q", s.Close.Cause)
		}
		if n.d.Logged(families[0].broker) == 0 {
			t.Error("no line in the log names the broker that cannot be reached")
		}
		if _, err := n.d.Get("/readyz"); err == nil {
			t.Error("/readyz says that it is ready")
		}
		n.brokerLink(t, "up")
		n.d.Until(time.Minute, "a client is served again", func() bool {
			c := n.dial(t, address, "again")
			defer c.Close()
			return c.Versions() == nil
		})
		n.d.Until(time.Minute, "ready again", func() bool { _, err := n.d.Get("/readyz"); return err == nil })
	})
	n.whole(t, address, topic)
}
