package cluster

import (
	"sync"
	"time"
)

// A keeper writes snapshots, some time after the first change, in a goroutine of its own.
type keeper struct {
	path     string
	debounce time.Duration
	snapshot func() file
	failed   func(error)

	changed chan struct{} // holds one: there is something to write
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	last    error // of the last write; read after done
}

func keep(o Options, snapshot func() file) *keeper {
	k := &keeper{
		path: o.path(), debounce: o.Debounce, snapshot: snapshot, failed: o.Failed,
		changed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if k.debounce <= 0 {
		k.debounce = time.Second
	}
	go k.run()
	return k
}

// dirty notes a change. It never blocks.
func (k *keeper) dirty() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// run waits for a change, lets more of them come, and writes. A write that took long makes the next one wait longer, so
// that a big cluster that changes all the time spends a twentieth of the time on it at most. A write that failed is
// tried again.
func (k *keeper) run() {
	defer close(k.done)
	wait := k.debounce
	for {
		select {
		case <-k.changed:
		case <-k.stop:
			k.flush()
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-k.stop:
			timer.Stop()
			k.dirty()
			k.flush()
			return
		}
		begin := time.Now()
		if !k.write() {
			k.dirty()
		}
		wait = max(k.debounce, 20*time.Since(begin))
	}
}

// flush writes if there is something unwritten.
func (k *keeper) flush() {
	select {
	case <-k.changed:
		k.write()
	default:
	}
}

func (k *keeper) write() bool {
	select { // what changed until now is in the snapshot
	case <-k.changed:
	default:
	}
	k.last = write(k.path, k.snapshot())
	if k.last != nil && k.failed != nil {
		k.failed(k.last)
	}
	return k.last == nil
}

// close stops the keeper after a last write, and returns the error of that.
func (k *keeper) close() (err error) {
	k.once.Do(func() {
		close(k.stop)
		<-k.done
		err = k.last
	})
	return err
}
