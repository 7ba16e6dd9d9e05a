package recorder

import (
	"sync/atomic"
	"unsafe"
)

// A Batch is what is noted of one batch. Flags and Requested mean what the owner wants.
type Batch struct {
	gen   uint64 // of its flow's slot
	index uint64 // on its tape

	First, Last, Requested int64
	Size                   int64
	CRC                    uint32
	Messages               int32
	Flags                  uint32
	check                  uint32 // of all above

	begun, end int64 // when its first and its last bytes so far were released, Unix nanoseconds; 0: none was
	released   int64
}

const checked = int(unsafe.Offsetof(Batch{}.check))

func (b *Batch) sum() uint32 { return sumOf(view(unsafe.Pointer(b), checked)) }

// Index is the batch's place on its tape, from 1 on.
func (b *Batch) Index() uint64 { return b.index }

// Release notes that bytes of the batch have been released by now, all in all.
func (b *Batch) Release(bytes, now int64) {
	if b == nil {
		return
	}
	if b.begun == 0 {
		b.begun = now
	}
	b.released = bytes
	atomic.StoreInt64(&b.end, now)
}

// Released says how many bytes of the batch are known to have been released, and from when to when; begun is 0 if the
// batch was not begun.
func (b *Batch) Released() (bytes, begun, end int64) {
	if b.end == 0 {
		return 0, 0, 0
	}
	return b.released, b.begun, b.end
}

// A Tape notes the batches of a session's flows in their order. The zero value is empty.
type Tape struct {
	blocks []block // the last is being written
	next   uint64  // index of the next batch, less 1
	class  uint8   // of the next block
}

type block struct {
	place
	n    int
	last uint64 // index of the last batch
}

// Note puts b behind what is on the tape, as a batch of s. It returns the note, to be marked as the batch is released;
// nil if there is no room, or s has no place.
func (t *Tape) Note(s *Slot, b *Batch) *Batch {
	if s.p == nil {
		return nil
	}
	if n := len(t.blocks); n == 0 || t.blocks[n-1].n == perBlock[t.blocks[n-1].class] {
		if !t.turn(s.r) {
			return nil
		}
	}
	k := &t.blocks[len(t.blocks)-1]
	e := (*Batch)(unsafe.Add(k.p, k.n*batchSize))
	t.next++
	e.begun, e.end, e.released = 0, 0, 0
	e.gen, e.index = s.gen, t.next
	e.First, e.Last, e.Requested, e.Size = b.First, b.Last, b.Requested, b.Size
	e.CRC, e.Messages, e.Flags = b.CRC, b.Messages, b.Flags
	atomic.StoreUint32(&e.check, e.sum())
	k.n++
	k.last = t.next
	return e
}

// turn begins a block: the first is small, those after it larger and larger.
func (t *Tape) turn(r *Recorder) bool {
	p, _, ok := r.take(int(t.class))
	if !ok {
		return false
	}
	t.blocks = append(t.blocks, block{place: p})
	t.class = min(t.class+1, tapeClasses-1)
	return true
}

// Spent says whether the oldest block is full and all its batches come before upto: once the flows' sums are noted it
// can be dropped.
func (t *Tape) Spent(upto uint64) bool {
	return len(t.blocks) > 1 && t.blocks[0].last < upto
}

// Next is the index that the next batch will have.
func (t *Tape) Next() uint64 { return t.next + 1 }

// Drop gives the oldest block back.
func (t *Tape) Drop(r *Recorder) {
	r.giveBack(t.blocks[0].place)
	t.blocks = t.blocks[:copy(t.blocks, t.blocks[1:])]
}

// Clear gives all blocks back: nothing on the tape counts any more.
func (t *Tape) Clear(r *Recorder) {
	if len(t.blocks) == 0 {
		return
	}
	for i := range t.blocks {
		r.giveBack(t.blocks[i].place)
	}
	t.blocks = t.blocks[:0]
	t.class = 0
}
