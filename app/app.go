package app

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/proxy"
	"doorkeeper/telemetry"
)

// Version is set when a release is linked.
var Version = "dev"

// Options are what a process gives beside the configuration.
type Options struct {
	Version string
	Log     io.Writer // where the log goes: standard error
}

// An App is a running doorkeeper. Open makes it, Serve ends it.
type App struct {
	opt Options
	log *slog.Logger

	state       *state
	descriptors int
	digests     digests
	journal     *journal.Journal
	law         *law
	accounts    *policy.Accounts
	courier     *courier // nil: the policy is in files
	decrees     *decrees
	coverage    *coverage
	clusters    *clusters
	sinks       *sinks
	proxy       *proxy.Proxy
	exports     *telemetry.Exporters // nil: none
	telemetry   *telemetry.Telemetry
	admin       *admin.Server
	watcher     *watcher // nil: not watching

	running  atomic.Pointer[plan] // what is in force
	changing sync.Mutex           // one change at a time
	reloads  reloadCounts
	tokens   string // digest of the tokens in force; guarded by changing
	tried    string // digest of the configuration file when it was last read; guarded by changing

	stopping chan admin.Actor // holds who asked first
	ticks    *ticker
}

// Config is the configuration in force.
func (a *App) Config() *config.Config { return a.running.Load().config }

// Addresses lists what the proxy listens on.
func (a *App) Addresses() []proxy.ListenerAddr { return a.proxy.Addresses() }

// Drain begins the end: Serve stops accepting, lets connections finish what is in flight, and returns. A second call
// changes nothing.
func (a *App) Drain(by admin.Actor) {
	select {
	case a.stopping <- by:
	default:
	}
}
