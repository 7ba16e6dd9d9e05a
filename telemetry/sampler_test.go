package telemetry

import (
	"testing"
	"testing/synctest"
	"time"

	"doorkeeper/access"
)

func asked(principal string, api int16) *access.Request {
	return &access.Request{Identity: &access.Identity{Principal: principal}, API: api}
}

// Each principal, topic and API has its own rate.
func TestSamplerRate(t *testing.T) {
	for _, rate := range []float64{0, 0.1, 1, 2, 50} {
		synctest.Test(t, func(t *testing.T) {
			s := newSampler(rate)
			picked := map[string]int{}
			const seconds = 60
			for range seconds * 100 {
				for _, who := range []string{"User:a", "User:b"} {
					if s.picks(asked(who, 1), "orders") {
						picked[who]++
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
			for _, who := range []string{"User:a", "User:b"} {
				most := int(rate*seconds) + max(1, int(rate))
				if n := picked[who]; n > most || n < int(rate*seconds) {
					t.Errorf("rate %v: %d of %s picked in %d s", rate, n, who, seconds)
				}
			}
		})
	}
}

func TestSamplerAllocatesNothing(t *testing.T) {
	s, r := newSampler(1), asked("User:a", 1)
	if n := testing.AllocsPerRun(1000, func() { s.picks(r, "orders") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSampler(b *testing.B) {
	s, r := newSampler(1), asked("User:erp", 1)
	b.ReportAllocs()
	for b.Loop() {
		s.picks(r, "purchasing")
	}
}
