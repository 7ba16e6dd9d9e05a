//go:build linux

package net

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

// A crowd of bad clients, all at once: half-sent requests, bytes one by one, TLS and garbage on a plaintext listener.
// Memory stays bounded, each of them ends with one line in the log at most, and a good client notices nothing.
func TestFlood(t *testing.T) {
	const (
		half, slow, hello, garbage = 500, 200, 200, 50
		buffers                    = 32 * mib
		most                       = buffers + 96*mib // resident: buffers, and 950 connections with all that Go needs for them
		frame                      = 6 * time.Second
	)
	topic := broker.NewTopic("large", 128*kib, 64*mib)
	b := serve(t, topic)
	d := door.Start(t, door.Options{
		Clusters: door.One(),
		Extra:    fmt.Sprintf("limits: {buffers: %d, produce_frame: 4MiB}\ntimeouts: {frame: %v, handshake: %v}", buffers, frame, frame),
	})
	must(t, goodClient(t, d, b, topic, 0))

	batch := broker.NewTopic("", 512*kib, 1).ProduceBatch()
	bad := make([]*client.Client, 0, half+slow+garbage)
	for range cap(bad) {
		bad = append(bad, dial(t, "bad"))
	}
	var crowd sync.WaitGroup
	stop := make(chan struct{})
	for i, c := range bad {
		switch {
		case i < half:
			crowd.Go(func() { // held by the proxy until the second topic's name comes, which it never does
				f := c.ProduceFrame(batch, "first", "second")
				_, _ = c.Write(f[:500*kib])
				hangUp(c, stop)
			})
		case i < half+slow:
			crowd.Go(func() { drip(c, stop) })
		default:
			crowd.Go(func() { // ends at once
				_, _ = c.Write(rubbish(i))
				hangUp(c, stop)
			})
		}
	}
	hellos := make([]string, hello)
	must(t, each(hello, 20, func(i int) (err error) {
		hellos[i], err = helloTLS()
		return err
	}))
	began, served := time.Now(), 0
	for ; time.Since(began) < frame || d.Metrics().Sum("doorkeeper_sessions") > 0; served++ {
		must(t, goodClient(t, d, b, topic, 1+served))
		if time.Since(began) > time.Minute {
			t.Fatalf("%v sessions are still there", d.Metrics().Sum("doorkeeper_sessions"))
		}
	}
	close(stop)
	crowd.Wait()
	_, peak := d.Memory()
	t.Logf("%d bad clients gone after %.1f s, %d times good clients served meanwhile, %d MiB resident at most",
		len(bad)+hello, time.Since(began).Seconds(), served, peak/mib)
	if peak > most {
		t.Errorf("more than %d MiB", most/mib)
	}
	d.Until(time.Minute, "a line says that a TLS client came to a plaintext listener", func() bool {
		if d.Logged("TLS client on a plaintext listener") > 0 {
			return true
		}
		_, err := helloTLS() // once more: where many end in a second, lines are left out
		must(t, err)
		return false
	})
	all := append(sources(bad), hellos...)
	log := strings.Join(d.Log(), "\n")
	for _, source := range all {
		if n := strings.Count(log, `"`+source+`"`); n > 1 {
			t.Fatalf("%d lines in the log about %s", n, source)
		}
	}
	if n := len(b.Produced("bad")); n != 0 {
		t.Errorf("%d half-sent requests were acted on", n)
	}
	sessions := d.Closed(all...)
	for _, source := range all {
		if s := sessions[source]; len(s.Reads)+len(s.Writes) != 0 {
			t.Fatalf("%s has done nothing, and its records are %+v %+v", source, s.Reads, s.Writes)
		}
	}
	if used := d.Metrics().Sum("doorkeeper_buffers_used_bytes"); used != 0 {
		t.Errorf("%.0f bytes are still in buffers with nobody there", used)
	}
}

// goodClient produces and fetches with a connection of its own, and checks bytes and records.
func goodClient(t *testing.T, d *door.Door, b *broker.Broker, topic *broker.Topic, i int) error {
	c := dial(t, fmt.Sprint("good-", i))
	defer c.Close()
	if err := c.Versions(); err != nil {
		return err
	}
	sent, err := c.Produce(c.ProduceFrame(topic.ProduceBatch(), "one", "two"))
	if err != nil {
		return err
	}
	if got := b.Produced(c.ID); len(got) != 1 || got[0] != sent {
		return fmt.Errorf("the broker got %v, and %v was sent", got, sent)
	}
	r, err := c.Fetch(topic, 0, 4*mib)
	if err == nil {
		err = r.Rest()
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	s := d.Closed(c.Source)[c.Source]
	if len(s.Writes) != 2 || s.Writes[0].Messages+s.Writes[1].Messages != 2*int64(topic.Records) {
		return fmt.Errorf("the writes are recorded as %+v", s.Writes)
	}
	return exact(s, r)
}

// hangUp waits until the proxy ends the connection, or the test is over.
func hangUp(c *client.Client, stop chan struct{}) {
	go func() {
		<-stop
		_ = c.Close()
	}()
	_, _ = io.Copy(io.Discard, c)
	_ = c.Close()
}

// drip sends a request byte by byte.
func drip(c *client.Client, stop chan struct{}) {
	for _, b := range slowly(c) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		select {
		case <-stop:
		case <-time.After(500 * time.Millisecond):
		}
	}
	_ = c.Close()
}

// slowly is an ApiVersions request with a long client id.
func slowly(c *client.Client) []byte {
	body := append([]byte{0, 18, 0, 0, 0, 0, 0, 1, 0, 200}, bytes.Repeat([]byte{'x'}, 200)...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// rubbish is what does not belong on a Kafka port.
func rubbish(i int) []byte {
	all := []string{
		"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n",
		"SSH-2.0-OpenSSH_9.6\r\n",
		"\x00\x00\x00\x00",
		"\x7f\xff\xff\xff\x00\x12\x00\x00",
		"\xff\xff\xff\xff\x00\x12\x00\x00",
		"\x00\x00\x00\x0a\x7f\xff\x00\x00\x00\x00\x00\x01\xff\xff",                         // an API that does not exist
		"\x00\x00\x00\x0a\x00\x04\x00\x00\x00\x00\x00\x01\xff\xff",                         // one that only brokers use
		"\x00\x00\x00\x10\x00\x03\x00\x0c\x00\x00\x00\x01\x7f\xff\x00\x00\x00\x00\x00\x00", // Metadata with a client id longer than the frame
	}
	return []byte(all[i%len(all)])
}

// helloTLS is a TLS client at a plaintext listener.
func helloTLS() (source string, err error) {
	c, err := client.Dial(door.Address, "hello")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		return c.Source, errors.New("TLS on a plaintext listener")
	}
	return c.Source, nil
}
