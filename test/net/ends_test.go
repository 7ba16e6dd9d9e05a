//go:build linux

package net

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

// A broker that closes after its answer: a slow client gets all of it, and then the end, not a reset.
func TestLastAnswer(t *testing.T) {
	for _, batch := range []int{128 * kib, 4 * kib} {
		t.Run(fmt.Sprintf("%dKiB", batch/kib), func(t *testing.T) {
			topic := broker.NewTopic("last", batch, 32*mib)
			topic.Last = true
			serve(t, topic)
			d := door.Start(t, door.Options{Clusters: door.One()})
			c := dial(t, "slow")
			r, err := c.Fetch(topic, 0, 32*mib)
			must(t, err)
			must(t, r.Read(20*mib))
			time.Sleep(7 * time.Second) // longer than the proxy waits for who has nothing more to come
			must(t, r.Read(10*mib))
			time.Sleep(7 * time.Second)
			must(t, r.Rest())
			end(t, c)
			must(t, exact(d.Closed(c.Source)[c.Source], r))
		})
	}
}

// end checks that the connection ends here, and well.
func end(t *testing.T, c *client.Client) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("no clean end but %d bytes, %v", n, err)
	}
}

// SIGTERM in the middle of large answers: who reads on gets all of it.
func TestDrain(t *testing.T) {
	const count = 20
	topic := broker.NewTopic("large", 128*kib, 64*mib)
	serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One(), Extra: "timeouts: {drain: 50s}"})
	clients, readings := make([]*client.Client, count), make([]*client.Reading, count)
	for i := range clients {
		clients[i] = dial(t, "draining")
		r, err := clients[i].Fetch(topic, 0, 32*mib)
		must(t, err)
		must(t, r.Read(3*mib))
		readings[i] = r
	}
	idler := dial(t, "idle")
	must(t, idler.Versions())
	wait := d.Terminate()
	end(t, idler) // at once: nothing of it is in flight
	time.Sleep(3 * time.Second)
	must(t, each(count, count, func(i int) error { return readings[i].Rest() }))
	for _, c := range clients {
		end(t, c)
		must(t, c.Close())
	}
	wait()
	sessions := d.Sessions()
	for i, c := range clients {
		if err := exact(sessions[c.Source], readings[i]); err != nil {
			t.Error(err)
		}
	}
}

// With few descriptors the proxy turns away whom it cannot serve, says so, and serves the others.
func TestFewDescriptors(t *testing.T) {
	const files, room, count = 600, (600 - 512) / 2, 200
	topic := broker.NewTopic("small", 4*kib, mib)
	serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One(), Files: files})
	var served []*client.Client
	for range count {
		c := dial(t, "crowd")
		if c.Versions() == nil {
			served = append(served, c)
		}
	}
	if len(served) != room {
		t.Errorf("%d clients are served, not %d", len(served), room)
	}
	if n := d.Metrics().Sum("doorkeeper_sessions_turned_away_total"); n != count-room {
		t.Errorf("%.0f turned away, not %d", n, count-room)
	}
	if n := d.Logged("connection turned away"); n == 0 || n > count-room {
		t.Errorf("%d lines in the log say so", n)
	}
	for i, c := range served {
		r, err := c.Fetch(topic, 0, mib)
		must(t, err)
		must(t, r.Rest())
		if i%2 == 0 {
			must(t, c.Close())
		}
	}
	idle(d, room/2)
	c := dial(t, "late")
	must(t, c.Versions())
}
