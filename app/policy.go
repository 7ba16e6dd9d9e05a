package app

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/policy/bundle"
	"doorkeeper/proxy/api"
	"doorkeeper/telemetry"
)

// A law is the policy in force, with the catalog that it reads, and what became of the last attempt to change them.
type law struct {
	engine *policy.Engine
	source *bundle.Source // nil: the policy is in files
	bundle *bundle.Bundle // what the source has brought last; guarded by App.changing
	held   string         // fingerprint of what is in force; this and tried are guarded by App.changing
	tried  string         // of what was last read, whatever came of it

	mu      sync.Mutex
	catalog *config.Catalog // nil: none is configured
	refused error           // of the last attempt to change the policy; nil: it is in force
	stale   error           // why the catalog in use is an old one; nil: it is not
}

// deciders makes the engine what the proxy asks.
type deciders struct{ *policy.Engine }

// Session is the decider of one connection.
func (d deciders) Session(s *access.Session) api.Decider { return d.Engine.Session(s) }

// A lawText is a policy as its files hold it: read, and not compiled yet.
type lawText struct {
	options     policy.Options
	catalog     *config.Catalog
	stale       error  // the catalog cannot be read: this is the one before
	fingerprint string // the same for what decides the same
}

// readLaw reads what the configuration names; of a policy that comes as a bundle, b is that. The last good catalog stands
// in for one that cannot be read.
func readLaw(c *config.Config, last *config.Catalog, b *bundle.Bundle) (*lawText, error) {
	t := &lawText{options: policy.Options{Deadline: c.Policy.Deadline}}
	if c.Policy.Mode == config.ModeMonitor {
		t.options.Mode = policy.Monitor
	}
	if c.Catalog != "" {
		if t.catalog, t.stale = config.LoadCatalog(c.Catalog); t.stale != nil {
			if last == nil {
				return t, t.stale
			}
			t.catalog = last
		}
	}
	var err error
	switch {
	case b != nil:
		t.options.Rules = t.complete(c, policy.Rules{Files: b.Files, Data: maps.Clone(b.Data), Origin: "bundle " + b.String()})
	case c.Policy.Configured():
		if t.options.Rules, err = t.rules(c, "policy.paths", c.Policy.Paths); err != nil {
			return t, err
		}
	}
	if c.Policy.Candidate != nil {
		candidate, err := t.rules(c, "policy.candidate.paths", c.Policy.Candidate.Paths)
		if err != nil {
			return t, err
		}
		t.options.Candidate = &candidate
	}
	t.fingerprint = t.digest(c)
	return t, nil
}

// rules reads one policy's files.
func (t *lawText) rules(c *config.Config, key string, paths []string) (policy.Rules, error) {
	rules, err := policy.ReadPaths(paths)
	if err != nil {
		return rules, c.Problem(key, "%v", err)
	}
	return t.complete(c, rules), nil
}

// complete adds to rules what stands beside them in the configuration.
func (t *lawText) complete(c *config.Config, rules policy.Rules) policy.Rules {
	rules.Decision = c.Policy.Decision
	if c.Policy.Input == config.InputOPAKafka {
		rules.Input = policy.OPAKafka
	}
	if t.catalog != nil {
		if rules.Data == nil {
			rules.Data = map[string]any{}
		}
		rules.Data["catalog"] = t.catalog.Data()
	}
	return rules
}

func (t *lawText) digest(c *config.Config) string {
	candidate := ""
	if t.options.Candidate != nil {
		candidate = t.options.Candidate.Revision()
	}
	return fmt.Sprint(t.options.Rules.Revision(), candidate, t.options.Mode, t.options.Deadline, c.Catalog, t.catalog.Data(), t.stale)
}

// problem says of an error of the engine's which key of the configuration it is about.
func (t *lawText) problem(c *config.Config, err error) error {
	if strings.HasPrefix(err.Error(), "candidate: ") {
		return c.Problem("policy.candidate.paths", "%v", err)
	}
	if c.Policy.Bundle != nil {
		return c.Problem("policy.bundle", "%v", err)
	}
	return c.Problem("policy.paths", "%v", err)
}

// openLaw makes the engine. A policy that does not load is no policy: the proxy does not start.
func openLaw(c *config.Config) (*law, error) {
	source, err := openBundle(c)
	if err != nil {
		return nil, err
	}
	b, err := firstBundle(c, source)
	if err != nil {
		return nil, err
	}
	l, err := newLaw(c, b)
	if err != nil {
		return nil, err
	}
	l.source = source
	return l, nil
}

func newLaw(c *config.Config, b *bundle.Bundle) (*law, error) {
	t, err := readLaw(c, nil, b)
	if err != nil {
		return nil, err
	}
	engine, err := policy.New(t.options)
	if err != nil {
		return nil, t.problem(c, err)
	}
	return &law{engine: engine, bundle: b, held: t.fingerprint, tried: t.fingerprint, catalog: t.catalog}, nil
}

// checkLaw compiles the policy and changes nothing: a bundle server is not asked.
func checkLaw(c *config.Config) error {
	source, err := openBundle(c)
	if err != nil || source != nil && source.Current() == nil {
		return err
	}
	_, err = newLaw(c, source.Current())
	return err
}

// PolicyOptions reads the policy of a configuration, for who does not run it. Of a bundle that is the last good one: its
// server is not asked.
func PolicyOptions(c *config.Config) (policy.Options, error) {
	source, err := openBundle(c)
	if err != nil {
		return policy.Options{}, err
	}
	if source != nil && source.Current() == nil {
		return policy.Options{}, c.Problem("policy.bundle", "no bundle is kept yet: run the proxy once, or give the paths of an unpacked one")
	}
	t, err := readLaw(c, nil, source.Current())
	return t.options, err
}

// A lawChange is a policy that will hold once it is committed.
type lawChange struct {
	law    *law
	text   *lawText
	commit func()
}

// prepare reads and compiles the policy of a configuration, and changes nothing but what is remembered of the attempt.
// No change and no error: it says what is in force, or what was refused at the last attempt already.
func (l *law) prepare(c *config.Config) (*lawChange, error) {
	t, err := readLaw(c, l.owners(), l.bundle)
	if err != nil {
		t.fingerprint = err.Error()
	}
	switch t.fingerprint {
	case l.held:
		l.tried = l.held
		return nil, l.note(nil)
	case l.tried:
		return nil, nil
	}
	l.tried = t.fingerprint
	if err != nil {
		return nil, l.note(&refusedLaw{err})
	}
	commit, err := l.engine.Prepare(t.options)
	if err != nil {
		return nil, l.note(&refusedLaw{t.problem(c, err)})
	}
	return &lawChange{l, t, commit}, nil
}

// make puts the change into force. It may be called on nil, which changes nothing.
func (ch *lawChange) make() {
	if ch == nil {
		return
	}
	ch.commit()
	ch.law.held = ch.text.fingerprint
	ch.law.mu.Lock()
	defer ch.law.mu.Unlock()
	ch.law.catalog, ch.law.stale, ch.law.refused = ch.text.catalog, ch.text.stale, nil
}

// forget takes a change back that was prepared and not made, so that it counts as new when it is tried again. It may be
// called on nil.
func (ch *lawChange) forget() {
	if ch != nil {
		ch.law.tried = ""
	}
}

// A refusedLaw is why a policy did not come into force.
type refusedLaw struct{ error }

func (r *refusedLaw) Unwrap() error { return r.error }

// note remembers what became of the last attempt, and returns it.
func (l *law) note(refused error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = refused
	return refused
}

// refusal is why the last attempt failed, nil if it did not.
func (l *law) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// owners is the catalog in use, nil if there is none.
func (l *law) owners() *config.Catalog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.catalog
}

// describe says what is in force, for START and the log.
func (l *law) describe() string {
	s := l.engine.Status()
	if s.Revision == "" {
		return "policy: none, everything is allowed"
	}
	text := "policy: " + s.Mode.String() + " " + s.Revision
	if s.Candidate != "" {
		text += "; candidate " + s.Candidate
	}
	return text
}

// ready adds what is wrong with policy and catalog. The policy before decides on where a new one was refused, so that is
// said and takes the proxy out of no balancer; a catalog that is old does.
func (l *law) ready(r *admin.Readiness) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Checks["policy"] = "ok"
	if l.refused != nil {
		r.Checks["policy"] = "the policy before stays in force: " + l.refused.Error()
	}
	l.readyFailures(time.Now(), r)
	if l.source != nil {
		readyBundle(l.source.Status(), r)
	}
	if l.stale != nil {
		r.Ready = false
		r.Checks["catalog"] = "the catalog before stays in use: " + l.stale.Error()
	}
}

func (a *App) policyStats() telemetry.Policy {
	l := a.law
	p := telemetry.Policy{
		Status: l.engine.Status(), Stats: l.engine.Stats(), Accounts: a.accounts.Stats(), Grants: len(a.decrees.grants.All()),
		Reloads: telemetry.Reloads{Done: a.reloads.policyDone.Load(), Refused: a.reloads.policyRefused.Load()},
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.Refused, p.Stale = l.refused != nil, l.stale != nil
	if l.source != nil {
		b := l.source.Status()
		p.BundleFailing, p.BundleOutdated = b.Problem != "", b.Outdated
	}
	return p
}

// refreshPolicy reads the policy of the running configuration again, if its files have changed.
func (a *App) refreshPolicy(by admin.Actor) error {
	before := a.law.engine.Status()
	change, err := a.law.prepare(a.Config())
	if err == nil && change == nil {
		return nil
	}
	change.make()
	a.notePolicy(by, before, change, err)
	return err
}

// notePolicy says in the log, the metrics and the journal what became of an attempt to change the policy.
func (a *App) notePolicy(by admin.Actor, before policy.Status, change *lawChange, err error) {
	if err != nil {
		a.reloads.policyRefused.Add(1)
		a.logRefused("the policy is refused; the one before stays in force", "policy", err)
		a.recordPolicy(by, before, policy.Status{}, err)
		return
	}
	after := a.law.engine.Status()
	a.reloads.policyDone.Add(1)
	a.log.Info("the policy is reloaded", "by", by.Name, "method", by.Method, "now", a.law.describe(), "before", before.Revision)
	if stale := change.text.stale; stale != nil {
		a.log.Error("the catalog is refused; the one before stays in use", "file", a.Config().Catalog, "error", stale)
		a.journal.Append(&access.Record{
			Kind: journal.KindFinding, Operation: opPolicy, Detection: "stale catalog", Confidence: "high", Target: a.Config().Catalog,
			Reason: stale.Error(),
		})
	}
	a.recordPolicy(by, before, after, nil)
}

// recordPolicy: before and after are revisions. A refused one has its reason, and no after.
func (a *App) recordPolicy(by admin.Actor, before, after policy.Status, refused error) {
	r := &access.Record{
		Kind: journal.KindControl, Operation: opPolicy, Actor: by.Record(),
		Target: policyTarget(&a.Config().Policy), Before: before.Revision, After: after.Revision,
	}
	if refused != nil {
		r.Outcome, r.Reason = journal.OutcomeFailed, refused.Error()
	} else {
		r.Reason = a.law.describe()
	}
	a.journal.Append(r)
}

// policyTarget names where a policy comes from.
func policyTarget(p *config.Policy) string {
	if p.Bundle != nil {
		return p.Bundle.URL
	}
	return strings.Join(p.Paths, ", ")
}

// aboutPolicy says whether a reload was refused because of the policy.
func aboutPolicy(err error) bool {
	var refused *refusedLaw
	return errors.As(err, &refused)
}
