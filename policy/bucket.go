package policy

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A Rate is how many bytes may move in a second, and how many at once after a rest.
type Rate struct {
	PerSecond int64
	Burst     int64
}

// rateOf completes a rate of a policy. Without burst_bytes half a second's worth may move at once: enough for a client
// to keep the rate, and under one percent of what a minute brings.
func rateOf(perSecond, burst int64) Rate {
	if perSecond <= 0 {
		return Rate{}
	}
	if burst <= 0 {
		burst = max(1, perSecond/2)
	}
	return Rate{perSecond, burst}
}

// Set says whether there is a rate at all.
func (r Rate) Set() bool { return r.PerSecond > 0 }

// Lower returns the lower of two rates, of which either may be missing.
func (r Rate) Lower(other Rate) Rate {
	if !r.Set() || other.Set() && other.PerSecond < r.PerSecond {
		return other
	}
	return r
}

// Step is how much must have come together before somebody who waits goes on, in bytes: a tenth of a second's worth, so
// that waiting does not end in requests for a byte each.
func (r Rate) Step() int64 { return max(1, min(r.Burst, r.PerSecond/10)) }

// takes is how long n bytes take at the rate.
func (r Rate) takes(n int64) int64 { return scale(n, int64(time.Second), r.PerSecond) }

// A Bucket is what one principal may still move in one direction. It is kept as one number, the time at which it will be
// full again (the generic cell rate algorithm): each byte moves that time on by what it takes at the rate of the request
// that it belongs to. So one atomic addition is a charge, requests under different rates share a bucket without a
// question of whose rate fills it, and a rate that changes holds from the next byte on.
//
// Times are nanoseconds of the accounts' monotonic clock.
type Bucket struct {
	full     atomic.Int64
	promised atomic.Int64
}

// charge takes n bytes out. The bucket may go below zero: what is here is delivered whole. A negative n gives back.
func (b *Bucket) charge(now, n int64, r Rate) {
	takes := r.takes(n)
	for {
		old := b.full.Load()
		next := old + takes
		if n > 0 {
			next = max(old, now) + min(takes, max(0, now+maxDebt-old))
		}
		if b.full.CompareAndSwap(old, next) {
			return
		}
	}
}

// maxDebt bounds how far ahead a bucket may be: nobody waits for longer anyway, and sums do not overflow.
const maxDebt = int64(365 * 24 * time.Hour)

// left is how many bytes may move now; below zero, how many too many have.
func (b *Bucket) left(now int64, r Rate) int64 {
	debt := max(0, b.full.Load()-now)
	return r.Burst - scale(debt, r.PerSecond, int64(time.Second))
}

// wait is how long it takes until n bytes may move.
func (b *Bucket) wait(now, n int64, r Rate) time.Duration {
	at := b.full.Load() - r.takes(r.Burst-n)
	return time.Duration(max(0, at-now))
}

// scale is n*times/by, rounded to the nearest and bounded by what an int64 holds. times and by are above zero.
func scale(n, times, by int64) int64 {
	if n < 0 {
		return -scale(-n, times, by)
	}
	hi, lo := bits.Mul64(uint64(n), uint64(times))
	lo, carry := bits.Add64(lo, uint64(by)/2, 0)
	if hi += carry; hi >= uint64(by) {
		return math.MaxInt64 / 4
	}
	q, _ := bits.Div64(hi, lo, uint64(by))
	return int64(min(q, math.MaxInt64/4))
}
