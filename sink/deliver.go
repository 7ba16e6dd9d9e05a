package sink

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

const (
	remindAfter = time.Minute // between two lines in the log about a sink that fails
	maxRefused  = 100         // refusals in a row until the far side, rather than what it gets, is suspected
	graveRetry  = time.Second
)

// deliver takes a batch to the far side, again and again until every event of it is accepted or dead. It ends early
// with ctx alone; the error is ctx's then.
func (s *Sink) deliver(ctx context.Context, b *Batch) (n counts, err error) {
	for b.Len() > 0 {
		leave, err := s.pace.enter(ctx)
		if err != nil {
			return n, err
		}
		err = s.sender.Send(ctx, b)
		var f *failure
		switch {
		case err == nil:
			s.tally(&n, b.Len(), len(b.Body))
			s.works()
			leave()
			return n, nil
		case ctx.Err() != nil:
			leave()
			return n, ctx.Err()
		case !errors.As(err, &f):
			f = &failure{error: err}
		}
		switch {
		case f.partial && len(f.again) == 0:
			s.works()
		case !f.refused:
			s.failed(f, s.pace.failed(f.after))
		}
		leave()
		if f.refused {
			return s.divide(ctx, b, n, f)
		}
		if f.partial {
			if b, err = s.sort(ctx, b, f, &n); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// divide deals with a batch that is refused for good: it delivers its halves, until what is refused is one event.
func (s *Sink) divide(ctx context.Context, b *Batch, n counts, f *failure) (counts, error) {
	if b.Len() == 1 {
		return n, s.bury(ctx, b.Records[0], f.Error(), &n)
	}
	middle := b.Len() / 2
	for _, part := range []*Batch{b.part(0, middle), b.part(middle, b.Len())} {
		m, err := s.deliver(ctx, part)
		n.add(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// sort deals with a batch that was accepted in part, and returns what is to be sent again.
func (s *Sink) sort(ctx context.Context, b *Batch, f *failure, n *counts) (*Batch, error) {
	again := b.pick(f.again)
	lost := 0
	for _, d := range f.dead {
		lost += len(b.Event(d.Index))
	}
	if took := b.Len() - len(f.dead) - len(f.again); took > 0 {
		s.tally(n, took, len(b.Body)-len(again.Body)-lost)
	}
	for _, d := range f.dead {
		if err := s.bury(ctx, b.Records[d.Index], d.Why, n); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// works notes that the far side does.
func (s *Sink) works() {
	before := s.pace.succeeded()
	if s.stats.failing.Swap(false) {
		s.opt.Log.Info("sink delivers again", "sink", s.opt.Name, "attempts", before+1)
	}
}

// tally counts events that the far side has accepted.
func (s *Sink) tally(n *counts, events, bytes int) {
	n.Sent += int64(events)
	s.stats.records.Add(int64(events))
	s.stats.bytes.Add(int64(bytes))
	s.refused.Store(0)
}

// failed notes that the far side does not work, and says so at once and then once a minute.
func (s *Sink) failed(err error, attempts int) {
	s.stats.errors.Add(1)
	if !s.stats.failing.Swap(true) || s.reminder.due() {
		s.opt.Log.Error("sink cannot deliver; records wait in the journal", "sink", s.opt.Name, "attempts", attempts, "error", err)
	}
}

// bury keeps a record that the far side refuses for good as a dead letter. Where everything is refused, it is more
// likely that the far side is wrong than that every record is: then they are given up slowly.
func (s *Sink) bury(ctx context.Context, r *access.Record, why string, n *counts) error {
	if s.refused.Add(1) > maxRefused {
		s.failed(fmt.Errorf("the far side refuses everything: %s", why), s.pace.failed(0))
		if err := sleep(ctx, maxPause); err != nil {
			return err
		}
	}
	for {
		err := s.graves.bury(r, why)
		if err == nil {
			break
		}
		s.failed(fmt.Errorf("a record that is refused (%s) cannot be kept as a dead letter: %w (%s)", why, err, hint(err)), 1)
		if err := sleep(ctx, graveRetry); err != nil {
			return err
		}
	}
	n.Dead++
	s.stats.dead.Add(1)
	if dead := s.stats.dead.Load(); s.mourner.due() {
		s.opt.Log.Warn("the far side refuses records for good; they are kept as dead letters", "sink", s.opt.Name,
			"record", journal.PositionOf(r).String(), "why", why, "dead", dead, "file", s.graves.path())
	}
	return nil
}

// A reminder says once a minute that it is time to say something again.
type reminder struct{ last atomic.Int64 }

func (m *reminder) due() bool {
	now, last := time.Now().UnixNano(), m.last.Load()
	return (last == 0 || now-last >= int64(remindAfter)) && m.last.CompareAndSwap(last, now)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
