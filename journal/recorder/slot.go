package recorder

import (
	"hash/crc32"
	"math"
	"unsafe"
)

// A Kind says what a slot's template describes.
type Kind uint32

// The kinds.
const (
	Session Kind = iota + 1 // an open session; its template is the context of what it opens
	Context                 // an earlier context of a session, for what was opened under it
	Flow                    // a flow: its batches are on a tape
	Sum                     // figures alone
)

// A Slot is one use of a place in the file. The zero value holds nothing, and all it is told goes nowhere.
type Slot struct {
	r *Recorder
	place
	gen   uint64
	notes uint64 // written so far
	marks uint64
}

// Take gives s a place: template and the context that it belongs to (the generation of that slot; 0: none) stand there
// from now on, with room for notes of up to note bytes. at is kept beside them. False: there is no room, on the disk or
// for a template of that size.
func (r *Recorder) Take(s *Slot, kind Kind, context uint64, at int64, template []byte, note int) bool {
	note = (note + 7) &^ 7
	from := slotNotes + 2*(noteHead+note)
	class := classFor(from + len(template))
	if class < 0 {
		return false
	}
	p, gen, ok := r.take(class)
	if !ok {
		return false
	}
	*s = Slot{r: r, place: p, gen: gen}
	b := view(p.p, slotSize(class))
	clear(b[slotMarks:from])
	order.PutUint64(b[slotGen:], gen)
	order.PutUint64(b[slotContext:], context)
	order.PutUint64(b[slotAt:], uint64(at))
	order.PutUint32(b[slotLen:], uint32(len(template)))
	order.PutUint32(b[slotNote:], uint32(note))
	copy(b[from:], template)
	order.PutUint32(b[slotCheck:], slotSum(b, from, len(template)))
	word(p.p).Store(uint32(kind))
	return true
}

// slotSum is the check of a slot whose template of n bytes begins at from.
func slotSum(b []byte, from, n int) uint32 {
	return crc32.Update(sumOf(b[slotGen:slotMarks]), castagnoli, b[from:from+n])
}

// Held says whether s has a place.
func (s *Slot) Held() bool { return s.p != nil }

// Generation names this use of the place, 0 if there is none.
func (s *Slot) Generation() uint64 { return s.gen }

// Become changes the kind.
func (s *Slot) Become(kind Kind) {
	if s.p != nil {
		word(s.p).Store(uint32(kind))
	}
}

// Note writes figures that count all of the slot's batches before upto, in the place of the note before the last.
func (s *Slot) Note(upto uint64, figures []byte) {
	if s.p == nil {
		return
	}
	s.notes++
	room := int(order.Uint32(view(s.p, slotMarks)[slotNote:]))
	at := unsafe.Add(s.p, slotNotes+int(s.notes&1)*(noteHead+room))
	b := view(at, noteHead+room)
	n := copy(b[noteHead:], figures)
	order.PutUint32(b[noteLen:], uint32(n))
	order.PutUint64(b[noteCount:], s.notes)
	order.PutUint64(b[noteUpto:], upto)
	word(at).Store(sumOf(b[noteLen : noteHead+n]))
}

// Recorded says that the record seq of the journal, which is written after this, takes up all that the slot holds of
// batches before upto. seq 0: there is nothing of them to record.
func (s *Slot) Recorded(seq int64, upto uint64) {
	if s.p == nil {
		return
	}
	s.marks++
	at := unsafe.Add(s.p, slotMarks+int(s.marks&1)*markSize)
	b := view(at, markSize)
	order.PutUint64(b[markCount:], s.marks)
	order.PutUint64(b[markSeq:], uint64(seq))
	order.PutUint64(b[markUpto:], upto)
	word(at).Store(sumOf(b[markCount:]))
}

// All as upto takes up everything, also what comes later.
const All uint64 = math.MaxUint64

// Free gives the place back. What it holds was taken up by the record that Recorded named
// with All, else it is dropped.
func (s *Slot) Free() {
	if s.p == nil {
		return
	}
	s.r.giveBack(s.place)
	*s = Slot{}
}
