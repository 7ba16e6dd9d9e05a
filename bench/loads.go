//go:build linux

package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A load is what clients do in one measurement, and what is measured of the subject while they do.
type load interface {
	run(b *bench, s *subject) (values, error)
	columns() []metric
}

// values of one measurement, by metric. What is not known is not there.
type values map[metric]float64

// A metric is one figure of a measurement.
type metric string

const (
	cpuPerGB      metric = "cpu_s_per_gb"
	gbps          metric = "gb_per_s"
	callsPerGB    metric = "calls_per_gb"
	bytesPerCall  metric = "kib_per_call"
	callsPerFrame metric = "calls_per_frame"
	kernelShare   metric = "kernel_share"
	allocs        metric = "allocs_per_frame"
	p50           metric = "p50_us"
	p99           metric = "p99_us"
	cpuPerPing    metric = "cpu_us_per_ping"
	callsPerPing  metric = "calls_per_ping"
	emptyPerPing  metric = "empty_calls_per_ping"
	idleKiB       metric = "kib_per_connection"
	openConns     metric = "connections"
	peakMiB       metric = "peak_mib"
	dropped       metric = "dropped"
	slowSeconds   metric = "seconds"
	startMillis   metric = "start_ms"
	cpuPerFrame   metric = "cpu_us_per_frame"
	decisions     metric = "decisions_per_frame"
	decisionNanos metric = "decision_ns"
	decisionShare metric = "decision_share"
	gapWith       metric = "gap_with_ms"
	gapWithout    metric = "gap_without_ms"
	gapApart      metric = "gap_apart_ms"
	swapSeconds   metric = "swap_s"
	rateShare     metric = "of_the_rate"
	aloneP50      metric = "alone_p50_us"
	besideP50     metric = "beside_p50_us"
	apartP50      metric = "apart_p50_us"
	aloneP99      metric = "alone_p99_us"
	besideP99     metric = "beside_p99_us"
	apartP99      metric = "apart_p99_us"
	noiseRate     metric = "noise_per_s"
	cutMillis     metric = "cut_ms"
	cutBytes      metric = "bytes_after"
	cutResets     metric = "resets"
)

// metrics says how each is shown.
var metrics = map[metric]struct{ title, format string }{
	cpuPerGB:      {"CPU s/GB", "%.3f"},
	gbps:          {"GB/s", "%.2f"},
	callsPerGB:    {"calls/GB", "%.0f"},
	bytesPerCall:  {"KiB/call", "%.0f"},
	callsPerFrame: {"calls/frame", "%.2f"},
	kernelShare:   {"kernel", "%.2f"},
	allocs:        {"allocs/frame", "%.2f"},
	p50:           {"p50 µs", "%.1f"},
	p99:           {"p99 µs", "%.1f"},
	cpuPerPing:    {"CPU µs", "%.2f"},
	callsPerPing:  {"calls", "%.2f"},
	emptyPerPing:  {"empty", "%.2f"},
	idleKiB:       {"KiB/conn", "%.1f"},
	openConns:     {"connections", "%.0f"},
	peakMiB:       {"peak MiB", "%.1f"},
	dropped:       {"dropped", "%.0f"},
	slowSeconds:   {"seconds", "%.1f"},
	startMillis:   {"start ms", "%.1f"},
	cpuPerFrame:   {"CPU µs/frame", "%.2f"},
	decisions:     {"decisions/frame", "%.2f"},
	decisionNanos: {"ns/decision", "%.1f"},
	decisionShare: {"deciding", "%.4f"},
	gapWith:       {"gap with a swap ms", "%.2f"},
	gapWithout:    {"gap without ms", "%.2f"},
	gapApart:      {"apart ms", "%.2f"},
	swapSeconds:   {"swap s", "%.2f"},
	rateShare:     {"of the rate", "%.4f"},
	aloneP50:      {"alone p50 µs", "%.1f"},
	besideP50:     {"beside p50 µs", "%.1f"},
	apartP50:      {"apart p50 µs", "%.1f"},
	aloneP99:      {"alone p99 µs", "%.1f"},
	besideP99:     {"beside p99 µs", "%.1f"},
	apartP99:      {"apart p99 µs", "%.1f"},
	noiseRate:     {"noise/s", "%.1f"},
	cutMillis:     {"command ms", "%.1f"},
	cutBytes:      {"bytes after", "%.0f"},
	cutResets:     {"reset", "%.0f"},
}

// gb is the unit of volume: 10⁹ bytes of record batches.
const gb = 1e9

// throughput turns the subject's usage while n bytes in so many frames moved into values.
func throughput(u usage, took time.Duration, n int64, frames int) values {
	v := values{gbps: float64(n) / gb / took.Seconds()}
	volume := float64(n) / gb
	if u.known {
		v[cpuPerGB] = u.cpu.Seconds() / volume
		v[cpuPerFrame] = float64(u.cpu.Nanoseconds()) / 1e3 / float64(frames)
	}
	if u.calls >= 0 {
		v[callsPerGB] = float64(u.calls) / volume
		v[callsPerFrame] = float64(u.calls) / float64(frames)
		v[bytesPerCall] = float64(n) / 1024 / float64(max(u.calls, 1))
	}
	if u.moved > 0 {
		v[kernelShare] = float64(u.spliced) / float64(u.moved)
	}
	if u.mallocs >= 0 {
		v[allocs] = float64(u.mallocs) / float64(frames)
	}
	if u.decisions >= 0 {
		v[decisions] = float64(u.decisions) / float64(frames)
	}
	return v
}

// each runs f for 0 to n-1 at once.
func each(n int, f func(i int) error) error {
	failed := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { failed[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(failed...)
}

// A fetchLoad reads a backlog: each connection has one Fetch in flight, as consumers have.
type fetchLoad struct {
	batch int
	conns int
	bytes int64 // of all connections together
}

const fetchAnswer = 1 << 20 // bytes of records in an answer

func (l fetchLoad) columns() []metric {
	return []metric{cpuPerGB, gbps, callsPerGB, bytesPerCall, callsPerFrame, kernelShare, allocs}
}

func (l fetchLoad) run(b *bench, s *subject) (values, error) {
	topic, err := b.filled(l.batch, s.row.tls)
	if err != nil {
		return nil, err
	}
	readers := make([]*reader, l.conns)
	defer func() {
		for _, r := range readers {
			if r != nil {
				r.c.Close()
			}
		}
	}()
	batches := topic.end / int64(topic.records)
	for i := range readers {
		from := batches * int64(i) / int64(l.conns) * int64(topic.records)
		if readers[i], err = s.door.newReader(topic, fetchAnswer, from); err != nil {
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, l.conns, err)
		}
	}
	var bytes, frames atomic.Int64
	read := func(share int64) error {
		return each(l.conns, func(i int) error {
			for n := int64(0); n < share; {
				got, err := readers[i].fetch()
				if err != nil {
					return err
				}
				n += int64(got)
				bytes.Add(int64(got))
				frames.Add(1)
			}
			return nil
		})
	}
	share := l.bytes / int64(l.conns)
	if err := read(share / 8); err != nil {
		return nil, err
	}
	bytes.Store(0)
	frames.Store(0)
	u, took, err := s.measure(func() error { return read(share) })
	if err != nil {
		return nil, err
	}
	return throughput(u, took, bytes.Load(), int(frames.Load())), nil
}

// A produceLoad writes: one connection, five requests in flight or one after the other, one batch in each.
type produceLoad struct {
	batch int
	bytes int64
	alone bool
}

func (l produceLoad) columns() []metric {
	return []metric{cpuPerGB, gbps, callsPerGB, bytesPerCall, callsPerFrame, allocs}
}

func (l produceLoad) run(b *bench, s *subject) (values, error) {
	topic, err := b.target(l.batch, s.row.tls)
	if err != nil {
		return nil, err
	}
	batch, err := layoutOf(l.batch).newBatch(time.Now())
	if err != nil {
		return nil, err
	}
	w, err := s.door.newWriter(produceFrame(topic, batch))
	if err != nil {
		return nil, err
	}
	defer w.c.Close()
	if l.alone {
		w.inFlight = 1
	}
	n := int(l.bytes) / l.batch
	if err := w.produce(n / 8); err != nil {
		return nil, err
	}
	u, took, err := s.measure(func() error { return w.produce(n) })
	if err != nil {
		return nil, err
	}
	return throughput(u, took, int64(n*l.batch), n), nil
}

// A pingLoad fetches one message of about 100 bytes at a time: an answer of some 200 bytes, one after the other.
type pingLoad struct{ pings int }

func (l pingLoad) columns() []metric {
	return []metric{p50, p99, cpuPerPing, callsPerPing, emptyPerPing, allocs}
}

func (l pingLoad) run(b *bench, s *subject) (values, error) {
	r, err := b.pinger(s, l.pings/8)
	if err != nil {
		return nil, err
	}
	defer r.c.Close()
	var took []float64
	u, _, err := s.measure(func() (err error) {
		took, err = r.pings(l.pings)
		return err
	})
	if err != nil {
		return nil, err
	}
	v := values{p50: quantile(took, 0.5), p99: quantile(took, 0.99)}
	n := float64(l.pings)
	if u.known {
		v[cpuPerPing] = float64(u.cpu.Nanoseconds()) / 1e3 / n
	}
	if u.calls >= 0 {
		v[callsPerPing] = float64(u.calls) / n
	}
	if u.empty >= 0 {
		v[emptyPerPing] = float64(u.empty) / n
	}
	if u.mallocs >= 0 {
		v[allocs] = float64(u.mallocs) / n
	}
	if u.decisions >= 0 {
		v[decisions] = float64(u.decisions) / n
	}
	return v, nil
}

// pinger is a connection that fetches one message at a time, warm from so many.
func (b *bench) pinger(s *subject, warm int) (*reader, error) {
	topic, err := b.filled(pingBatch, s.row.tls)
	if err != nil {
		return nil, err
	}
	r, err := s.door.newReader(topic, pingBatch, 0)
	if err != nil {
		return nil, err
	}
	if _, err := r.pings(warm); err != nil {
		return nil, errors.Join(err, r.c.Close())
	}
	return r, nil
}

// pings fetches n times, and returns how long each took, in microseconds, sorted.
func (r *reader) pings(n int) ([]float64, error) {
	took := make([]float64, n)
	for i := range took {
		began := time.Now()
		if _, err := r.fetch(); err != nil {
			return nil, err
		}
		took[i] = float64(time.Since(began).Nanoseconds()) / 1e3
	}
	slices.Sort(took)
	return took, nil
}

// An idleLoad opens connections that fetch once and then say nothing.
type idleLoad struct {
	conns  int
	settle time.Duration
}

func (l idleLoad) columns() []metric { return []metric{idleKiB, openConns} }

func (l idleLoad) run(b *bench, s *subject) (values, error) {
	topic, err := b.filled(pingBatch, s.row.tls)
	if err != nil {
		return nil, err
	}
	readers := make([]*reader, l.conns)
	defer func() {
		for _, r := range readers {
			if r != nil {
				r.c.Close()
			}
		}
	}()
	warm, err := s.door.newReader(topic, pingBatch, 0)
	if err != nil {
		return nil, err
	}
	defer warm.c.Close()
	for range 200 {
		if _, err := warm.fetch(); err != nil {
			return nil, err
		}
	}
	time.Sleep(l.settle / 4)
	before, _ := resident(s.pids)
	var open atomic.Int64
	const at = 8 // connect a few at a time: the listener's queue is short
	failed := each(at, func(k int) error {
		for i := k; i < l.conns; i += at {
			r, err := s.door.newReader(topic, pingBatch, 0)
			if err != nil {
				return err
			}
			readers[i] = r
			if _, err := r.fetch(); err != nil {
				return err
			}
			open.Add(1)
		}
		return nil
	})
	if failed != nil && open.Load() == 0 {
		return nil, failed
	}
	time.Sleep(l.settle)
	now, _ := resident(s.pids)
	// Those count that still answer.
	answering := int64(0)
	for _, r := range readers {
		if r == nil {
			continue
		}
		if _, err := r.fetch(); err == nil {
			answering++
		}
	}
	v := values{openConns: float64(answering)}
	if len(s.pids) > 0 {
		v[idleKiB] = float64(now-before) / float64(max(open.Load(), 1))
	}
	return v, nil
}

// A slowLoad has many clients ask for a large answer each, at once, and read it slowly.
type slowLoad struct {
	clients int
	answer  int           // bytes
	takes   time.Duration // for a client to read its answer, if nothing else is slower
}

func (l slowLoad) columns() []metric { return []metric{peakMiB, dropped, slowSeconds} }

func (l slowLoad) run(b *bench, s *subject) (values, error) {
	topic, err := b.filled(slowBatch, s.row.tls)
	if err != nil {
		return nil, err
	}
	const step = 256 << 10
	pause := l.takes / time.Duration(max(l.answer/step, 1))
	var lost atomic.Int64
	var first atomic.Pointer[error]
	began := time.Now()
	_ = each(l.clients, func(int) error {
		if err := l.readSlowly(s, topic, step, pause); err != nil {
			lost.Add(1)
			first.CompareAndSwap(nil, &err)
		}
		return nil
	})
	v := values{dropped: float64(lost.Load()), slowSeconds: time.Since(began).Seconds()}
	if _, peak := resident(s.pids); len(s.pids) > 0 {
		v[peakMiB] = float64(peak) / 1024
	}
	if e := first.Load(); e != nil {
		b.say("  %s: a client was dropped: %v", s.name, *e)
	}
	return v, nil
}

// slowBatch is the batch size of the topic that slow readers read.
const slowBatch = 16 << 10

func (l slowLoad) readSlowly(s *subject, topic filled, step int, pause time.Duration) error {
	r, err := s.door.newReader(topic, l.answer, 0)
	if err != nil {
		return err
	}
	defer r.c.Close()
	_, rest, err := r.ask()
	if err != nil {
		return err
	}
	for rest > 0 {
		time.Sleep(pause)
		for part := min(step, rest); part > 0; {
			n, err := r.throw.once(part)
			if err != nil {
				return err
			}
			part -= n
			rest -= n
		}
	}
	return nil
}

// A startLoad measures nothing but the start, which the subject's fresh process has just gone through.
type startLoad struct{}

func (startLoad) columns() []metric { return []metric{startMillis} }

func (startLoad) run(_ *bench, s *subject) (values, error) {
	if s.started == 0 {
		return values{}, nil
	}
	return values{startMillis: float64(s.started.Microseconds()) / 1e3}, nil
}

// get returns a value, NaN if there is none.
func (v values) get(m metric) float64 {
	if f, ok := v[m]; ok {
		return f
	}
	return math.NaN()
}
