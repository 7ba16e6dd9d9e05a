// Package demo shows what doorkeeper is in a minute, with nothing installed: a fake Kafka cluster in a child process,
// doorkeeper before it, honest applications, and a stolen credential that copies two topics out. What is printed comes
// from the access records, as everybody would read them.
//
// Its goroutines are the applications; Run waits for all of them, and the context ends them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"doorkeeper/admin"
	"doorkeeper/app"
	"doorkeeper/config"
	"doorkeeper/internal/fakecluster"
)

// Options of a demo.
type Options struct {
	Out     io.Writer
	Log     io.Writer // the proxy's log
	Colour  bool
	Keep    bool // stay after the story, until the context ends
	Version string
	Command string // how the reader calls doorkeeper, for the commands that are shown
}

const brokers = 3

// A stage is what the story plays on.
type stage struct {
	dir     string // state and records, gone afterwards
	cluster *fakecluster.Cluster
	app     *app.App
	served  chan error
	addr    string // where clients connect
	out     printer
	opt     Options
}

// Run plays the demo. It ends by itself, or with ctx, which is no error.
func Run(ctx context.Context, opt Options) (err error) {
	s := &stage{opt: opt, out: printer{opt.Out, opt.Colour}}
	defer func() { err = errors.Join(err, s.strike()) }()
	if err := s.build(); err != nil {
		return err
	}
	s.introduce()
	if err := s.play(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.further()
	if opt.Keep {
		<-ctx.Done()
	}
	return nil
}

// build starts the cluster and the proxy.
func (s *stage) build() (err error) {
	if s.dir, err = os.MkdirTemp("", "doorkeeper-demo-"); err != nil {
		return err
	}
	if s.cluster, err = fakecluster.Start(fakecluster.Options{Brokers: brokers, Topics: topics, Users: users}); err != nil {
		return err
	}
	first, err := freePorts(1 + brokers)
	if err != nil {
		return err
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", first)
	file := filepath.Join(s.dir, "doorkeeper.yaml")
	if err := os.WriteFile(file, []byte(s.yaml(first)), 0o600); err != nil {
		return err
	}
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	if s.app, err = app.Open(c, app.Options{Version: s.opt.Version, Log: s.opt.Log}); err != nil {
		return err
	}
	s.served = make(chan error, 1)
	go func() { s.served <- s.app.Serve(context.Background(), nil) }()
	return nil
}

// yaml is the whole configuration: what a person would write.
func (s *stage) yaml(first int) string {
	return fmt.Sprintf(`proxy_id: demo
state_dir: %s
clusters:
  - name: erp
    bootstrap: [%s]
    listeners:
      - name: clients
        address: %s
        first_port: %d
records: {flow_interval: 250ms, summary_interval: 1s, segment: {max_bytes: 8MiB}}
limits: {connections: 500}
log: {level: warn}
`, filepath.Join(s.dir, "state"), s.cluster.Addrs[0], s.addr, first+1)
}

func (s *stage) records() string { return filepath.Join(s.dir, "state", "access.jsonl") }
func (s *stage) socket() string  { return filepath.Join(s.dir, "state", "admin.sock") }

// strike takes everything down.
func (s *stage) strike() (err error) {
	if s.app != nil {
		s.app.Drain(admin.Actor{Name: "demo", Role: admin.Operator, Method: "process"})
		err = <-s.served
	}
	if s.cluster != nil {
		err = errors.Join(err, s.cluster.Close())
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// together runs every function and waits for all.
func together(ctx context.Context, fs ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(fs))
	for _, f := range fs {
		go func() { errs <- f(ctx) }()
	}
	var all error
	for range fs {
		if err := <-errs; err != nil {
			all = errors.Join(all, err)
			cancel()
		}
	}
	return all
}

// freePorts finds n ports in a row that nobody listens on.
func freePorts(n int) (int, error) {
	for first := 39092; first < 60000; first += 100 {
		if allFree(first, n) {
			return first, nil
		}
	}
	return 0, errors.New("no free ports between 39092 and 60000 on 127.0.0.1")
}

func allFree(first, n int) bool {
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+i))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// settle waits until what was done lies in the file of records: the longest interval of the configuration, and the
// sweeper's.
func settle(ctx context.Context) error { return sleep(ctx, 1500*time.Millisecond) }
