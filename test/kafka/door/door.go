// Package door runs doorkeeper in front of a cluster, with a tap in front of each of its ports.
package door

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/parts"
	"doorkeeper/test/kafka/tap"
)

// Behind first_port doorkeeper keeps this many ports for brokers.
const keptPorts = 10

// A Front is one listener of doorkeeper. Clients bootstrap at Bootstrap, where a tap listens.
type Front struct {
	Name     string
	Upstream brokers.Listener
	TLS      bool
	port     int // of the bootstrap listener; the ports behind it are the nodes'
}

// Bootstrap is the address to give to clients.
func (f *Front) Bootstrap() string { return fmt.Sprintf("%s:%d", brokers.Tapped, f.port) }

// Node is the address of a broker's own port.
func (f *Front) Node(id int32) string {
	return fmt.Sprintf("%s:%d", brokers.Tapped, f.firstPort()+int(id))
}

func (f *Front) firstPort() int { return f.port + 1 }

// The fronts of every doorkeeper of these tests, in front of a broker's listener each.
func fronts() []*Front {
	return []*Front{
		{Name: "open", Upstream: brokers.Plain},
		{Name: "sasl", Upstream: brokers.SASL},
		{Name: "reauth", Upstream: brokers.Reauth},
		{Name: "open-tls", Upstream: brokers.Plain, TLS: true},
		{Name: "sasl-tls", Upstream: brokers.SASL, TLS: true},
		{Name: "tls-tls", Upstream: brokers.TLS, TLS: true},
		{Name: "sasl-tls-tls", Upstream: brokers.SASLTLS, TLS: true},
	}
}

// A Door is a running doorkeeper.
type Door struct {
	Dir      string
	Recorder *tap.Recorder
	cluster  *brokers.Cluster
	binary   string
	fronts   []*Front
	taps     []*tap.Tap
	process  *brokers.Process
	admin    string
}

// Options is what one doorkeeper differs in from another.
type Options struct {
	Extra string // YAML added at the top level of the configuration
}

// Start builds doorkeeper, starts it and waits until it says that it is ready.
func Start(ctx context.Context, dir string, c *brokers.Cluster, o Options) (*Door, error) {
	d := &Door{Dir: dir, Recorder: &tap.Recorder{}, cluster: c, fronts: fronts()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if d.binary, err = parts.Doorkeeper(ctx, dir); err != nil {
		return nil, err
	}
	for _, f := range d.fronts {
		if f.port, err = brokers.FreePorts(1 + keptPorts); err != nil {
			return nil, err
		}
	}
	port, err := brokers.FreePorts(1)
	if err != nil {
		return nil, err
	}
	d.admin = fmt.Sprintf("%s:%d", brokers.Loopback, port)
	if err := os.WriteFile(d.configFile(), []byte(d.config(o)), 0o600); err != nil {
		return nil, err
	}
	if err := d.openTaps(); err != nil {
		d.Close()
		return nil, err
	}
	if err := d.Run(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Front returns the listener of that name.
func (d *Door) Front(name string) *Front {
	for _, f := range d.fronts {
		if f.Name == name {
			return f
		}
	}
	panic("no front " + name)
}

func (d *Door) configFile() string { return filepath.Join(d.Dir, "doorkeeper.yaml") }
func (d *Door) logFile() string    { return filepath.Join(d.Dir, "doorkeeper.log") }

// RecordFile is where the access records go.
func (d *Door) RecordFile() string { return filepath.Join(d.Dir, "state", "access.jsonl") }

// Run starts the process and waits until it is ready.
func (d *Door) Run(ctx context.Context) error {
	p, err := brokers.Spawn(exec.Command(d.binary, "run", "-c", d.configFile()), d.logFile())
	if err != nil {
		return err
	}
	d.process = p
	deadline := time.Now().Add(time.Minute)
	for {
		err := d.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("doorkeeper ended while it started\n%s", d.Log())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("doorkeeper is not ready: %w\n%s", err, d.Log())
		}
	}
}

func (d *Door) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.admin+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz answers %s", response.Status)
	}
	return nil
}

// Log is doorkeeper's own log.
func (d *Door) Log() string {
	content, err := os.ReadFile(d.logFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-100):], "\n")
}

// Stop ends the process as an operator does.
func (d *Door) Stop() error {
	if d.process == nil {
		return nil
	}
	p := d.process
	d.process = nil
	return p.Stop(40 * time.Second)
}

// Close stops doorkeeper and the taps.
func (d *Door) Close() error {
	err := d.Stop()
	for _, t := range d.taps {
		t.Close()
	}
	return err
}

func (d *Door) openTaps() error {
	for _, f := range d.fronts {
		security, err := d.tapSecurity(f)
		if err != nil {
			return err
		}
		ports := map[int32]int{-1: f.port}
		for _, id := range d.cluster.IDs() {
			ports[id] = f.firstPort() + int(id)
		}
		for node, port := range ports {
			t, err := tap.Listen(fmt.Sprintf("%s:%d", brokers.Tapped, port),
				fmt.Sprintf("%s:%d", brokers.Loopback, port), node, security, d.Recorder)
			if err != nil {
				return err
			}
			d.taps = append(d.taps, t)
		}
	}
	return nil
}

// tapSecurity lets a tap read inside TLS. It shows doorkeeper the certificate of the client that it has before it.
func (d *Door) tapSecurity(f *Front) (*tap.Security, error) {
	if !f.TLS {
		return nil, nil
	}
	return Security(d.cluster.Certificates)
}

// Security is a tap's TLS with the certificates of these tests.
func Security(c *brokers.Certificates) (*tap.Security, error) {
	server, err := c.Pair("broker")
	if err != nil {
		return nil, err
	}
	return &tap.Security{
		Server: &tls.Config{
			Certificates: []tls.Certificate{server}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: c.Pool,
		},
		Client: func(name string) *tls.Config {
			config := &tls.Config{RootCAs: c.Pool, ServerName: brokers.Loopback}
			if name == "" {
				return config
			}
			if pair, err := c.Pair(name); err == nil {
				config.Certificates = []tls.Certificate{pair}
			}
			return config
		},
	}, nil
}
