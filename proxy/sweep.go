package proxy

import (
	"time"
)

// sweepEvery is how often the sweeper looks at every connection: the resolution of the timeouts, and how late an idle
// connection's flow may be recorded.
const sweepEvery = 250 * time.Millisecond

// frameStep is what an open request must move within timeouts.frame, in bytes.
const frameStep = 64 << 10

// A watch is what the sweeper remembers of one connection between two looks.
type watch struct {
	in, all       int64     // bytes of the client, and of all directions, when they last moved enough
	inAt, movedAt time.Time // and when that was
}

// sweep is the proxy's one goroutine besides listeners and connections. It enforces the timeouts, wakes pumps whose log
// has something due, and lets the journal close sums that no session is left to close.
func (p *Proxy) sweep() {
	defer close(p.swept)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-tick.C:
			p.look(now)
		}
	}
}

func (p *Proxy) look(now time.Time) {
	t := p.timeouts.Load()
	for _, c := range p.snapshot() {
		if due := c.due.Load(); due != 0 && now.UnixNano() >= due {
			c.nudgeResponses()
		}
		if why := c.watch.look(c, t, now); why != nil {
			c.kill(why)
		}
	}
	p.opt.Journal.Tick(now)
	if n := p.alarms.missed(now); n > 0 {
		p.log.Warn("more warnings than are written", "left_out", n)
	}
}

// look says why the connection must end, nil if it need not.
func (w *watch) look(c *conn, t *Timeouts, now time.Time) *cause {
	m := &c.meter
	in := m.clientIn.Load()
	all := in + m.clientOut.Load() + m.brokerIn.Load() + m.brokerOut.Load()
	request, response := m.request.get(), m.response.get()
	if all != w.all || request == resting && response == resting {
		w.all, w.movedAt = all, now
	}
	if request != reading || in-w.in >= frameStep || w.inAt.IsZero() {
		w.in, w.inAt = in, now
	}
	since := c.since.Load()
	switch {
	case since != 0 && now.UnixNano()-since > int64(t.Handshake):
		return causeSilent
	case request == reading && now.Sub(w.inAt) > t.Frame:
		return causeFrame
	case now.Sub(w.movedAt) > t.Stall:
		return causeStall
	}
	return nil
}
