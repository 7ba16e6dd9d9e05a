//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// A swapLoad fetches one message at a time, and looks for the longest time from one answer to the next: for as long as a swap
// of the policy takes and some time after, in which the garbage of the old one is collected, and for as long without.
type swapLoad struct {
	after time.Duration
	swaps int // so far
}

func (l *swapLoad) columns() []metric { return []metric{gapWith, gapWithout, gapApart, swapSeconds} }

func (l *swapLoad) run(b *bench, s *subject) (values, error) {
	r, err := b.pinger(s, 200)
	if err != nil {
		return nil, err
	}
	defer r.c.Close()
	// The next policy differs in one number, and is written before anybody looks.
	l.swaps++
	e := estates[s.name]
	e.rate = plentiful + int64(l.swaps)
	if err := b.writeData(s.keeper.policy, e); err != nil {
		return nil, err
	}
	var took time.Duration
	with := func() (time.Duration, error) {
		return r.longestGap(func() error {
			began := time.Now()
			err := s.keeper.reload()
			took = time.Since(began)
			time.Sleep(l.after)
			return err
		})
	}
	without := func() (time.Duration, error) {
		return r.longestGap(func() error { time.Sleep(took + l.after); return nil })
	}
	before, err := s.keeper.moves()
	if err != nil {
		return nil, err
	}
	a, err := with()
	if err != nil {
		return nil, err
	}
	if after, err := s.keeper.moves(); err != nil || after.swaps != before.swaps+1 {
		return nil, errors.Join(errors.New("the policy was not swapped"), err)
	}
	c, err := without()
	if err != nil {
		return nil, err
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	return values{gapWith: ms(a), gapWithout: ms(c), gapApart: ms(a - c), swapSeconds: took.Seconds()}, nil
}

// longestGap fetches until do is done.
func (r *reader) longestGap(do func() error) (longest time.Duration, err error) {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for last := time.Now(); ; {
		if _, err := r.fetch(); err != nil {
			return 0, errors.Join(err, <-done)
		}
		now := time.Now()
		longest, last = max(longest, now.Sub(last)), now
		select {
		case err := <-done:
			return longest, err
		default:
		}
	}
}

// reload has doorkeeper read its files again, and waits until it has.
func (k *doorkeeper) reload() error {
	r, err := k.socket.Post("http://doorkeeper/api/v1/reload", "", nil)
	if err != nil {
		return err
	}
	said, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	if r.StatusCode/100 != 2 {
		return fmt.Errorf("reload of %s: %s: %s", filepath.Base(k.policy), r.Status, said)
	}
	return nil
}
