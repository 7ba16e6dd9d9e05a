//go:build linux

package net

import (
	"fmt"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

// Idle connections: as many as the descriptors allow, each served, small, and gone without a trace.
func TestIdleConnections(t *testing.T) {
	const (
		count = 9000
		most  = 24 * kib // resident bytes of an idle connection
	)
	topic := broker.NewTopic("small", 4*kib, 64*kib)
	b := serve(t, topic)
	d := door.Start(t, door.Options{Clusters: door.One()})
	warm := dial(t, "warm")
	must(t, warm.Versions())
	must(t, warm.Close())
	idle(d, 0)
	d.Collect()
	memory, _ := d.Memory()
	files, _ := d.Descriptors()

	clients := make([]*client.Client, count)
	open := func() {
		t.Helper()
		must(t, each(count, 64, func(i int) (err error) {
			if clients[i], err = client.Dial(door.Address, "idle"); err != nil {
				return err
			}
			t.Cleanup(func() { _ = clients[i].Close() })
			return clients[i].Versions()
		}))
		idle(d, count)
	}
	closeAll := func() {
		t.Helper()
		must(t, each(count, 64, func(i int) error { return clients[i].Close() }))
		idle(d, 0)
		d.Until(time.Minute, fmt.Sprintf("descriptors back at %d", files), func() bool {
			n, _ := d.Descriptors()
			return n <= files
		})
	}

	open()
	if n := b.Connections(); n != count {
		t.Errorf("%d connections to the broker, not %d", n, count)
	}
	var taken int64
	perIdle := func(when string) {
		t.Helper()
		var kept int64
		taken, kept = settled(d, memory, count*most)
		t.Logf("%d idle connections %s: %.1f KiB resident each, and %.1f KiB for what the journal keeps", count, when,
			float64(taken)/count/kib, float64(kept)/count/kib)
		if taken > count*most {
			t.Errorf("more than %d KiB each", most/kib)
		}
	}
	perIdle("after ApiVersions")

	must(t, each(count, 64, func(i int) error {
		r, err := clients[i].Fetch(topic, 0, 8*kib)
		if err != nil {
			return err
		}
		return r.Rest()
	}))
	d.Until(time.Minute, "all reads recorded", func() bool {
		time.Sleep(time.Second)
		return d.Metrics().Sum("doorkeeper_journal_records_total", `kind="access"`) >= count
	})
	perIdle("after a Fetch")

	closeAll()
	sessions := d.Closed(sources(clients)...)
	for _, c := range clients {
		if s := sessions[c.Source]; s == nil || s.Close == nil || len(s.Reads) != 1 || s.Reads[0].Batches != 2 {
			t.Fatalf("the records of %s: %+v", c.Source, s)
		}
	}

	// Half of what they took is back with the system, and what is not serves the next ones: nothing leaks.
	rest, kept := settled(d, memory, taken/2)
	t.Logf("with all closed: %d MiB more than at the start, and %d MiB for what the journal keeps", rest/mib, kept/mib)
	if rest > taken/2 {
		t.Errorf("more than half of the %d MiB that they took", taken/mib)
	}
	open()
	closeAll()
	again, kept := settled(d, memory, rest+taken/8)
	t.Logf("after another %d: %d MiB more than at the start, and %d MiB for what the journal keeps", count, again/mib, kept/mib)
	if again > rest+taken/8 {
		t.Error("it grows with each round")
	}
}

// idle waits until exactly n sessions are open.
func idle(d *door.Door, n int) {
	d.Until(time.Minute, fmt.Sprintf("%d sessions", n), func() bool {
		return d.Metrics().Sum("doorkeeper_sessions") == float64(n)
	})
}

// settled returns how much more than base is resident, once that is at most limit or has had its time to become so: what
// the collector frees goes back to the system little by little. The records that the journal keeps for its readers are
// counted apart: they stay however long ago their sessions ended, up to the journal's own bound.
func settled(d *door.Door, base, limit int64) (more, kept int64) {
	for try := range 60 {
		if try%10 == 0 {
			d.Collect()
		}
		now, _ := d.Memory()
		kept = int64(d.Metrics().Sum("doorkeeper_journal_used_bytes"))
		if more = now - base - kept; more <= limit && try >= 5 {
			break
		}
		time.Sleep(time.Second)
	}
	return more, kept
}
