package store

import (
	"syscall"
	"testing"
	"time"
)

const benchRecord = 400 // bytes: a record of a read

func benchStore(b *testing.B) *Store {
	s, _, err := Open(Options{Dir: b.TempDir(), Journal: testJournal, SyncInterval: 200 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkAppend is one record into the mapping, with what seals and allocates beside it.
func BenchmarkAppend(b *testing.B) {
	s := benchStore(b)
	payload := make([]byte, 0, benchRecord+10)
	b.SetBytes(benchRecord)
	b.ReportAllocs()
	var seq int64
	before := cpu(b)
	for b.Loop() {
		seq++
		payload = append(AppendSeq(payload[:0], seq), make([]byte, benchRecord-5)...)
		appendSoon(b, s, Access, seq, payload)
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpu is what the process has used, with the goroutines that sync and seal.
func cpu(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkRead is one record from a sealed segment.
func BenchmarkRead(b *testing.B) {
	s := benchStore(b)
	const n = 300_000
	fill(b, s, 1, n, benchRecord)
	r := s.Read(0)
	defer func() { r.Close() }()
	b.SetBytes(benchRecord)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, ok := r.Next(); !ok {
			r.Close()
			r = s.Read(0)
		}
	}
}
