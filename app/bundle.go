package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/policy"
	"doorkeeper/policy/bundle"
)

// fetching is who changes the policy when a bundle server has a new one.
var fetching = admin.Actor{Name: "bundle", Role: admin.Operator, Source: "policy.bundle", Method: "fetch"}

// openBundle opens the source of a policy that comes as a bundle; nil: it does not.
func openBundle(c *config.Config) (*bundle.Source, error) {
	o := c.Policy.Bundle
	if o == nil {
		return nil, nil
	}
	options := bundle.Options{
		URL: o.URL, Unsigned: o.InsecureUnsigned, AllowRollback: o.AllowRollback, Poll: o.Poll, MaxAge: o.MaxAge,
		Dir: filepath.Join(c.StateDir, "policies"),
	}
	var err error
	if o.PublicKeyFile != "" {
		if options.PublicKey, err = os.ReadFile(o.PublicKeyFile); err != nil {
			return nil, c.Problem("policy.bundle.public_key_file", "%v", err)
		}
	}
	if o.TokenFile != "" {
		options.Token = func() (string, error) {
			text, err := os.ReadFile(o.TokenFile)
			return strings.TrimSpace(string(text)), err
		}
	}
	source, err := bundle.Open(options)
	if err != nil {
		return nil, c.Problem("policy.bundle", "%v", err)
	}
	return source, nil
}

// firstBundle is the bundle to begin with: the last good one, so that a start does not hang on the server, else the
// server's. Without either there is no start.
func firstBundle(c *config.Config, source *bundle.Source) (*bundle.Bundle, error) {
	if source == nil || source.Current() != nil {
		return source.Current(), nil
	}
	compiles := func(b *bundle.Bundle) error {
		_, err := newLaw(c, b)
		return err
	}
	if err := source.Fetch(context.Background(), compiles); err != nil && source.Current() == nil {
		return nil, c.Problem("policy.bundle", "there is no policy to begin with: %v", err)
	}
	return source.Current(), nil
}

// A courier is the goroutine that asks the bundle server. Its owner is the App.
type courier struct {
	stop context.CancelFunc
	done chan struct{}
	last string // what became of the last try; the goroutine's own
}

func (a *App) openCourier() {
	if a.law.source == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &courier{stop: cancel, done: make(chan struct{})}
	a.courier = c
	go func() {
		defer close(c.done)
		a.law.source.Run(ctx, a.takeBundle, func(err error) { a.triedBundle(c, err) })
	}()
}

// triedBundle says what became of a try: once, not at every poll.
func (a *App) triedBundle(c *courier, err error) {
	last := c.last
	if c.last = ""; err != nil {
		c.last = err.Error()
	}
	switch {
	case c.last == last:
	case err == nil: // and what was refused before is not what the server has now
		a.changing.Lock()
		defer a.changing.Unlock()
		if err := a.refreshPolicy(fetching); err == nil {
			a.log.Info("the policy's bundle server answers as it should again", "url", a.law.source.Status().URL)
		}
	default:
		a.log.Error("the policy's bundle: the one before stays in force", "url", a.law.source.Status().URL, "error", err)
		if !aboutPolicy(err) { // else it is recorded already
			a.recordPolicy(fetching, a.law.engine.Status(), policy.Status{}, err)
		}
	}
}

// close may be called on nil.
func (c *courier) close() {
	if c != nil {
		c.stop()
		<-c.done
	}
}

// takeBundle puts a bundle in force, if it compiles.
func (a *App) takeBundle(b *bundle.Bundle) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	before := a.law.bundle
	a.law.bundle = b
	err := a.refreshPolicy(fetching)
	if err == nil {
		err = a.law.refusal() // of the same bundle, at a poll before
	}
	if err != nil {
		a.law.bundle = before
		return err
	}
	a.log.Info("the policy's bundle is in force", "bundle", b.String())
	return nil
}

// readyBundle adds how the bundle fares: what is too old takes the proxy out of a balancer, and decides on.
func readyBundle(s bundle.Status, r *admin.Readiness) {
	switch {
	case s.Outdated:
		r.Ready = false
		r.Checks["bundle"] = fmt.Sprintf("%s is older than policy.bundle.max_age, and stays in force", s.Bundle)
	case s.Problem != "":
		r.Checks["bundle"] = s.Bundle + " stays in force: " + s.Problem
	default:
		r.Checks["bundle"] = "ok"
	}
}
