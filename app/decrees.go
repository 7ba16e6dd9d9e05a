package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/internal/register"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/quarantine"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// decrees are what people have decreed: quarantines and grants. Both are read before anything listens, and what cannot be
// read keeps the proxy from starting.
type decrees struct {
	quarantines *quarantine.Store
	grants      *policy.Grants
	stop, done  chan struct{} // of the goroutine that ends what has an end; nil before it runs
}

func openDecrees(s *state, engine *policy.Engine) (*decrees, error) {
	d := &decrees{}
	var err error
	if d.quarantines, err = quarantine.Open(s.quarantine()); err != nil {
		return nil, fmt.Errorf("reading the quarantines: %w", err)
	}
	if d.grants, err = policy.OpenGrants(s.grants(), engine.SetGrants); err != nil {
		return nil, fmt.Errorf("reading the grants: %w", err)
	}
	return d, nil
}

// expireEvery is how late an end may be noticed.
const expireEvery = time.Second

// keepDecrees ends what has an end, from now on and until closeDecrees. What ended while the proxy was down ends first.
func (a *App) keepDecrees() {
	d := a.decrees
	d.stop, d.done = make(chan struct{}), make(chan struct{})
	a.expire(time.Now())
	go func() {
		defer close(d.done)
		every := time.NewTicker(expireEvery)
		defer every.Stop()
		var said complaint
		for {
			select {
			case now := <-every.C:
				a.expire(now)
				a.complain(now, &said)
			case <-d.stop:
				return
			}
		}
	}()
}

func (d *decrees) close() {
	if d.stop != nil {
		close(d.stop)
		<-d.done
	}
}

// ending is the actor of what ends by itself.
func ending() admin.Actor {
	a := process()
	a.Method = "expiry"
	return a
}

func (a *App) expire(now time.Time) {
	quarantines, grants := a.decrees.quarantines.Expire(now), a.decrees.grants.Expire(now)
	for _, q := range quarantines {
		a.log.Info("a quarantine has ended", "rule", q.Rule(), "of", q.String())
		a.recordDecree(&decree{opQuarantine, ending(), q, q.Rule() + ": " + q.String(), q.Until}, false, "it has ended", nil)
	}
	for _, g := range grants {
		a.log.Info("a grant has ended", "rule", g.Rule(), "of", g.String())
		a.recordDecree(&decree{opGrant, ending(), g, g.Rule() + ": " + g.String(), g.Until}, false, "it has ended", nil)
	}
	if len(quarantines) > 0 {
		a.kept("quarantines", a.decrees.quarantines.Save())
	}
	if len(grants) > 0 {
		a.kept("grants", a.decrees.grants.Save())
	}
}

// kept says what it means that a register could not be written; "" if it could.
func (a *App) kept(what string, err error) string {
	if err == nil {
		return ""
	}
	a.log.Error("a change of the "+what+" holds, but is not on disk: it is lost when the proxy ends", "error", err)
	return "it holds, but is not on disk, and is lost when the proxy ends: " + err.Error()
}

// A decree is what a control record is about.
type decree struct {
	operation string
	by        admin.Actor
	what      any
	target    string
	until     time.Time
}

// recordDecree writes the control record: before and after are digests of the decree, the one empty when it comes, the other
// when it goes. One that was refused has its reason, and neither.
func (a *App) recordDecree(d *decree, comes bool, reason string, refused error) *access.Record {
	r := &access.Record{
		Kind: journal.KindControl, Operation: d.operation, Actor: d.by.Record(), Target: d.target, Reason: reason,
	}
	switch digest := decreeDigest(d.what); {
	case refused != nil:
		r.Outcome, r.Error = journal.OutcomeRefused, refused.Error()
	case comes:
		r.After = digest
	default:
		r.Before = digest
	}
	if !d.until.IsZero() {
		r.Expires = timestamppb.New(d.until)
	}
	a.journal.Append(r)
	return r
}

func decreeDigest(what any) string {
	text, err := json.Marshal(what)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// answerable turns an error of a register into one that the admin API knows.
func answerable(err error) error {
	switch {
	case errors.Is(err, register.ErrUnknown):
		return fmt.Errorf("%w: %w", admin.ErrUnknown, err)
	case errors.Is(err, register.ErrExists), errors.Is(err, register.ErrFull):
		return fmt.Errorf("%w: %w", admin.ErrRefused, err)
	}
	return err
}
