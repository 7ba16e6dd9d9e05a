//go:build linux

package main

import (
	"fmt"
	"time"
)

// A row is one load under which subjects are measured beside each other.
type row struct {
	name     string
	about    string
	load     load
	tls      bool // on both legs
	ordinary bool // subjects run as an ordinary user, if the bench is root
	fresh    bool // a new process for each measurement
	alone    bool // only the subjects named here, no peers
	rounds   int  // exactly so many; 0: as many as its checks need
	subjects []string
	baseline string // what figures are compared with in the table
	checks   []check
}

// A check is one limit of a row.
type check struct {
	metric   metric
	subject  string
	baseline string // "": the value itself is compared
	how      comparison
	limit    limit
	byCalls  bool // may be settled by system calls and allocations
	only     func(b *bench) bool
}

// Baselines whose calls settle a check, by the mode that doorkeeper was in: spliced bytes are compared with the relay
// that splices, others with the one that copies.
const (
	kernelBaseline = ioCopyCounts
	userBaseline   = copy64
)

// Names of peers that have limits of their own: kafka-proxy as delivered, and with buffers of 64 KiB.
const (
	kafkaProxy   = "kafka-proxy"
	kafkaProxy64 = "kafka-proxy-64k"
)

const kib = 1 << 10

// rows is the whole benchmark, in order. Quick makes all of it small.
func rows(quick bool) []row {
	scale := func(n int64) int64 {
		if quick {
			return n / 8
		}
		return n
	}
	var all []row
	for _, conns := range []int{1, 20} {
		for _, size := range []int{4, 16, 64, 128} {
			volume := int64(1 << 30)
			if size == 4 {
				volume /= 2
			}
			all = append(all, fetchRow(conns, size, scale(volume)))
		}
	}
	all = append(all, row{
		name:     "fetch-c100-64k-user",
		about:    "backlog fetch, 100 connections, batches of 64 KiB, subjects run as nobody",
		load:     fetchLoad{batch: 64 * kib, conns: 100, bytes: scale(1 << 30)},
		ordinary: true, fresh: true,
		subjects: []string{direct, ioCopy, ioCopyAgain, copy64, keeperName}, baseline: ioCopy,
		checks: []check{{metric: cpuPerGB, subject: keeperName, baseline: ioCopy, how: ratio, limit: limit{At: 0.5}}},
	})
	for _, conns := range []int{1, 20} {
		for _, size := range []int{16, 128} {
			all = append(all, row{
				name:     fmt.Sprintf("fetch-tls-c%d-%dk", conns, size),
				about:    fmt.Sprintf("backlog fetch, TLS on both legs, %s, batches of %d KiB", connections(conns), size),
				load:     fetchLoad{batch: size * kib, conns: conns, bytes: scale(1 << 29)},
				tls:      true,
				subjects: []string{direct, tlsRelay, tlsAgain, keeperName}, baseline: tlsRelay,
				checks: []check{{metric: cpuPerGB, subject: keeperName, baseline: tlsRelay, how: ratio, limit: limit{At: 1.05}}},
			})
		}
	}
	for _, size := range []int{16, 128} {
		all = append(all, row{
			name:     fmt.Sprintf("produce-%dk", size),
			about:    fmt.Sprintf("produce, 1 connection, 5 requests in flight, one batch of %d KiB in each", size),
			load:     produceLoad{batch: size * kib, bytes: scale(int64(size) << 22)},
			subjects: []string{direct, ioCopy, copy64, copy64Again, keeperName}, baseline: copy64,
			checks: []check{{metric: cpuPerGB, subject: keeperName, baseline: copy64, how: ratio, limit: limit{At: 1.1}, byCalls: true}},
		})
	}
	all = append(all, row{
		name:     "produce-tls-128k",
		about:    "produce, TLS on both legs, batches of 128 KiB",
		load:     produceLoad{batch: 128 * kib, bytes: scale(128 << 21)},
		tls:      true,
		subjects: []string{direct, tlsRelay, tlsAgain, keeperName}, baseline: tlsRelay,
	})
	pings := int(scale(8000))
	all = append(all, row{
		name:     "ping",
		about:    "latency: answers of 200 bytes, one after the other",
		load:     pingLoad{pings},
		subjects: []string{direct, ioCopy, ioCopyAgain, ioCopyCounts, copy64, keeperName}, baseline: ioCopy,
		checks: []check{
			{metric: cpuPerPing, subject: keeperName, baseline: ioCopy, how: difference, limit: limit{At: 3}},
			{metric: callsPerPing, subject: keeperName, baseline: ioCopyCounts, how: difference, limit: limit{At: 0.05}},
		},
	}, row{
		name:     "ping-tls",
		about:    "the same, TLS on both legs",
		load:     pingLoad{pings},
		tls:      true,
		subjects: []string{direct, tlsRelay, tlsAgain, keeperName}, baseline: tlsRelay,
	})
	return append(append(all, policyRows(scale)...), memoryRows(quick)...)
}

// fetchRow is a backlog fetch in plaintext: the row that kernel mode is for.
func fetchRow(conns, size int, volume int64) row {
	limits := map[int]map[int]float64{1: {16: 1.40, 64: 1.10, 128: 1.10}, 20: {16: 1.60, 64: 1.15, 128: 1.15}}
	r := row{
		name:     fmt.Sprintf("fetch-c%d-%dk", conns, size),
		about:    fmt.Sprintf("backlog fetch, %s, answers of 1 MiB, batches of %d KiB", connections(conns), size),
		load:     fetchLoad{batch: size * kib, conns: conns, bytes: volume},
		subjects: []string{direct, ioCopy, ioCopyAgain, ioCopyCounts, copy64, keeperName}, baseline: ioCopy,
	}
	if at := limits[conns][size]; at > 0 {
		r.checks = append(r.checks, check{metric: cpuPerGB, subject: keeperName, baseline: ioCopy, how: ratio, limit: limit{At: at}, byCalls: true})
	}
	r.checks = append(r.checks, check{metric: gbps, subject: keeperName, baseline: ioCopy, how: ratio, limit: limit{At: 0.95, Floor: true}, byCalls: true})
	if size >= 64 {
		r.checks = append(r.checks, check{metric: kernelShare, subject: keeperName, how: absolute, limit: limit{At: 0.9, Floor: true}})
	}
	for name, at := range map[string][2]float64{kafkaProxy: {0.3, 0.25}, kafkaProxy64: {0.85, 0.8}} {
		c := check{metric: cpuPerGB, subject: keeperName, baseline: name, how: ratio, only: hasPeer(name)}
		switch {
		case size == 16:
			c.limit.At = at[0]
		case size >= 64:
			c.limit.At = at[1]
		default:
			continue
		}
		r.checks = append(r.checks, c)
	}
	return r
}

// memoryRows are about single processes: memory, and how long a start takes.
func memoryRows(quick bool) []row {
	idle, settle := 2000, 3*time.Second
	slow := slowLoad{clients: 200, answer: 50 << 20, takes: 8 * time.Second}
	cut := cutLoad{conns: 100, answer: 32 << 20}
	most := 9000
	if quick {
		idle, settle = 200, time.Second
		slow = slowLoad{clients: 40, answer: 10 << 20, takes: 2 * time.Second}
		most = 1000
	}
	plain := []string{ioCopy, ioCopyAgain, copy64, keeperName}
	secure := []string{tlsRelay, tlsAgain, keeperName}
	return []row{{
		name: "idle", about: fmt.Sprintf("resident memory of each of %d idle connections", idle),
		load: idleLoad{idle, settle}, fresh: true, subjects: plain, baseline: ioCopy,
		checks: []check{{metric: idleKiB, subject: keeperName, how: absolute, limit: limit{At: 24}}},
	}, {
		name: "idle-tls", about: fmt.Sprintf("the same of %d connections with TLS on both legs", idle/2),
		load: idleLoad{idle / 2, settle}, fresh: true, tls: true, subjects: secure, baseline: tlsRelay,
	}, {
		name: "idle-9000", about: fmt.Sprintf("%d idle connections: all are served, and still answer afterwards", most),
		load: idleLoad{most, settle}, fresh: true, alone: true, subjects: []string{copy64, keeperName}, baseline: copy64,
		checks: []check{{metric: openConns, subject: keeperName, how: absolute, limit: limit{At: float64(most), Floor: true}}},
	}, {
		name: "slow", about: fmt.Sprintf("%d clients fetch %d MiB each at once and read slowly, over %v", slow.clients, slow.answer>>20, slow.takes),
		load: slow, fresh: true, subjects: plain, baseline: ioCopy,
		checks: []check{
			{metric: peakMiB, subject: keeperName, how: absolute, limit: limit{At: 128}},
			{metric: dropped, subject: keeperName, how: absolute, limit: limit{At: 0}},
		},
	}, {
		name: "slow-tls", about: "the same with TLS on both legs",
		load: slow, fresh: true, tls: true, subjects: secure, baseline: tlsRelay,
	}, {
		name: "quarantine", about: fmt.Sprintf("%d connections of one principal that fetch, half of which do not read, are quarantined by the command", cut.conns),
		load: cut, fresh: true, alone: true, subjects: []string{keeperName}, baseline: keeperName,
		checks: []check{
			{metric: cutMillis, subject: keeperName, how: absolute, limit: limit{At: 100}},
			{metric: cutBytes, subject: keeperName, how: absolute, limit: limit{At: 0}},
			{metric: cutResets, subject: keeperName, how: absolute, limit: limit{At: float64(cut.conns / 2), Floor: true}},
		},
	}, {
		name: "start", about: "from the start of the process to its first answer",
		load: startLoad{}, fresh: true, subjects: []string{ioCopy, ioCopyAgain, keeperName}, baseline: ioCopy,
		checks: []check{{metric: startMillis, subject: keeperName, how: absolute, limit: limit{At: 50}}},
	}}
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

func hasPeer(name string) func(*bench) bool {
	return func(b *bench) bool {
		for _, p := range b.peers {
			if p.name == name {
				return true
			}
		}
		return false
	}
}
