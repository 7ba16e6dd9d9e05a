package sink

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"doorkeeper/access"
)

// A farSide is a Sender in memory that does to batches what far sides do: it takes them, in part, twice, not at all,
// late, or refuses them for good.
type farSide struct {
	mu    sync.Mutex
	took  []*access.Record
	calls int
	heard []int // events in each call
	does  func(call int, b *Batch) error
	takes time.Duration // a call
}

func (f *farSide) Append(dst []byte, r *access.Record) []byte {
	return append(access.AppendJSON(dst, r), '\n')
}

func (f *farSide) Send(ctx context.Context, b *Batch) error {
	if f.takes > 0 {
		if err := sleep(ctx, f.takes); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.heard = append(f.heard, b.Len())
	if f.does == nil {
		f.took = append(f.took, b.Records...)
		return nil
	}
	return f.does(f.calls, b)
}

func (f *farSide) Close() error { return nil }

// take is for does.
func (f *farSide) take(b *Batch, indices ...int) {
	for _, i := range indices {
		f.took = append(f.took, b.Records[i])
	}
}

func (f *farSide) takeAll(b *Batch) error {
	f.took = append(f.took, b.Records...)
	return nil
}

func (f *farSide) names() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.took {
		names = append(names, r.Target)
	}
	return names
}

func (f *farSide) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

var errFar = errors.New("the far side is in a mood")

// moody does anything that a far side may do. What it never takes is poison.
func (f *farSide) moody(rng *rand.Rand, poison func(*access.Record) bool) func(int, *Batch) error {
	return func(_ int, b *Batch) error {
		switch rng.IntN(6) {
		case 0:
			return errFar
		case 1:
			return Retry(errFar, time.Duration(rng.IntN(5000))*time.Millisecond)
		case 2: // taken, and the answer lost
			for _, r := range b.Records {
				if !poison(r) {
					f.took = append(f.took, r)
				}
			}
			return errFar
		case 3, 4: // item by item
			var dead []Dead
			var again []int
			for i, r := range b.Records {
				switch {
				case poison(r):
					dead = append(dead, Dead{i, "poison"})
				case rng.IntN(3) == 0:
					again = append(again, i)
				default:
					f.take(b, i)
				}
			}
			return Partial(errFar, dead, again, 0)
		}
		for _, r := range b.Records { // all or nothing
			if poison(r) {
				return Refuse(errFar)
			}
		}
		return f.takeAll(b)
	}
}
