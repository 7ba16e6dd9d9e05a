//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A noisyLoad is what one tenant notices of another: it fetches one message at a time, first alone, then while the other is
// noisy. Tenants that do not log in are told apart by their addresses.
type noisyLoad struct {
	pings int
	noise func(d door, stop *atomic.Bool) (done int, err error)
}

// other is where the noise comes from.
const other = "127.0.0.2"

func (l noisyLoad) columns() []metric {
	return []metric{aloneP50, besideP50, apartP50, aloneP99, besideP99, apartP99, noiseRate}
}

func (l noisyLoad) run(b *bench, s *subject) (values, error) {
	r, err := b.pinger(s, l.pings/8)
	if err != nil {
		return nil, err
	}
	defer r.c.Close()
	alone, err := r.pings(l.pings)
	if err != nil {
		return nil, err
	}
	from := s.door
	from.from = other
	var stop atomic.Bool
	type noise struct {
		done int
		err  error
	}
	made := make(chan noise, 1)
	go func() {
		n, err := l.noise(from, &stop)
		made <- noise{n, err}
	}()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	beside, err := r.pings(l.pings)
	took := time.Since(began) + 100*time.Millisecond
	stop.Store(true)
	n := <-made
	if err := errors.Join(err, n.err); err != nil {
		return nil, err
	}
	v := values{
		aloneP50: quantile(alone, 0.5), besideP50: quantile(beside, 0.5), aloneP99: quantile(alone, 0.99), besideP99: quantile(beside, 0.99),
		noiseRate: float64(n.done) / took.Seconds(),
	}
	v[apartP50], v[apartP99] = v[besideP50]-v[aloneP50], v[besideP99]-v[aloneP99]
	return v, nil
}

// denialsPerSecond is how often the noisy tenant asks for what it may not have.
const denialsPerSecond = 17_000

// denials asks for the metadata of a topic that is another's, and reads what comes.
func denials(d door, stop *atomic.Bool) (int, error) {
	c, err := d.dial()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	ask := metadataOf(deniedTopic)
	const each = 17 // a millisecond's
	var burst []byte
	for range each {
		burst = append(burst, ask...)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		read <- err
	}()
	done := 0
	for began := time.Now(); !stop.Load(); done += each {
		time.Sleep(time.Until(began.Add(time.Duration(done) * time.Second / denialsPerSecond)))
		if _, err := c.Write(burst); err != nil {
			return done, err
		}
	}
	c.Close()
	if err := <-read; err != nil && !errors.Is(err, net.ErrClosed) {
		return done, err
	}
	return done, nil
}

// deniedTopic is one that no principal of an estate has a right to, and every broker has.
const deniedTopic = "denied-140"

func metadataOf(topics ...string) []byte {
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(9)
	for i := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topics[i]
		q.Topics = append(q.Topics, t)
	}
	return frame(q)
}

// unseen asks for topics that nobody has asked for before, a hundred at a time: the policy is evaluated for each of them.
func unseen(d door, stop *atomic.Bool) (done int, err error) {
	c, err := d.dial()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for ; !stop.Load(); done += 100 {
		names := make([]string, 100)
		for i := range names {
			names[i] = fmt.Sprint("topic-of-nobody-", done+i)
		}
		if _, err := c.Write(metadataOf(names...)); err != nil {
			return done, err
		}
		if _, err := readFrame(in); err != nil {
			return done, err
		}
	}
	return done, nil
}

// million asks for a million topics in one request, again and again.
func million(d door, stop *atomic.Bool) (done int, err error) {
	names := make([]string, 1_000_000)
	for i := range names {
		names[i] = strconv.FormatInt(int64(i%1000), 36) // short: a proxy that reads no more than 4 MiB reads this
	}
	ask := metadataOf(names...)
	for ; !stop.Load(); done++ {
		c, err := d.dial()
		if err != nil {
			return done, err
		}
		_, sent := c.Write(ask)
		_, answered := io.Copy(io.Discard, c) // it is hung up on
		c.Close()
		if err := errors.Join(sent, answered); err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
			return done, err
		}
	}
	return done, nil
}
