//go:build linux

package main

import (
	"errors"
	"time"
)

// A rateLoad moves as much as it may for some time, under a rate.
type rateLoad struct {
	writes bool
	takes  time.Duration
}

func (rateLoad) columns() []metric { return []metric{rateShare} }

// rateBatch is the size of its batches.
const rateBatch = 16 << 10

func (l rateLoad) run(b *bench, s *subject) (values, error) {
	move := l.read
	if l.writes {
		move = l.write
	}
	n, err := move(b, s)
	if err != nil {
		return nil, err
	}
	return values{rateShare: float64(n) / (float64(estates[s.name].rate) * l.takes.Seconds())}, nil
}

func (l rateLoad) read(b *bench, s *subject) (n int, err error) {
	topic, err := b.filled(rateBatch, s.row.tls)
	if err != nil {
		return 0, err
	}
	r, err := s.door.newReader(topic, fetchAnswer, 0)
	if err != nil {
		return 0, err
	}
	defer r.c.Close()
	for until := time.Now().Add(l.takes); ; {
		got, err := r.fetch()
		switch {
		case errors.Is(err, errNothing): // as clients do that are asked to wait
			time.Sleep(100 * time.Millisecond)
		case err != nil:
			return 0, err
		}
		if time.Now().After(until) {
			return n, nil
		}
		n += got
	}
}

func (l rateLoad) write(b *bench, s *subject) (n int, err error) {
	topic, err := b.target(rateBatch, s.row.tls)
	if err != nil {
		return 0, err
	}
	batch, err := layoutOf(rateBatch).newBatch(time.Now())
	if err != nil {
		return 0, err
	}
	w, err := s.door.newWriter(produceFrame(topic, batch))
	if err != nil {
		return 0, err
	}
	defer w.c.Close()
	for until := time.Now().Add(l.takes); time.Now().Before(until); n += rateBatch * w.inFlight {
		if err := w.produce(w.inFlight); err != nil {
			return 0, err
		}
	}
	return n, nil
}
