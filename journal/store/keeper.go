package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// retryAfter is how long a disk that failed is left alone.
const retryAfter = time.Second

// prepareAhead makes a spare segment whenever one was taken, so that a full disk is known while there is a segment's
// room left. It is the preparer's goroutine: it ends in Close and queues nothing.
func (s *Store) prepareAhead() {
	defer s.running.Done()
	s.prepareSpares()
	s.measure()
	for {
		wait := s.prepareSpares()
		timer := time.NewTimer(wait)
		select {
		case <-s.wantNew:
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// prepareSpares makes what is missing and says when to try again.
func (s *Store) prepareSpares() time.Duration {
	var failed error
	was := s.Writable()
	for i := range s.streams {
		st := &s.streams[i]
		s.mu.Lock()
		missing := st.spare == nil
		s.mu.Unlock()
		if !missing {
			continue
		}
		g, err := s.prepare(Stream(i))
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.mu.Lock()
		st.spare = g
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.preparer = failed
	if failed != nil {
		s.stats.failures++
	}
	s.judge()
	s.mu.Unlock()
	s.tell(was, s.Synced())
	if failed != nil {
		return retryAfter
	}
	return time.Hour
}

// waiters are those who wait for a sync that begins after they came.
type waiters struct {
	mu      sync.Mutex
	changed *sync.Cond
	begun   int64 // syncs begun and ended
	ended   int64
	err     error // of the last
	over    bool
}

func (w *waiters) init() { w.changed = sync.NewCond(&w.mu) }

// Sync returns when everything that was appended before is on disk. All who wait share one sync.
func (s *Store) Sync() error {
	if s.synced.Load() >= s.head.Load() {
		return s.syncFault()
	}
	w := &s.wait
	w.mu.Lock()
	defer w.mu.Unlock()
	for want := w.begun + 1; w.ended < want; {
		if w.over {
			return os.ErrClosed
		}
		nudge(s.wantRun)
		w.changed.Wait()
	}
	return w.err
}

func (s *Store) syncFault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncer
}

// keep brings to disk what was appended, seals what is full or old, and gives files their names. It is the keeper's
// goroutine: it ends in Close and queues nothing but a wish to run.
func (s *Store) keep() {
	defer s.running.Done()
	every := time.NewTicker(s.opt.SyncInterval)
	defer every.Stop()
	for {
		s.round()
		select {
		case <-every.C:
		case <-s.wantRun:
		case <-s.stop:
			return
		}
	}
}

// round is one sync, and what it allows.
func (s *Store) round() {
	w := &s.wait
	w.mu.Lock()
	w.begun++
	w.mu.Unlock()

	was, before := s.Writable(), s.Synced()
	s.rotateOld()
	err := s.syncAll()
	if err == nil {
		err = s.sealFull()
	}
	s.mu.Lock()
	s.syncer = err
	s.failing.Store(err != nil)
	if err != nil {
		s.stats.failures++
	}
	s.judge()
	s.mu.Unlock()

	w.mu.Lock()
	w.ended, w.err = w.begun, err
	w.changed.Broadcast()
	w.mu.Unlock()
	s.tell(was, before)
	if err != nil {
		select { // others' wishes do not make a failing disk better
		case <-time.After(retryAfter):
		case <-s.stop:
		}
	}
}

// tell says that something has changed since.
func (s *Store) tell(writable error, synced int64) {
	if s.Synced() != synced || (s.Writable() == nil) != (writable == nil) {
		s.opt.Synced()
	}
}

// rotateOld ends segments that are old enough, where there is another.
func (s *Store) rotateOld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.streams {
		st := &s.streams[i]
		if st.active.count > 0 && s.opt.Now().Sub(st.active.began) >= s.opt.SegmentAge {
			s.rotate(st)
		}
	}
}

// syncAll brings all segments with something new to disk.
func (s *Store) syncAll() error {
	s.mu.Lock()
	head := s.head.Load()
	failed := s.syncer != nil
	type part struct {
		g   *segment
		end int64
	}
	var parts []part
	for i := range s.streams {
		for _, g := range s.streams[i].written() {
			if g.synced >= g.end {
				continue
			}
			if failed {
				if err := g.touch(); err != nil {
					s.mu.Unlock()
					return err
				}
			}
			parts = append(parts, part{g, g.end})
		}
	}
	s.mu.Unlock()
	if len(parts) == 0 {
		return nil
	}
	began := s.opt.Now()
	for _, p := range parts {
		if err := s.files.sync(p.g.file); err != nil {
			return fmt.Errorf("syncing %s: %w", p.g.path, err)
		}
		if p.g.synced == 0 { // it is new: its name is to be there, too
			dir := s.streams[p.g.stream].dir
			if err := s.files.syncDir(dir); err != nil {
				return fmt.Errorf("syncing %s: %w", dir, err)
			}
		}
	}
	s.mu.Lock()
	s.stats.syncs++
	s.stats.syncTime += s.opt.Now().Sub(began)
	for _, p := range parts {
		p.g.synced = max(p.g.synced, p.end)
	}
	s.synced.Store(head)
	s.mu.Unlock()
	for _, p := range parts {
		if err := s.name(p.g); err != nil {
			return err
		}
	}
	return nil
}

// name gives a segment that was a spare its own name.
func (s *Store) name(g *segment) error {
	return s.renameTo(g, filepath.Join(s.streams[g.stream].dir, fileName(g.first, ".open")))
}

// renameTo does nothing where the file has the name already. Who opens a file by its path waits meanwhile; who appends
// does not.
func (s *Store) renameTo(g *segment, path string) error {
	s.naming.Lock()
	defer s.naming.Unlock()
	if g.path == path {
		return nil
	}
	if err := s.files.rename(g.path, path); err != nil {
		return fmt.Errorf("renaming a segment: %w", err)
	}
	s.mu.Lock()
	g.path = path
	s.mu.Unlock()
	return nil
}

func fileName(first int64, suffix string) string { return fmt.Sprintf("%020d%s", first, suffix) }

// sealFull seals the segments that are full.
func (s *Store) sealFull() error {
	for i := range s.streams {
		st := &s.streams[i]
		for {
			s.mu.Lock()
			if len(st.full) == 0 {
				s.mu.Unlock()
				break
			}
			g := st.full[0]
			s.mu.Unlock()
			if err := s.seal(st, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal ends a segment that nobody appends to any more, and moves it to those that are done. Where a part of it fails it
// is done again as a whole.
func (s *Store) seal(st *stream, g *segment) error {
	if err := endFile(&s.files, g.file, g.end, g.footer(s.opt.Now())); err != nil {
		return err
	}
	if err := s.renameTo(g, filepath.Join(st.dir, fileName(g.first, ".seg"))); err != nil {
		return err
	}
	if err := s.files.syncDir(st.dir); err != nil {
		return fmt.Errorf("sealing %s: %w", g.path, err)
	}
	sealed := g.describe()
	sealed.Size, sealed.Sealed, sealed.Ended = g.end+FooterSize, true, s.opt.Now()
	s.mu.Lock()
	st.full = st.full[1:]
	st.done = append(st.done, &done{sealed, g.index})
	s.stats.sealed++
	s.mu.Unlock()
	err := errors.Join(g.unmap(), g.file.Close())
	s.opt.Sealed(sealed)
	return err
}

// endFile writes the footer and cuts off what was allocated and not used.
func endFile(x *files, f *os.File, end int64, footer Footer) error {
	fail := func(err error) error { return fmt.Errorf("sealing %s: %w", f.Name(), err) }
	if _, err := f.WriteAt(footer.append(nil), end); err != nil {
		return fail(err)
	}
	if err := f.Truncate(end + FooterSize); err != nil {
		return fail(err)
	}
	if err := x.sync(f); err != nil {
		return fail(err)
	}
	return nil
}

// finish is Close's part when the goroutines have ended: it seals what is open, and removes what is empty.
func (s *Store) finish() error {
	err := s.syncAll()
	for i := range s.streams {
		st := &s.streams[i]
		if st.active.count > 0 {
			st.full = append(st.full, st.active)
			st.active = nil
		}
	}
	if err == nil {
		err = s.sealFull()
	}
	w := &s.wait
	w.mu.Lock()
	w.over = true
	w.changed.Broadcast()
	w.mu.Unlock()
	return errors.Join(err, s.release())
}

// release gives back what was never written to, and the mappings of what could not be sealed: that is done at the next
// start.
func (s *Store) release() error {
	var failed error
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.streams {
		st := &s.streams[i]
		for _, g := range []*segment{st.active, st.spare} {
			if g != nil {
				failed = errors.Join(failed, g.discard())
			}
		}
		for _, g := range st.full {
			failed = errors.Join(failed, g.unmap(), g.file.Close())
		}
		st.active, st.spare = nil, nil
	}
	return failed
}
