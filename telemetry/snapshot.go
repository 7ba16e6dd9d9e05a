package telemetry

import (
	"time"

	"doorkeeper/journal"
	"doorkeeper/proxy"
)

// Sources are asked once per scrape. Each may be called from any goroutine.
type Sources struct {
	Version      string
	Proxy        func() proxy.Stats
	Journal      func() journal.Stats
	Sinks        func() []Sink
	Reloads      func() Reloads
	Certificates func() []Certificate
}

// A Sink is what one sink says of itself.
type Sink struct {
	Name      string
	Lag       int64 // records in the journal that it has not written yet
	Records   int64 // written
	Bytes     int64 // written
	Rotations int64
	Errors    int64
	Failing   bool // the last attempt failed: records wait
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
	reloads      Reloads
	certificates []Certificate
}

func (s *Sources) take() *snapshot {
	return &snapshot{
		version: s.Version, proxy: s.Proxy(), journal: s.Journal(), sinks: s.Sinks(), reloads: s.Reloads(),
		certificates: s.Certificates(),
	}
}
