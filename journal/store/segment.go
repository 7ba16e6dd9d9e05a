package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// indexStride is how many bytes lie between two entries of a segment's sparse index.
const indexStride = 256 << 10

// An indexEntry says where a frame begins.
type indexEntry struct {
	seq    int64
	offset int64
}

// A segment is one that is written, or is to be. The store's lock guards it.
type segment struct {
	stream Stream
	file   *os.File
	path   string
	mem    []byte // nil: it was recovered, and is only to be sealed
	size   int64

	first, last int64 // 0: nothing in it yet
	count       int64
	end         int64 // where the next frame begins
	created     time.Time
	began       time.Time // when its first frame was written
	index       []indexEntry
	synced      int64 // everything before is on disk
}

// newSegment makes and maps an empty segment.
func newSegment(x *files, stream Stream, path string, size int64) (*segment, error) {
	f, err := x.create(path, size)
	if err != nil {
		return nil, err
	}
	mem, err := mapFile(f, size)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return &segment{stream: stream, file: f, path: path, mem: mem, size: size, end: HeaderSize}, nil
}

// room is how many bytes of frames fit, with the footer's place kept.
func (g *segment) room() int64 { return int64(len(g.mem)) - FooterSize - g.end }

// begin writes the header: from here on the file is a segment.
func (g *segment) begin(journal [16]byte, seq int64, now time.Time) {
	h := Header{Stream: g.stream, Journal: journal, First: seq, Created: now}
	copy(g.mem, h.append(make([]byte, 0, HeaderSize)))
	g.first, g.created, g.began = seq, now, now
}

// append writes a frame that fits. The length comes last: until then there is nothing.
func (g *segment) append(seq int64, payload []byte) {
	frame := g.mem[g.end : g.end+frameSize(len(payload))]
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(payload, castagnoli))
	copy(frame[frameHead:], payload)
	storeLength(frame, uint32(len(payload)))

	if len(g.index) == 0 || g.end-g.index[len(g.index)-1].offset >= indexStride {
		g.index = append(g.index, indexEntry{seq, g.end})
	}
	g.end += int64(len(frame))
	g.last = seq
	g.count++
}

// storeLength writes a frame's length at once, after everything that was written before.
func storeLength(frame []byte, n uint32) {
	var little [4]byte
	binary.LittleEndian.PutUint32(little[:], n)
	word := (*uint32)(unsafe.Pointer(&frame[0])) //nolint:gosec // frames begin on multiples of 8 of a mapping
	atomic.StoreUint32(word, binary.NativeEndian.Uint32(little[:]))
}

// guard turns a fault in a mapped file (it was cut short by someone, or its disk is gone) into an error. Without it the
// runtime would end the process.
func guard(write func()) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(interface{ Addr() uintptr }); !ok {
				panic(fault)
			}
			err = fmt.Errorf("the mapped file is gone: %v", fault)
		}
	}()
	write()
	return nil
}

// touch makes every page dirty again that is not on disk for sure: after a failed sync the kernel takes them for clean,
// and the next one would succeed without having written them.
func (g *segment) touch() error {
	if g.mem == nil {
		return nil
	}
	return guard(func() {
		page := int64(os.Getpagesize())
		for at := g.synced / page * page; at < g.end; at += page {
			atomic.AddUint32((*uint32)(unsafe.Pointer(&g.mem[at])), 0) //nolint:gosec // pages are aligned
		}
	})
}

func (g *segment) unmap() error {
	if g.mem == nil {
		return nil
	}
	err := unix.Munmap(g.mem)
	g.mem = nil
	return err
}

// discard removes a segment that nothing was written to.
func (g *segment) discard() error {
	return errors.Join(g.unmap(), g.file.Close(), os.Remove(g.path))
}

func (g *segment) footer(now time.Time) Footer {
	return Footer{Count: g.count, First: g.first, Last: g.last, FirstTime: g.began, LastTime: now}
}
