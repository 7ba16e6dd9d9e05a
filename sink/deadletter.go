package sink

import (
	"sync"
	"time"

	"doorkeeper/access"
)

// A dead-letter file is bounded: one of this size and the one before it are kept.
const deadLetterBytes = 64 << 20

// graves keeps what a far side refused for good, as lines of JSON: when, why, and the record in its native form. It is
// opened when the first one comes.
type graves struct {
	mu  sync.Mutex
	out rotating
	buf []byte
}

func newGraves(path string) *graves {
	return &graves{out: rotating{path: path, maxBytes: deadLetterBytes, keep: 1, open: openOS}}
}

func (g *graves) bury(r *access.Record, why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buf = append(g.buf[:0], `{"time":"`...)
	g.buf = time.Now().UTC().AppendFormat(g.buf, time.RFC3339Nano)
	g.buf = access.AppendString(append(g.buf, `","why":`...), why)
	g.buf = append(g.buf, `,"record":`...)
	g.buf = append(access.AppendJSON(g.buf, r), "}\n"...)
	if err := g.out.ready(); err != nil {
		return err
	}
	if g.out.full(0, len(g.buf)) {
		if err := g.out.rotate(); err != nil {
			return err
		}
	}
	return g.out.write(g.buf)
}

func (g *graves) path() string { return g.out.path }

// sync makes what was buried survive a loss of power.
func (g *graves) sync() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.sync()
}

func (g *graves) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.close()
}
