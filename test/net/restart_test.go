//go:build linux

package net

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/door"
)

// Over a restart, orderly or not, clients with a broker's address in their cache find it where it was, and the names
// behind topic ids are known without asking.
func TestRestart(t *testing.T) {
	topic := broker.NewTopic("orders", 64*kib, 8*mib)
	b := serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One()})
	c := dial(t, "first")
	must(t, c.Versions())
	nodes, err := c.Nodes(topic)
	must(t, err)
	node := fmt.Sprintf("127.0.0.1:%d", 9100+broker.NodeID)
	if len(nodes) != 1 || nodes[broker.NodeID] != node {
		t.Fatalf("the nodes are %v", nodes)
	}
	file := filepath.Join(d.State, "clusters", "net.json")
	d.Until(time.Minute, "nodes and topics kept", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), topic.KafkaID())
	})
	asked := b.Lookups()
	for i, end := range []func(){d.Stop, d.Kill, d.Stop} {
		end()
		d.Run()
		c := dialTo(t, node, fmt.Sprint("cached-", i))
		r, err := c.FetchByID(topic, 0, 4*mib)
		must(t, err)
		must(t, r.Rest())
		must(t, c.Close())
		s := d.Closed(c.Source)[c.Source]
		if err := exact(s, r); err != nil {
			t.Errorf("restart %d: %v", i, err)
		}
		if id := s.Reads[0].TopicID; id != topic.KafkaID() {
			t.Errorf("restart %d: topic_id is %q, not %q", i, id, topic.KafkaID())
		}
	}
	if n := b.Lookups(); n != asked {
		t.Errorf("the broker was asked %d times for what was kept", n-asked)
	}
}
