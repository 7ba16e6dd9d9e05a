package recorder

import (
	"encoding/binary"
	"hash/crc32"
	"sync/atomic"
	"unsafe"
)

// The file is a head of one page and chunks of one size. A chunk holds slots of one class, or is not in use yet (zeros).
const (
	magic      = 0x31524b44 // "DKR1"
	chunkMagic = 0x43524b44 // "DKRC"
	headSize   = 4096
	chunkSize  = 256 << 10
	chunkHead  = 64
	step       = 4 * chunkSize // by which the file grows
)

// Classes of slots: three of tape blocks, then those with a template, each twice the one before.
const (
	tapeClasses = 3
	smallest    = 512
	largest     = 64 << 10
	classes     = tapeClasses + 8
)

const batchSize = int(unsafe.Sizeof(Batch{}))

// perBlock is how many batches a block holds: a session that says little needs little, one that says much notes its sums
// seldom.
var perBlock = [tapeClasses]int{16, 128, (chunkSize - chunkHead) / 2 / batchSize}

func slotSize(class int) int {
	if class < tapeClasses {
		return perBlock[class] * batchSize
	}
	return smallest << (class - tapeClasses)
}

// classFor is the smallest class with a template that holds size bytes, -1 if none does.
func classFor(size int) int {
	for class := tapeClasses; class < classes; class++ {
		if size <= slotSize(class) {
			return class
		}
	}
	return -1
}

// Offsets in the head of the file.
const (
	headMagic = 0
	headCheck = 8 // of headMagic
	headAlive = 16
)

// Offsets in a slot with a template. The check covers the generation and all up to the marks, and the template, which
// stands behind the notes.
const (
	slotState   = 0 // the kind; 0: free. Written last
	slotCheck   = 4
	slotGen     = 8
	slotContext = 16
	slotAt      = 24
	slotLen     = 32 // of the template
	slotNote    = 36 // room for a note's content
	slotMarks   = 40
	slotNotes   = slotMarks + 2*markSize
)

// A mark: which record took up the slot's batches before upto.
const (
	markCheck = 0
	markCount = 8
	markSeq   = 16
	markUpto  = 24
	markSize  = 32
)

// A note: figures that count all batches before upto.
const (
	noteCheck = 0
	noteLen   = 4
	noteCount = 8
	noteUpto  = 16
	noteHead  = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var order = binary.LittleEndian

func view(p unsafe.Pointer, n int) []byte { return unsafe.Slice((*byte)(p), n) }

// word is the word at p, in the file, that has to be written in its turn.
func word(p unsafe.Pointer) *atomic.Uint32 { return (*atomic.Uint32)(p) }

func word64(p unsafe.Pointer, at int) *atomic.Int64 { return (*atomic.Int64)(unsafe.Add(p, at)) }
