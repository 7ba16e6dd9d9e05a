//go:build linux

package net

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

const nobody = 65534

// As an ordinary user the proxy has few kernel pipes: it must share them, and copy beyond.
func TestOrdinaryUser(t *testing.T) {
	const (
		count = 100
		size  = 24 * mib
		most  = 2*size/3 + 1000 // so that two fetches, the first of them cut, reach the end
		pipes = 48
	)
	topics := []*broker.Topic{broker.NewTopic("large", 128*kib, size), broker.NewTopic("middle", 64*kib, size)}
	serve(t, topics...)
	d := door.Start(t, door.Options{Clusters: door.One(), UID: nobody})
	ordinary(t, d)
	_, before := d.Descriptors() // what it was given at its start is not its own

	readings := make([][]*client.Reading, count)
	clients := make([]*client.Client, count)
	for i := range clients {
		clients[i] = dial(t, fmt.Sprint("busy-", i))
		r, err := clients[i].Fetch(topics[i%len(topics)], 0, most)
		must(t, err)
		readings[i] = append(readings[i], r)
	}
	// While no client reads, every mover is stuck with what it has: that is when most pipes are taken.
	d.Until(time.Minute, "pipes run out", func() bool { return d.Metrics().Sum("doorkeeper_pipes_refused_total") > 0 })
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			_, open := d.Descriptors()
			peak.Store(max(peak.Load(), int64(open-before)))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	err := each(count, count, func(i int) error {
		first := readings[i][0]
		if err := first.Rest(); err != nil {
			return err
		}
		r, err := clients[i].Fetch(first.Topic, first.Next(), most)
		if err != nil {
			return err
		}
		readings[i] = append(readings[i], r)
		return errors.Join(r.Rest(), clients[i].Close())
	})
	close(stop)
	<-stopped
	must(t, err)
	m := d.Metrics()
	user, kernel := m.Relayed()
	t.Logf("kernel mode %.0f MiB, user mode %.0f MiB; %d pipes at most; refused %.0f times", kernel/mib, user/mib, peak.Load(),
		m.Sum("doorkeeper_pipes_refused_total"))
	if peak.Load() > pipes || peak.Load() == 0 {
		t.Errorf("%d pipes at once, not 1 to %d", peak.Load(), pipes)
	}
	if user < mib || kernel < mib {
		t.Errorf("not both modes were used: %.0f bytes in user mode, %.0f in kernel mode", user, kernel)
	}
	sessions := d.Closed(sources(clients)...)
	for i, c := range clients {
		if err := exact(sessions[c.Source], readings[i]...); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// ordinary checks that the proxy has no rights of root.
func ordinary(t *testing.T, d *door.Door) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
	must(t, err)
	if !strings.Contains(string(status), "CapEff:\t0000000000000000") || !strings.Contains(string(status), "Uid:\t65534\t65534") {
		t.Fatalf("the proxy runs as\n%s", status)
	}
}

func sources(clients []*client.Client) (all []string) {
	for _, c := range clients {
		all = append(all, c.Source)
	}
	return all
}

// Many slow readers of large answers: nobody's answer is held in memory, nobody is dropped.
func TestSlowReaders(t *testing.T) {
	for _, batch := range []int{128 * kib, 16 * kib, 4 * kib} {
		t.Run(fmt.Sprintf("%dKiB", batch/kib), func(t *testing.T) { slowReaders(t, batch) })
	}
}

func slowReaders(t *testing.T, batch int) {
	const (
		count  = 200
		answer = 50 * mib
		slow   = 5 * mib // what each reads slowly
		full   = 20      // one in so many reads on to the end
		most   = 128 * mib
	)
	topic := broker.NewTopic(fmt.Sprintf("backlog-%d", batch), batch, 2*answer)
	b := serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One()})
	clients, readings := make([]*client.Client, count), make([]*client.Reading, count)
	for i := range clients {
		clients[i] = dial(t, fmt.Sprint("slow-", i))
	}
	must(t, each(count, count, func(i int) (err error) {
		readings[i], err = clients[i].Fetch(topic, int64(i%10*topic.Records), answer)
		return err
	}))
	must(t, each(count, count, func(i int) error {
		for readings[i].At < slow {
			if err := readings[i].Read(64 * kib); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}))
	if n := b.Connections(); n != count {
		t.Errorf("%d of %d connections are left", n, count)
	}
	must(t, each(count/full, count/full, func(i int) error { return readings[i*full].Rest() }))
	must(t, each(count, 1, func(i int) error { return clients[i].Close() }))
	_, peak := d.Memory()
	user, kernel := d.Metrics().Relayed()
	t.Logf("%d clients, batches of %d KiB: %d MiB resident at most; kernel mode %.0f MiB, user mode %.0f MiB", count, batch/kib,
		peak/mib, kernel/mib, user/mib)
	if peak > most {
		t.Errorf("%d MiB resident at the peak, more than %d", peak/mib, most/mib)
	}
	sessions := d.Closed(sources(clients)...)
	for i, c := range clients {
		err := covers(sessions[c.Source], readings[i])
		if i%full == 0 {
			err = exact(sessions[c.Source], readings[i])
		}
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// A client that is silent for a while in the middle of a large answer is still served: no deadline holds for a whole
// answer.
func TestSilentClient(t *testing.T) {
	const silence = 40 * time.Second
	topic := broker.NewTopic("backlog", 128*kib, 51*mib)
	serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One()})
	c := dial(t, "silent")
	r, err := c.Fetch(topic, 0, 50*mib)
	must(t, err)
	must(t, r.Read(10*mib))
	time.Sleep(silence)
	must(t, r.Rest())
	must(t, c.Versions())
	must(t, c.Close())
	must(t, exact(d.Closed(c.Source)[c.Source], r))
}
