package relay

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Sizes of the smallest and the largest buffer that a Pool keeps, in bytes. All sizes between are powers of two.
const (
	MinBuffer = 4 << 10
	MaxBuffer = 4 << 20
)

const classes = 11 // 4 KiB << 0 … 4 KiB << 10

// A Pool keeps buffers by size and accounts for all memory that lies in them or was charged to it, against one limit.
//
// Buffers that nobody uses are left to the garbage collector. The zero Pool has no limit. All methods may be called
// from any goroutine.
type Pool struct {
	limit atomic.Int64
	inUse atomic.Int64
	class [classes]sync.Pool
}

// A Buf is a buffer on loan from a Pool. B has the length and capacity of its size class, or exactly the size that
// was asked for if that was above MaxBuffer.
type Buf struct {
	B      []byte
	class  int8        // -1: too large to keep
	idle   atomic.Bool // lies in the pool
	charge int64
}

// NewPool returns a pool that accounts up to limit bytes; 0 is no limit.
func NewPool(limit int64) *Pool {
	p := &Pool{}
	p.limit.Store(limit)
	return p
}

// Limit returns the limit in bytes; 0 is none.
func (p *Pool) Limit() int64 { return p.limit.Load() }

// SetLimit changes the limit. What is out on loan stays; only new loans are refused.
func (p *Pool) SetLimit(n int64) { p.limit.Store(n) }

// InUse returns the bytes on loan and charged.
func (p *Pool) InUse() int64 { return p.inUse.Load() }

// TryCharge accounts for n bytes kept outside the pool's buffers, and says whether they fit under the limit.
func (p *Pool) TryCharge(n int64) bool {
	limit := p.limit.Load()
	if p.inUse.Add(n) > limit && limit > 0 {
		p.inUse.Add(-n)
		return false
	}
	return true
}

// Uncharge takes back a TryCharge that succeeded.
func (p *Pool) Uncharge(n int64) { p.inUse.Add(-n) }

// Get lends a buffer of at least n bytes, over the limit if need be: for the few bytes without which nothing moves.
func (p *Pool) Get(n int) *Buf {
	c, size := sizeClass(n)
	p.inUse.Add(int64(size))
	return p.take(c, size)
}

// TryGet lends a buffer of at least n bytes, or returns nil if it does not fit under the limit.
func (p *Pool) TryGet(n int) *Buf {
	c, size := sizeClass(n)
	if !p.TryCharge(int64(size)) {
		return nil
	}
	return p.take(c, size)
}

func (p *Pool) take(c int8, size int) *Buf {
	if c >= 0 {
		if b, _ := p.class[c].Get().(*Buf); b != nil {
			b.idle.Store(false)
			return b
		}
	}
	return &Buf{B: make([]byte, size), class: c, charge: int64(size)}
}

// Put takes a buffer back; nil is allowed. It panics if the buffer was put already: two connections would share it,
// and one client would read what another was sent.
func (p *Pool) Put(b *Buf) {
	if b == nil {
		return
	}
	if b.idle.Swap(true) {
		panic("relay: buffer put twice")
	}
	p.inUse.Add(-b.charge)
	if b.class >= 0 {
		b.B = b.B[:cap(b.B)]
		p.class[b.class].Put(b)
	}
}

// sizeClass returns the class that holds n bytes and its size; -1 and n itself above MaxBuffer.
func sizeClass(n int) (class int8, size int) {
	if n <= MinBuffer {
		return 0, MinBuffer
	}
	if n > MaxBuffer {
		return -1, n
	}
	c := bits.Len(uint(n-1)) - bits.Len(MinBuffer-1)
	return int8(c), MinBuffer << c
}
