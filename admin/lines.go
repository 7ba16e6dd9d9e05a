package admin

import (
	"context"
	"iter"
	"net/http"
	"time"

	"doorkeeper/access"
)

// lines writes records as lines. A write that fails cancels the request, which ends whoever produces records.
type lines struct {
	w      http.ResponseWriter
	ctl    *http.ResponseController
	cancel context.CancelFunc
	buf    []byte
}

func newLines(w http.ResponseWriter, cancel context.CancelFunc) *lines {
	l := &lines{w: w, ctl: http.NewResponseController(w), cancel: cancel}
	// The deadline of reading the request would end the wait for the caller's leaving, and the request with it.
	if err := l.ctl.SetReadDeadline(time.Time{}); err != nil {
		cancel()
	}
	return l
}

// flushAt is how much is collected before it is sent.
const flushAt = 32 << 10

func (l *lines) write(r *access.Record) {
	l.buf = append(access.AppendJSON(l.buf, r), '\n')
	if len(l.buf) >= flushAt {
		l.flush()
	}
}

// flush sends what is collected. Each piece has the write timeout for itself: a stream has no end to wait for.
func (l *lines) flush() {
	if err := l.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		l.cancel()
		return
	}
	_, err := l.w.Write(l.buf)
	l.buf = l.buf[:0]
	if err == nil {
		err = l.ctl.Flush()
	}
	if err != nil {
		l.cancel()
	}
}

// idle yields the same records, and flushes whenever the next is not there yet.
func (l *lines) idle(ctx context.Context, records iter.Seq[*access.Record]) iter.Seq[*access.Record] {
	return func(yield func(*access.Record) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		next := make(chan *access.Record, 64)
		go func() {
			defer close(next)
			for r := range records {
				select {
				case next <- r:
				case <-ctx.Done():
					return
				}
			}
		}()
		for {
			select {
			case r, ok := <-next:
				if !ok || !yield(r) {
					return
				}
			default:
				l.flush()
				r, ok := <-next
				if !ok || !yield(r) {
					return
				}
			}
		}
	}
}
