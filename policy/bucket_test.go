package policy

import (
	"math"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// A reader asks for more whenever it has something, as a client with a backlog does: over a minute it gets what the rate
// says, give or take two percent and one batch.
func TestAMinuteAtTheRate(t *testing.T) {
	for _, c := range []struct {
		name         string
		rate, burst  int64
		batch, fetch int64 // the broker gives whole batches, up to what is asked
	}{
		{"small batches", 1 << 20, 0, 10 << 10, 50 << 20},
		{"batches of a second", 1 << 20, 0, 1 << 20, 50 << 20},
		{"batches of many seconds", 100 << 10, 0, 1 << 20, 50 << 20},
		{"fast", 500 << 20, 0, 1 << 20, 50 << 20},
		{"slow", 1 << 10, 0, 100, 50 << 20},
		{"small fetches", 10 << 20, 0, 16 << 10, 64 << 10},
		{"a burst of its own", 1 << 20, 64 << 10, 10 << 10, 50 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			a := openAccounts(t, clock, "")
			p := planOf(a, "User:erp", limits(c.rate, c.burst))
			var delivered int64
			for start := clock.now(); clock.now().Sub(start) < time.Minute; {
				got := p.Allowance(c.fetch)
				if got.Bytes == 0 {
					clock.add(got.Wait)
					continue
				}
				n := max(1, min(got.Bytes, c.fetch)/c.batch) * c.batch
				p.Spend(n)
				delivered += n
				clock.add(time.Millisecond) // there and back
			}
			want := 60 * c.rate
			if over := delivered - want; over > want/50+c.batch || over < -want/50-c.batch {
				t.Errorf("%d bytes in a minute; want %d, within 2%% and a batch of %d", delivered, want, c.batch)
			}
		})
	}
}

// What is charged is charged: in the long run the bucket gives exactly the rate, whatever the sizes, with many readers.
func TestNothingIsLostInRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []int64{1000, 999_983, 1 << 30, 7_777_777_777} {
		var b Bucket
		r := rateOf(rate, 0)
		var sum int64
		for range 100_000 {
			n := 1 + rng.Int64N(1<<16)
			b.charge(0, n, r)
			sum += n
		}
		left := b.left(0, r)
		if want := r.Burst - sum; math.Abs(float64(left-want)) > math.Abs(float64(sum))/1000+1 {
			t.Errorf("rate %d: %d left after %d; want %d", rate, left, sum, want)
		}
	}
}

func TestBucketAgainstItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		r := rateOf(1+rng.Int64N(1<<30), 1+rng.Int64N(1<<30))
		var b Bucket
		now, level := int64(0), float64(r.Burst) // the bucket as a textbook has it
		for range 50 {
			if rng.IntN(2) == 0 {
				step := rng.Int64N(int64(2 * time.Second))
				now += step
				level = min(float64(r.Burst), level+float64(step)/1e9*float64(r.PerSecond))
			} else {
				n := rng.Int64N(1 << 24)
				b.charge(now, n, r)
				level -= float64(n)
			}
			slack := float64(r.PerSecond)*1e-7 + 2
			if got := float64(b.left(now, r)); math.Abs(got-level) > slack {
				t.Fatalf("rate %+v: %f left; want %f", r, got, level)
			}
			if level < 0 {
				if got, want := b.wait(now, 0, r).Seconds(), -level/float64(r.PerSecond); math.Abs(got-want) > 1e-6+2/float64(r.PerSecond) {
					t.Fatalf("rate %+v: wait of %fs; want %fs", r, got, want)
				}
			}
		}
	}
}

// A request pays at its own rate, whoever shares the bucket.
func TestRatesShareABucket(t *testing.T) {
	var b Bucket
	slow, fast := rateOf(1000, 1000), rateOf(10_000, 10_000)
	b.charge(0, 1000, slow)   // a second
	b.charge(0, 10_000, fast) // a second
	if got := b.wait(0, 1000, slow); got != 2*time.Second {
		t.Errorf("%v until it is full; want 2s", got)
	}
	b.charge(0, -10_000, fast)
	if got := b.wait(0, 1000, slow); got != time.Second {
		t.Errorf("%v until it is full after what was not delivered came back; want 1s", got)
	}
}

func TestDebtIsBounded(t *testing.T) {
	var b Bucket
	r := rateOf(1, 1)
	for range 1000 {
		b.charge(0, math.MaxInt64/8, r)
	}
	if full := b.full.Load(); full < 0 || full > maxDebt {
		t.Errorf("full at %d", full)
	}
	if b.left(0, r) >= 0 {
		t.Error("nothing is owed")
	}
}

func TestScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 10_000 {
		n, times, by := rng.Int64()>>rng.IntN(63), 1+rng.Int64()>>rng.IntN(62), 1+rng.Int64()>>rng.IntN(62)
		want := new(big.Int).Mul(big.NewInt(n), big.NewInt(times))
		want.Add(want, big.NewInt(by/2)).Div(want, big.NewInt(by))
		if most := big.NewInt(math.MaxInt64 / 4); want.Cmp(most) > 0 {
			want = most
		}
		if got := scale(n, times, by); got != want.Int64() || scale(-n, times, by) != -got {
			t.Fatalf("%d*%d/%d is %d; want %s", n, times, by, got, want)
		}
	}
}

func TestChargesFromManySides(t *testing.T) {
	var b Bucket
	r := rateOf(1_000_000, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				b.charge(0, 1000, r)
			}
		})
	}
	all.Wait()
	if got, want := b.full.Load(), int64(8*time.Second); got != want {
		t.Errorf("full at %d; want %d", got, want)
	}
}
