//go:build linux

package net

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

// serve starts a broker on loopback for as long as the test lasts.
func serve(t *testing.T, topics ...*broker.Topic) *broker.Broker {
	t.Helper()
	b := broker.New(topics...)
	l, err := net.Listen("tcp", door.Upstream)
	if err != nil {
		t.Fatal(err)
	}
	b.Serve(l)
	t.Cleanup(b.Close)
	return b
}

// dial connects to the proxy on loopback, until the test ends or the client is closed.
func dial(t *testing.T, id string) *client.Client {
	t.Helper()
	return dialTo(t, door.Address, id)
}

func dialTo(t *testing.T, address, id string) *client.Client {
	t.Helper()
	c, err := client.Dial(address, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// each calls f with 0 to n-1, workers of them at a time, and returns the first few errors.
func each(n, workers int, f func(i int) error) error {
	var mu sync.Mutex
	var errs []error
	next := make(chan int)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("%d: %w", i, err))
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
	if len(errs) > 5 {
		errs = append(errs[:5], fmt.Errorf("and %d more", len(errs)-5))
	}
	return errors.Join(errs...)
}

// must fails the test.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

func dialUnix(path string) (net.Conn, error) { return net.Dial("unix", path) }
