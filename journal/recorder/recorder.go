package recorder

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"doorkeeper/internal/disk"
)

// Defaults of Options, in bytes.
const (
	DefaultReserve = 4 << 20
	DefaultMax     = 2 << 30
)

// scarce is how few places of a class that everything needs are few, once the file cannot grow.
const scarce = 64

// Options are fixed while a recorder is open. The zero value of each field means its default.
type Options struct {
	Reserve int64            // the file's size at the start
	Max     int64            // and at most
	Now     func() time.Time // time.Now
}

// A Recorder is the file. All methods may be called from any goroutine.
type Recorder struct {
	opt  Options
	file *os.File
	head []byte

	mu      sync.Mutex // guards all below
	regions [][]byte   // as they are mapped
	chunks  []unsafe.Pointer
	size    int64
	fresh   []unsafe.Pointer // chunks without a class
	free    [classes][]place
	limbo   []place // given back since the last Cycle began
	epoch   uint32  // counts syncs, when they begin
	gen     uint64  // of the last place taken
	held    int     // places in use, limbo included
	stopped bool    // the file could not grow; it is tried again after the next Cycle
	closed  bool

	tight   atomic.Pointer[error] // why there is little room left, nil: there is enough
	syncing shared
}

// A place is where a slot or a block of a tape may be.
type place struct {
	p     unsafe.Pointer
	class uint8
	epoch uint32 // in which it was taken
}

// errMax says that the file is as large as it may be.
var errMax = errors.New("it has reached its largest size")

func (o Options) withDefaults() Options {
	if o.Reserve <= 0 {
		o.Reserve = DefaultReserve
	}
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Reserve = max(step, (o.Reserve+step-1)/step*step)
	return o
}

// Open maps the file at path, or makes one. What was in use when the last process ended is in what it returns: until
// Reset the file stays as it is. A file that is none of ours stays beside under another name, which Recovery says.
func Open(path string, opt Options) (*Recorder, Recovery, error) {
	r := &Recorder{opt: opt.withDefaults()}
	r.syncing.init()
	found, err := r.open(path)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("opening the flight recorder %s: %w", path, errors.Join(err, r.unmap()))
	}
	return r, found, nil
}

func (r *Recorder) open(path string) (found Recovery, err error) {
	if found.Fenced, err = fence(path); err != nil {
		return found, err
	}
	if r.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return found, err
	}
	info, err := r.file.Stat()
	if err != nil {
		return found, err
	}
	size := max(info.Size(), headSize+r.opt.Reserve)
	size = headSize + (size-headSize+step-1)/step*step
	if err := disk.Allocate(r.file, 0, size); err != nil {
		return found, fmt.Errorf("reserving %d bytes: %w (free some space, or set state_dir to a disk that has it)", size, err)
	}
	if r.head, err = r.mapped(0, headSize); err != nil {
		return found, err
	}
	for r.size = headSize; r.size < size; r.size += step {
		if err := r.mapStep(r.size); err != nil {
			return found, err
		}
	}
	if order.Uint32(r.head[headMagic:]) == 0 {
		order.PutUint32(r.head[headMagic:], magic)
		order.PutUint32(r.head[headCheck:], sumOf(r.head[:headCheck]))
		r.alive()
	}
	r.read(&found)
	return found, nil
}

// fence puts a file aside that is not a flight recorder's, or not whole at its head.
func fence(path string) (aside string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, headAlive)
	n, err := f.ReadAt(head, 0)
	if n == 0 && err != nil { // empty: not begun
		return "", nil
	}
	if order.Uint32(head[headMagic:]) == 0 || order.Uint32(head[headMagic:]) == magic && order.Uint32(head[headCheck:]) == sumOf(head[:headCheck]) {
		return "", nil
	}
	for i := 1; ; i++ {
		aside = fmt.Sprintf("%s.damaged-%d", path, i)
		if _, err := os.Lstat(aside); errors.Is(err, os.ErrNotExist) {
			return aside, os.Rename(path, aside)
		}
	}
}

func (r *Recorder) mapped(from, n int64) ([]byte, error) {
	b, err := unix.Mmap(int(r.file.Fd()), from, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping it: %w", err)
	}
	r.regions = append(r.regions, b)
	return b, nil
}

func (r *Recorder) mapStep(from int64) error {
	b, err := r.mapped(from, step)
	if err != nil {
		return err
	}
	for at := 0; at < step; at += chunkSize {
		r.chunks = append(r.chunks, unsafe.Pointer(&b[at]))
	}
	return nil
}

// take returns a place of a class and its generation, false if there is none and the file cannot grow.
func (r *Recorder) take(class int) (place, uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.free[class]) == 0 && !r.addChunk(class) {
		return place{}, 0, false
	}
	last := len(r.free[class]) - 1
	p := r.free[class][last]
	r.free[class] = r.free[class][:last]
	r.held++
	r.gen++
	p.epoch = r.epoch
	return p, r.gen, true
}

// addChunk gives a class one more chunk. The file grows before the last chunk without a class is gone, so that there is
// some room left when it cannot.
func (r *Recorder) addChunk(class int) bool {
	if len(r.fresh) <= 1 {
		r.grow()
	}
	if len(r.fresh) == 0 {
		return false
	}
	last := len(r.fresh) - 1
	c := r.fresh[last]
	r.fresh = r.fresh[:last]
	b := view(c, chunkHead)
	order.PutUint32(b[4:], uint32(class))
	order.PutUint32(b[8:], ^uint32(class))
	word(c).Store(chunkMagic)
	r.addPlaces(c, class)
	return true
}

func (r *Recorder) addPlaces(chunk unsafe.Pointer, class int) {
	size := slotSize(class)
	for i := (chunkSize-chunkHead)/size - 1; i >= 0; i-- {
		r.free[class] = append(r.free[class], place{p: unsafe.Add(chunk, chunkHead+i*size), class: uint8(class)})
	}
}

func (r *Recorder) grow() {
	if r.stopped {
		return
	}
	err := errMax
	if r.size+step <= headSize+r.opt.Max {
		err = disk.Allocate(r.file, r.size, step)
	}
	if err == nil {
		err = r.mapStep(r.size)
	}
	if err != nil {
		r.stopped = true
		r.look(err)
		return
	}
	r.size += step
	r.fresh = append(r.fresh, r.chunks[len(r.chunks)-step/chunkSize:]...)
	r.tight.Store(nil)
}

// look notes whether the file that cannot grow has little room left.
func (r *Recorder) look(err error) {
	for _, class := range [...]int{0, tapeClasses, tapeClasses + 1} {
		if len(r.fresh) <= 1 && len(r.free[class]) < scarce {
			err = fmt.Errorf("the flight recorder cannot grow beyond %d MiB: %w", r.size>>20, err)
			r.tight.Store(&err)
			return
		}
	}
	r.tight.Store(nil)
}

// Room says why nothing new should be begun, nil if there is room. What is left is for what is under way.
func (r *Recorder) Room() error {
	if err := r.tight.Load(); err != nil {
		return *err
	}
	return nil
}

// giveBack takes a place back. One that was taken since the last sync began can be used again at once: that what it held
// is on disk was never said. So what is busy stays in few pages.
func (r *Recorder) giveBack(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.epoch == r.epoch {
		r.freed(p)
		return
	}
	r.limbo = append(r.limbo, p)
}

// freed makes a place free. The lock is held.
func (r *Recorder) freed(p place) {
	if p.class >= tapeClasses {
		word(p.p).Store(0)
	}
	r.free[p.class] = append(r.free[p.class], p)
	r.held--
}

// Cycle makes what was given back before it free again: first records syncs the journal, then the file is synced. It also
// notes that the process is alive. An error leaves everything as it was.
func (r *Recorder) Cycle(records func() error) error {
	r.alive()
	r.mu.Lock()
	given, held := r.limbo, r.held
	r.limbo = nil
	if r.stopped {
		r.stopped = false
		if len(r.fresh) <= 1 {
			r.grow()
		}
	}
	r.mu.Unlock()
	if held == 0 {
		return nil
	}
	err := records()
	if err == nil {
		err = r.Sync()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.limbo = append(given, r.limbo...)
		return err
	}
	if r.closed {
		return nil
	}
	for _, p := range given {
		r.freed(p)
	}
	return nil
}

func (r *Recorder) alive() {
	word64(unsafe.Pointer(&r.head[0]), headAlive).Store(r.opt.Now().UnixNano())
}

// Sync returns when all that was noted before it is on disk. Those who call it at a time share one call of the system.
func (r *Recorder) Sync() error {
	return r.syncing.do(func() error {
		r.mu.Lock()
		r.epoch++
		r.mu.Unlock()
		if err := disk.SyncData(r.file); err != nil {
			return fmt.Errorf("syncing the flight recorder: %w", err)
		}
		return nil
	})
}

// Stats are gauges for telemetry.
type Stats struct {
	Bytes int64 // of the file
	Held  int   // places in use
}

// Stats takes a snapshot.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Bytes: r.size, Held: r.held}
}

// Close unmaps the file. Nobody may hold a slot or a block any more that has not been given back.
func (r *Recorder) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.unmap()
}

func (r *Recorder) unmap() error {
	var errs []error
	for _, b := range r.regions {
		errs = append(errs, unix.Munmap(b))
	}
	r.regions = nil
	if r.file != nil {
		errs = append(errs, r.file.Close())
	}
	return errors.Join(errs...)
}

// shared lets several wait for one call: each for one that began after it came.
type shared struct {
	mu      sync.Mutex
	changed *sync.Cond
	begun   uint64
	done    uint64
	running bool
	err     error // of the call done
}

func (s *shared) init() { s.changed = sync.NewCond(&s.mu) }

func (s *shared) do(call func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.begun + 1
	for s.done < mine {
		if s.running {
			s.changed.Wait()
			continue
		}
		s.running = true
		s.begun++
		s.mu.Unlock()
		err := call()
		s.mu.Lock()
		s.running = false
		s.done, s.err = s.begun, err
		s.changed.Broadcast()
	}
	return s.err
}
