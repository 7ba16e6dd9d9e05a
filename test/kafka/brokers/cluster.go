// Package brokers runs real Apache Kafka: one or more combined broker and controller nodes on loopback, each a Java
// process that dies with the test binary, with every listener and mechanism that the tests use.
package brokers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"doorkeeper/test/kafka/parts"
)

// Options is what one cluster differs in from another. The zero value is one node with a small heap.
type Options struct {
	Nodes       int
	Controllers int               // how many of the nodes, from the first, are controllers too; 1 by default
	Heap        string            // of each node, for -Xmx; "384m" by default
	Properties  map[string]string // added to, or in place of, those of every node
	Users       map[string]string // more users with their passwords, for PLAIN alone
}

// A Cluster is running brokers.
type Cluster struct {
	Dir          string
	Certificates *Certificates
	options      Options
	classPath    string
	firstPort    int
	nodes        []*Process // index: node id - 1; nil while stopped
}

// Start brings a cluster up in dir and waits until every node answers.
func Start(ctx context.Context, dir string, o Options) (*Cluster, error) {
	o.Nodes, o.Controllers = max(1, o.Nodes), max(1, o.Controllers)
	if o.Heap == "" {
		o.Heap = "384m"
	}
	c := &Cluster{Dir: dir, options: o, nodes: make([]*Process, o.Nodes)}
	var err error
	if c.classPath, err = parts.ClassPath(ctx); err != nil {
		return nil, err
	}
	if c.Certificates, err = NewCertificates(filepath.Join(dir, "tls")); err != nil {
		return nil, err
	}
	if c.firstPort, err = FreePorts(o.Nodes * len(portNames)); err != nil {
		return nil, err
	}
	if err := c.configure(ctx); err != nil {
		return nil, err
	}
	for _, id := range c.IDs() {
		if err := c.StartNode(id); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	if err := c.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, errors.New(c.LogTail(40)), c.Stop())
	}
	return c, nil
}

// IDs are the node ids: 1 and up.
func (c *Cluster) IDs() []int32 {
	ids := make([]int32, len(c.nodes))
	for i := range ids {
		ids[i] = int32(i + 1)
	}
	return ids
}

// Each node has a block of ports, one for each of these names, in this order.
var portNames = func() []string {
	names := []string{controller, internal}
	for _, l := range clientListeners {
		names = append(names, l.Name)
	}
	return names
}()

func (c *Cluster) port(id int32, listener string) int {
	for i, name := range portNames {
		if name == listener {
			return c.firstPort + int(id-1)*len(portNames) + i
		}
	}
	panic("no listener " + listener)
}

// Port is the port of l on node id.
func (c *Cluster) Port(id int32, l Listener) int { return c.port(id, l.Name) }

// Address is where node id listens for l: host:port at Loopback.
func (c *Cluster) Address(id int32, l Listener) string {
	return fmt.Sprintf("%s:%d", Loopback, c.Port(id, l))
}

// Bootstrap is the advertised address of l on every node.
func (c *Cluster) Bootstrap(l Listener) []string {
	var all []string
	for _, id := range c.IDs() {
		all = append(all, fmt.Sprintf("%s:%d", l.Host, c.Port(id, l)))
	}
	return all
}

func (c *Cluster) dataDir(id int32) string { return filepath.Join(c.Dir, "data", fmt.Sprint(id)) }
func (c *Cluster) fileOf(id int32) string {
	return filepath.Join(c.Dir, fmt.Sprintf("node%d.properties", id))
}
func (c *Cluster) logOf(id int32) string { return filepath.Join(c.Dir, fmt.Sprintf("node%d.log", id)) }
func (c *Cluster) log4j() string         { return filepath.Join(c.Dir, "log4j2.yaml") }

// PartitionDir is the folder in which node id keeps the segments of a partition.
func (c *Cluster) PartitionDir(id int32, topic string, partition int) string {
	return filepath.Join(c.dataDir(id), fmt.Sprintf("%s-%d", topic, partition))
}

const log4jConfig = `Configuration:
  Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}, Logger: [{name: kafka.server.KafkaRaftServer, level: INFO},
    {name: kafka.server.KafkaConfig, level: ERROR}, {name: org.apache.kafka.clients.NetworkClient, level: ERROR}]}
`

// configure writes the files and formats the data folders.
func (c *Cluster) configure(ctx context.Context) error {
	if err := os.WriteFile(c.log4j(), []byte(log4jConfig), 0o644); err != nil {
		return err
	}
	for _, id := range c.IDs() {
		if err := os.WriteFile(c.fileOf(id), []byte(c.properties(id)), 0o644); err != nil {
			return err
		}
	}
	return c.format(ctx)
}

// StartNode starts a node that does not run.
func (c *Cluster) StartNode(id int32) error {
	cmd := exec.Command("java", "-Xms128m", "-Xmx"+c.options.Heap, "-XX:+UseSerialGC", "-Xshare:auto",
		"-Dlog4j2.configurationFile="+c.log4j(), "-cp", c.classPath, "kafka.Kafka", c.fileOf(id))
	cmd.Dir = c.Dir
	p, err := Spawn(cmd, c.logOf(id))
	if err != nil {
		return err
	}
	c.nodes[id-1] = p
	return nil
}

// StopNode asks a node to shut down and waits for it.
func (c *Cluster) StopNode(id int32) error {
	p := c.nodes[id-1]
	if p == nil {
		return nil
	}
	c.nodes[id-1] = nil
	return p.Stop(60 * time.Second)
}

// KillNode ends a node at once, as a crash would.
func (c *Cluster) KillNode(id int32) {
	if p := c.nodes[id-1]; p != nil {
		c.nodes[id-1] = nil
		p.Kill()
	}
}

// Stop ends all nodes at once: nobody needs their data any more.
func (c *Cluster) Stop() error {
	for _, id := range c.IDs() {
		c.KillNode(id)
	}
	return nil
}

// LogTail returns the last lines of every node's log.
func (c *Cluster) LogTail(lines int) string {
	var b strings.Builder
	for _, id := range c.IDs() {
		content, err := os.ReadFile(c.logOf(id))
		if err != nil {
			fmt.Fprintf(&b, "node %d: %v\n", id, err)
			continue
		}
		all := strings.Split(strings.TrimSpace(string(content)), "\n")
		fmt.Fprintf(&b, "node %d:\n", id)
		for _, line := range all[max(0, len(all)-lines):] {
			fmt.Fprintf(&b, "  %.300s\n", line)
		}
	}
	return b.String()
}
