package relay

import (
	"sync"
	"testing"
)

func TestPoolSizes(t *testing.T) {
	for _, c := range []struct{ ask, size int }{
		{0, 4 << 10}, {1, 4 << 10}, {4 << 10, 4 << 10}, {4<<10 + 1, 8 << 10}, {8 << 10, 8 << 10}, {100_000, 128 << 10},
		{1 << 20, 1 << 20}, {4 << 20, 4 << 20}, {4<<20 + 1, 4<<20 + 1}, {10_000_000, 10_000_000},
	} {
		p := NewPool(0)
		for range 2 { // fresh, and from the pool
			b := p.Get(c.ask)
			if len(b.B) != c.size || p.InUse() != int64(c.size) {
				t.Errorf("Get(%d): %d bytes, %d in use; want %d", c.ask, len(b.B), p.InUse(), c.size)
			}
			p.Put(b)
			if p.InUse() != 0 {
				t.Errorf("Get(%d), Put: %d in use", c.ask, p.InUse())
			}
		}
	}
}

func TestPoolLimit(t *testing.T) {
	p := NewPool(100 << 10)
	a := p.TryGet(64 << 10)
	if a == nil || p.TryGet(64<<10) != nil {
		t.Fatal("the limit is not kept")
	}
	if !p.TryCharge(36<<10) || p.TryCharge(1) {
		t.Error("charges and loans do not share the limit")
	}
	b := p.Get(MinBuffer) // over the limit
	p.Put(a)
	p.Put(b)
	p.Put(nil)
	p.Uncharge(36 << 10)
	if p.InUse() != 0 {
		t.Errorf("%d in use at the end", p.InUse())
	}
	p.SetLimit(0)
	if !p.TryCharge(1 << 40) {
		t.Error("0 is to be no limit")
	}
}

// A buffer on two connections would show one client's data to another: the second Put must not go by.
func TestPoolDoublePut(t *testing.T) {
	p := NewPool(0)
	b := p.Get(1)
	p.Put(b)
	defer func() {
		if recover() == nil {
			t.Error("a double Put went by")
		}
	}()
	p.Put(b)
}

func TestPoolConcurrently(t *testing.T) {
	p := NewPool(1 << 20)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				if b := p.TryGet(1 << (10 + (i+g)%12)); b != nil {
					b.B[0], b.B[len(b.B)-1] = byte(g), byte(g)
					if b.B[0] != byte(g) {
						t.Error("somebody else writes here")
					}
					p.Put(b)
				}
			}
		})
	}
	wg.Wait()
	if p.InUse() != 0 {
		t.Errorf("%d in use at the end", p.InUse())
	}
}
