package journal

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// BenchmarkRecorder is what a log needs for a batch that is read: intended, committed and released, a move of several at a
// time, in flows that go on. With the flight recorder and without: the difference is what it adds.
func BenchmarkRecorder(b *testing.B) {
	for _, move := range []struct{ parts, batches int }{{1, 1}, {1, 16}, {16, 1}, {200, 1}} {
		for _, recorded := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d partitions of %d/recorder %v", move.parts, move.batches, recorded), func(b *testing.B) {
				j := New(Options{FlowInterval: time.Hour})
				if recorded {
					defer keepCycling(b, j)()
				}
				l := j.Session(&access.Session{Opened: time.Now(), Broker: -1}, nil)
				spans := make([]*access.Span, move.parts)
				for i := range spans {
					spans[i] = newSpan("orders", 0)
					spans[i].Partition = int32(i)
				}
				next := int64(0)
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; n += move.parts * move.batches {
					for _, s := range spans {
						s.Requested = next
						for i := range move.batches {
							l.Intend(newBatch(s, next+int64(i), next+int64(i)))
						}
					}
					if err := l.Commit(); err != nil {
						b.Fatal(err)
					}
					l.Released(1000 * int64(move.parts*move.batches))
					l.Fetched(spans[0].Request, true, 0)
					next += int64(move.batches)
				}
			})
		}
	}
}

// keepCycling gives a journal a flight recorder and keeps it going as Open does.
func keepCycling(b *testing.B, j *Journal) (stop func()) {
	r, _, err := recorder.Open(filepath.Join(b.TempDir(), "recorder"), recorder.Options{})
	if err != nil {
		b.Fatal(err)
	}
	j.recorder = r
	stopping, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(200 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				j.recycle()
			case <-stopping:
				return
			}
		}
	}()
	return func() {
		close(stopping)
		<-done
		if err := r.Close(); err != nil {
			b.Error(err)
		}
	}
}
