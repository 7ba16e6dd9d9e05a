// Package fakecluster runs a kfake cluster in a child process of the same binary, for the demo and for tests: a frame
// that kfake does not expect ends its process, and that must not be ours.
package fakecluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Env marks a process that is to be a fake cluster. Its value is the Options as JSON.
const Env = "DOORKEEPER_FAKE_CLUSTER"

// Options of a fake cluster.
type Options struct {
	Brokers int               // 0: 1
	Topics  map[string]int32  // to make, with their partitions
	Users   map[string]string // PLAIN and SCRAM users with their passwords; none: no SASL

	// Settings are what a broker says of its configuration, in place of kfake's own. {address} stands for its host:port.
	Settings map[string]string
}

// ServeIfAsked serves a fake cluster until standard input ends, if the environment asks for one: asked is then true.
func ServeIfAsked() (asked bool, err error) {
	text := os.Getenv(Env)
	if text == "" {
		return false, nil
	}
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return true, err
	}
	return true, o.serve(os.Stdin, os.Stdout)
}

func (o *Options) serve(in io.Reader, out io.Writer) error {
	// Ctrl-C reaches every process of a terminal's group. The parent says when the brokers go: after the proxy's drain.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	opts := []kfake.Opt{kfake.NumBrokers(max(1, o.Brokers))}
	for topic, partitions := range o.Topics {
		opts = append(opts, kfake.SeedTopics(partitions, topic))
	}
	if len(o.Users) > 0 {
		opts = append(opts, kfake.EnableSASL())
	}
	for user, password := range o.Users {
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			opts = append(opts, kfake.Superuser(mechanism, user, password))
		}
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(o.Users) > 0 {
		if err := offerHandshakeV0(c); err != nil {
			return err
		}
	}
	if o.Settings != nil {
		o.describe(c)
	}
	if _, err := fmt.Fprintln(out, strings.Join(c.ListenAddrs(), ",")); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in) // ends when the parent closes it, or is gone
	return err
}

// offerHandshakeV0 lets the brokers say that they speak version 0 of SaslHandshake, which kfake does not. librdkafka (and
// so kcat) takes a broker without it for one without SASL; it then uses version 1 all the same.
func offerHandshakeV0(c *kfake.Cluster) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	own, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("asking the fake cluster for its API versions: %w", err)
	}
	for i := range own.ApiKeys {
		if key := &own.ApiKeys[i]; key.ApiKey == int16(kmsg.SASLHandshake) {
			key.MinVersion = 0
		}
	}
	c.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if req.GetVersion() > own.Version {
			return nil, nil, false // kfake's own way of saying which versions it has
		}
		c.KeepControl()
		resp := *own
		resp.Version = req.GetVersion()
		return &resp, nil, true
	})
	return nil
}

// describe lets brokers answer with Settings when they are asked for their configuration.
func (o *Options) describe(c *kfake.Cluster) {
	var nodes []string
	for i := range c.ListenAddrs() {
		nodes = append(nodes, strconv.Itoa(i))
	}
	c.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := req.(*kmsg.DescribeConfigsRequest)
		answer := asked.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, r := range asked.Resources {
			if r.ResourceType != kmsg.ConfigResourceTypeBroker {
				return nil, nil, false
			}
			node := slices.Index(nodes, r.ResourceName)
			if node < 0 {
				return nil, nil, false
			}
			of := kmsg.NewDescribeConfigsResponseResource()
			of.ResourceType, of.ResourceName = r.ResourceType, r.ResourceName
			for name, value := range o.Settings {
				value = strings.ReplaceAll(value, "{address}", c.ListenAddrs()[node])
				config := kmsg.NewDescribeConfigsResponseResourceConfig()
				config.Name, config.Value = name, &value
				of.Configs = append(of.Configs, config)
			}
			answer.Resources = append(answer.Resources, of)
		}
		return answer, nil, true
	})
}

// A Cluster is a fake cluster in a child process.
type Cluster struct {
	Addrs []string // of its brokers, host:port

	cmd *exec.Cmd
	in  io.Closer
}

// Start starts this program once more as a fake cluster: its main, or TestMain, must call ServeIfAsked first.
func Start(o Options) (*Cluster, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), Env+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &Cluster{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the fake cluster did not start: %w", errors.Join(err, c.Close()))
	}
	c.Addrs = strings.Split(strings.TrimSpace(line), ",")
	return c, nil
}

// Close ends the child and waits for it.
func (c *Cluster) Close() error {
	_ = c.in.Close() // that is the sign; the child may be gone already
	return c.cmd.Wait()
}
