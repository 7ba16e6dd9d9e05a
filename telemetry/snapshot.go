package telemetry

import (
	"time"

	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/proxy"
	"doorkeeper/sink"
)

// Sources are asked once per scrape. Each may be called from any goroutine.
type Sources struct {
	Version      string
	Proxy        func() proxy.Stats
	Journal      func() journal.Stats
	Sinks        func() []Sink
	Policy       func() Policy
	Reloads      func() Reloads
	Certificates func() []Certificate

	top    func() (principals, topics []Traffic)
	traces func() TraceStats
}

// A Sink is what one sink says of itself.
type Sink struct {
	Name string
	Lag  int64 // records in the journal that it has not delivered yet
	sink.Stats
}

// A Policy is what decides, and what it has done so far.
type Policy struct {
	policy.Status
	policy.Stats
	Accounts policy.AccountStats
	Reloads  Reloads
	Grants   int  // that hold
	Refused  bool // the last attempt to change it failed: the one before decides
	Stale    bool // the catalog cannot be read: the one before is used

	BundleFailing, BundleOutdated bool
}

// Reloads counts reloads of the configuration.
type Reloads struct{ Done, Refused int64 }

// A Certificate is one that is in use: a listener's, the one shown to brokers, or the admin API's.
type Certificate struct {
	File    string
	Expires time.Time
	Stale   bool // its files have changed into something that does not load: the one before is still in use
}

// snapshot is one answer of all sources.
type snapshot struct {
	version      string
	proxy        proxy.Stats
	journal      journal.Stats
	sinks        []Sink
	policy       Policy
	reloads      Reloads
	certificates []Certificate
	traces       TraceStats

	principals, topics []Traffic
}

func (s *Sources) take() *snapshot {
	principals, topics := s.top()
	return &snapshot{
		version: s.Version, proxy: s.Proxy(), journal: s.Journal(), sinks: s.Sinks(), policy: s.Policy(),
		reloads: s.Reloads(), certificates: s.Certificates(), traces: s.traces(), principals: principals, topics: topics,
	}
}
