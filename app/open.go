package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/proxy"
	"doorkeeper/proxy/api"
	"doorkeeper/telemetry"
)

// Open starts everything that the configuration asks for. On an error, everything that was started has ended.
func Open(c *config.Config, opt Options) (*App, error) {
	a := &App{opt: opt, log: newLog(opt.Log, c.Log), stopping: make(chan admin.Actor, 1)}
	for _, w := range c.Warnings() {
		a.log.Warn(w.Error())
	}
	if err := a.open(c); err != nil {
		if a.journal != nil {
			a.recordStop(process(), "did not start: "+err.Error())
		}
		a.close()
		return nil, err
	}
	a.log.Info(a.law.describe())
	if n := len(a.decrees.quarantines.All()); n > 0 {
		a.log.Warn("quarantines are in force", "quarantines", n)
	}
	for _, l := range a.proxy.Addresses() {
		a.log.Info("listening", "cluster", l.Cluster, "listener", l.Listener, "address", l.Address.String(), "node", l.Node)
	}
	return a, nil
}

func (a *App) open(c *config.Config) (err error) {
	binary := hashBinary()
	if a.state, err = openState(c.StateDir); err != nil {
		return err
	}
	if a.descriptors, err = descriptors(); err != nil {
		return err
	}
	if a.law, err = openLaw(c); err != nil {
		return err
	}
	if a.decrees, err = openDecrees(a.state, a.law.engine); err != nil {
		return err
	}
	if err = a.openAccounts(a.state.dir); err != nil {
		return err
	}
	a.openCoverage()
	a.clusters = newClusters(a.state.clusters(), a.log)
	if err = a.openJournal(c); err != nil {
		return err
	}
	a.ticks = startTicker(a.journal)
	p, err := a.newPlan(c, nil)
	if err != nil {
		return err
	}
	if err := a.openSinks(c, p.keepers); err != nil {
		return err
	}
	a.digests = digests{c.Digest(), binary()}
	a.recordStart() // before anything can happen that is recorded
	a.keepDecrees()
	if err := a.openExports(c); err != nil {
		return err
	}
	a.proxy = proxy.New(proxy.Options{
		ProxyID: c.ProxyID, Journal: a.journal, Policy: deciders{a.law.engine}, Quarantine: a.decrees.quarantines, Accounts: a.accounts, Log: a.log,
		Tracer: a.exports.Tracer(),
		Limits: limits(c.Limits, a.descriptors, a.log), Timeouts: timeouts(c.Timeouts),
	})
	if err := a.proxy.Apply(p.specs); err != nil {
		return fmt.Errorf("opening the listeners: %w", err)
	}
	a.running.Store(p)
	if err := a.openAdmin(c, p); err != nil {
		return err
	}
	a.openWatcher()
	a.openCourier()
	return nil
}

func (a *App) openSinks(c *config.Config, tls keepers) error {
	a.sinks = &sinks{journal: a.journal, dir: c.StateDir, log: a.log}
	change, err := a.sinks.plan(c.Sinks, tls)
	if err != nil {
		return err
	}
	a.sinks.commit(change)
	if len(c.Sinks) == 0 {
		a.log.Warn("no sink: records stay in the journal alone")
	}
	return nil
}

// openAdmin starts the API. It comes last, since it answers for all other parts.
func (a *App) openAdmin(c *config.Config, p *plan) (err error) {
	var tokens []config.Token
	if c.Admin.TokensFile != "" {
		if tokens, err = config.LoadTokens(c.Admin.TokensFile); err != nil {
			return err
		}
		a.tokens = tokensDigest(tokens)
	}
	uids := map[uint32]admin.Role{}
	for uid, role := range c.Admin.UIDs {
		uids[uid] = admin.Role(role)
	}
	if err := a.openTelemetry(c); err != nil {
		return err
	}
	a.admin = admin.New(admin.Options{
		Log: a.log, Journal: a.journal, UIDs: uids, Tokens: adminTokens(tokens), Pprof: c.Admin.Pprof,
		Metrics: a.telemetry.Handler(), Sessions: a.sessions, Ready: a.ready,
		Config: func() any { return a.Config().Redacted() }, Policy: a.policyStatus, Why: a.why, Reload: a.Reload, Drain: a.Drain,
		Quarantines: a.quarantines(), Grants: a.grants(), Coverage: a.coverages(),
	})
	socket, err := admin.ListenSocket(c.Admin.Socket)
	if err != nil {
		return err
	}
	a.admin.Serve(socket, nil)
	a.log.Info("admin API", "socket", c.Admin.Socket)
	if c.Admin.Address == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.Admin.Address)
	if err != nil {
		return fmt.Errorf("opening admin.address: %w", err)
	}
	var secure *tls.Config
	if t := c.Admin.TLS; t != nil {
		k := p.keepers[adminPurpose(t)]
		secure = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.config(), nil }}
	}
	a.admin.Serve(l, secure)
	a.log.Info("admin API", "address", l.Addr().String(), "tls", secure != nil)
	return nil
}

func adminTokens(tokens []config.Token) []admin.Token {
	all := make([]admin.Token, len(tokens))
	for i, t := range tokens {
		all[i] = admin.Token{Name: t.Name, Role: admin.Role(t.Role), Sum: t.Sum}
	}
	return all
}

// apiName is Kafka's name of an API, its number if we do not pass it.
func apiName(key int16) string {
	if row := api.Lookup(key); row != nil {
		return row.Name()
	}
	return strconv.Itoa(int(key))
}

// sessions shows the proxy's sessions to the admin API.
func (a *App) sessions() []admin.Session { return a.shown(a.proxy.Sessions()) }

func (a *App) shown(live []proxy.SessionInfo) []admin.Session {
	id := a.Config().ProxyID
	all := make([]admin.Session, len(live))
	for i, s := range live {
		all[i] = admin.Session{
			Proxy: id, ID: s.ID, Opened: s.Opened.UTC(), Cluster: s.Cluster, Listener: s.Listener, Source: s.Source,
			Principal: s.Principal, PrincipalSource: s.PrincipalSource, Auth: s.Auth, ClientID: s.ClientID,
			Software: s.Software, BytesIn: s.BytesIn, BytesOut: s.BytesOut, LastAPI: s.LastAPI, InFlight: s.InFlight,
		}
		if broker := s.Broker; broker >= 0 {
			all[i].Broker = &broker
		}
	}
	return all
}

// ready answers for every part.
func (a *App) ready() admin.Readiness {
	checks := map[string]error{"listeners and clusters": a.proxy.Ready(), "journal": a.journal.Writable()}
	r := admin.Readiness{Ready: true, Checks: map[string]string{}}
	a.sinks.ready(r.Checks)
	a.law.ready(&r)
	for part, err := range checks {
		r.Checks[part] = "ok"
		if err != nil {
			r.Ready = false
			r.Checks[part] = err.Error()
		}
	}
	return r
}

func (a *App) certificates() []telemetry.Certificate {
	var all []telemetry.Certificate
	for _, k := range a.running.Load().keepers.sorted() {
		if m := k.current.Load(); k.purpose.String() != "" {
			all = append(all, telemetry.Certificate{File: k.purpose.String(), Expires: m.expires, Stale: k.stale.Load()})
		}
	}
	return all
}

// A ticker wakes the journal when there is no session that would.
type ticker struct{ stop, done chan struct{} }

func startTicker(j *journal.Journal) *ticker {
	t := &ticker{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(t.done)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case now := <-every.C:
				j.Tick(now)
			case <-t.stop:
				return
			}
		}
	}()
	return t
}

func (t *ticker) close() {
	close(t.stop)
	<-t.done
}
