package recorder

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Recovery is what the file held when it was opened.
type Recovery struct {
	Open   []Found   // what was in use, in the order in which it was begun
	Torn   []string  // slots that cannot be read: where they are, and why
	Fenced string    // a file that was put aside because it is not a flight recorder's, "": none
	Alive  time.Time // when the last process was alive for certain
}

// A Found is a slot that was in use.
type Found struct {
	Slot     Slot // to say which record takes it up (Recorded); not to be freed: Reset does that
	Kind     Kind
	At       int64
	Context  []byte // template of the slot that it belongs to, nil if that is none of those in use
	Template []byte
	Marks    []Mark // older first
	Notes    []Note
	Batches  []Batch // of it, in their order
}

// A Mark says that a record takes up what the slot held of batches before Upto.
type Mark struct {
	Seq  int64
	Upto uint64
}

// A Note is figures that count all batches before Upto.
type Note struct {
	Upto    uint64
	Figures []byte
}

// read looks through the file. Chunks without a class are fresh, places that nobody uses are free.
func (r *Recorder) read(found *Recovery) {
	found.Alive = time.Unix(0, word64(unsafe.Pointer(&r.head[0]), headAlive).Load())
	batches := make(map[uint64][]Batch)
	for i, c := range r.chunks {
		class, ok := classOf(c)
		switch {
		case !ok && order.Uint32(view(c, chunkHead)) == 0 && isZero(view(c, chunkSize)[chunkHead:]):
			r.fresh = append(r.fresh, c)
		case !ok:
			found.Torn = append(found.Torn, fmt.Sprintf("%s at %d: the head of a chunk", r.file.Name(), headSize+i*chunkSize))
		case class < tapeClasses:
			r.addPlaces(c, class)
			r.readBlocks(c, class, batches)
		default:
			r.readSlots(i, class, found)
		}
	}
	contexts := make(map[uint64][]byte)
	for i := range found.Open {
		f := &found.Open[i]
		contexts[f.Slot.gen] = f.Template
	}
	for i := range found.Open {
		f := &found.Open[i]
		gen := order.Uint64(view(f.Slot.p, slotMarks)[slotContext:])
		f.Context = contexts[gen]
		f.Batches = batches[f.Slot.gen]
		slices.SortFunc(f.Batches, func(a, b Batch) int { return cmp.Compare(a.index, b.index) })
	}
	slices.SortFunc(found.Open, func(a, b Found) int { return cmp.Compare(a.Slot.gen, b.Slot.gen) })
}

func classOf(chunk unsafe.Pointer) (int, bool) {
	b := view(chunk, chunkHead)
	class := order.Uint32(b[4:])
	ok := order.Uint32(b) == chunkMagic && order.Uint32(b[8:]) == ^class && class < classes
	return int(class), ok
}

func isZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

func (r *Recorder) readBlocks(chunk unsafe.Pointer, class int, batches map[uint64][]Batch) {
	size := slotSize(class)
	for at := chunkHead; at+size <= chunkSize; at += size {
		for i := range perBlock[class] {
			b := (*Batch)(unsafe.Add(chunk, at+i*batchSize))
			if b.gen != 0 && b.check == b.sum() {
				r.gen = max(r.gen, b.gen)
				batches[b.gen] = append(batches[b.gen], *b)
			}
		}
	}
}

func (r *Recorder) readSlots(chunk, class int, found *Recovery) {
	size := slotSize(class)
	for at := chunkHead; at+size <= chunkSize; at += size {
		p := unsafe.Add(r.chunks[chunk], at)
		b := view(p, size)
		r.gen = max(r.gen, order.Uint64(b[slotGen:]))
		kind := Kind(word(p).Load())
		if kind == 0 {
			r.free[class] = append(r.free[class], place{p: p, class: uint8(class)})
			continue
		}
		f, err := readSlot(b, kind)
		if err != nil {
			offset := int64(headSize) + int64(chunk)*chunkSize + int64(at)
			found.Torn = append(found.Torn, fmt.Sprintf("%s at %d: %v", r.file.Name(), offset, err))
			continue
		}
		f.Slot.r, f.Slot.place = r, place{p: p, class: uint8(class)}
		found.Open = append(found.Open, f)
	}
}

func readSlot(b []byte, kind Kind) (f Found, err error) {
	n, room := int(order.Uint32(b[slotLen:])), int(order.Uint32(b[slotNote:]))
	from := slotNotes + 2*(noteHead+room)
	if kind > Sum || n > len(b) || room > len(b) || from+n > len(b) {
		return f, fmt.Errorf("a slot of kind %d with %d and %d bytes cannot be", kind, n, room)
	}
	if order.Uint32(b[slotCheck:]) != slotSum(b, from, n) {
		return f, fmt.Errorf("checksum of a slot of kind %d", kind)
	}
	f = Found{Kind: kind, At: int64(order.Uint64(b[slotAt:])), Template: bytes.Clone(b[from : from+n])}
	f.Slot.gen = order.Uint64(b[slotGen:])
	f.readMarks(b[slotMarks:])
	f.readNotes(b[slotNotes:], room)
	return f, nil
}

func (f *Found) readMarks(b []byte) {
	var counts [2]uint64
	for i := range 2 {
		m := b[i*markSize : (i+1)*markSize]
		if counts[i] = order.Uint64(m[markCount:]); counts[i] == 0 || order.Uint32(m[markCheck:]) != sumOf(m[markCount:]) {
			counts[i] = 0
			continue
		}
		f.Marks = append(f.Marks, Mark{int64(order.Uint64(m[markSeq:])), order.Uint64(m[markUpto:])})
	}
	f.Slot.marks = max(counts[0], counts[1])
	if len(f.Marks) == 2 && counts[0] > counts[1] {
		f.Marks[0], f.Marks[1] = f.Marks[1], f.Marks[0]
	}
}

func (f *Found) readNotes(b []byte, room int) {
	var counts [2]uint64
	for i := range 2 {
		n := b[i*(noteHead+room) : (i+1)*(noteHead+room)]
		size := int(order.Uint32(n[noteLen:]))
		counts[i] = order.Uint64(n[noteCount:])
		if counts[i] == 0 || size > room || order.Uint32(n[noteCheck:]) != sumOf(n[noteLen:noteHead+size]) {
			counts[i] = 0
			continue
		}
		f.Notes = append(f.Notes, Note{order.Uint64(n[noteUpto:]), bytes.Clone(n[noteHead : noteHead+size])})
	}
	f.Slot.notes = max(counts[0], counts[1])
	if len(f.Notes) == 2 && counts[0] > counts[1] {
		f.Notes[0], f.Notes[1] = f.Notes[1], f.Notes[0]
	}
}

// Reset empties the file, once all that was found stands in the journal, on disk: nothing may be held.
func (r *Recorder) Reset() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.chunks { // first, so that half a reset is one
		if class, ok := classOf(c); ok && class >= tapeClasses {
			for at, size := chunkHead, slotSize(class); at+size <= chunkSize; at += size {
				word(unsafe.Add(c, at)).Store(0)
			}
		}
	}
	base := headSize + r.opt.Reserve
	keep := int(r.opt.Reserve/step) + 1
	for _, b := range r.regions[min(keep, len(r.regions)):] {
		if err := unix.Munmap(b); err != nil {
			return fmt.Errorf("unmapping the flight recorder: %w", err)
		}
	}
	r.regions = r.regions[:min(keep, len(r.regions))]
	r.chunks = r.chunks[:min(int(r.opt.Reserve/chunkSize), len(r.chunks))]
	if r.size > base {
		if err := r.file.Truncate(base); err != nil {
			return fmt.Errorf("shortening the flight recorder: %w", err)
		}
		r.size = base
	}
	r.fresh, r.free = nil, [classes][]place{}
	for _, c := range r.chunks {
		clear(view(c, chunkSize)[chunkHead:])
		word(c).Store(0)
	}
	r.fresh = append(r.fresh, r.chunks...)
	r.held, r.gen = 0, 0
	return nil
}
