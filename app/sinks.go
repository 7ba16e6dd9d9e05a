package app

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/sink"
	"doorkeeper/telemetry"
)

// How long sinks may take to deliver what the journal has: at the end, and when a reload takes them away. What they do
// not manage waits in the journal for the next start.
const (
	sinkTimeout   = 10 * time.Second
	reloadTimeout = 2 * time.Second
)

// sinks are the running sinks, by name.
type sinks struct {
	journal *journal.Journal
	dir     string // of cursors and dead letters
	log     *slog.Logger

	mu      sync.Mutex
	running map[string]*runningSink
}

type runningSink struct {
	config config.Sink
	*sink.Sink
}

// A sinkChange is the way from the running sinks to others: what is new is made but not started, what is gone still runs.
type sinkChange struct {
	next map[string]*runningSink
	made []*runningSink
	gone []*runningSink
}

// plan makes what is new or different. A sink that stays as it is runs on; one of the same name goes on at its place.
func (s *sinks) plan(next []config.Sink, tls keepers) (*sinkChange, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := &sinkChange{next: map[string]*runningSink{}}
	for _, c := range next {
		if old := s.running[c.Name]; old != nil && reflect.DeepEqual(old.config, c) {
			change.next[c.Name] = old
			continue
		}
		made, err := s.make(c, tls.of(c))
		if err != nil {
			s.abandon(change)
			return nil, fmt.Errorf("sink %s: %w", c.Name, err)
		}
		change.made = append(change.made, made)
		change.next[c.Name] = made
	}
	for _, r := range s.running {
		if change.next[r.config.Name] != r {
			change.gone = append(change.gone, r)
		}
	}
	return change, nil
}

func (s *sinks) make(c config.Sink, tls *keeper) (*runningSink, error) {
	sender, opt, err := newSender(c, tls, s.log)
	if err != nil {
		return nil, err
	}
	opt.Name, opt.Dir, opt.Log = c.Name, s.dir, s.log
	if f := c.Filter; f != nil {
		opt.Filter = sink.Filter{Kind: f.Kind, Decision: f.Decision, Resource: f.Resource, Principal: f.Principal}
	}
	return &runningSink{c, sink.New(s.journal, sender, opt)}, nil
}

// commit makes the change. What is gone ends first: a sink and its successor never write to the same place at a time.
func (s *sinks) commit(change *sinkChange) {
	s.mu.Lock()
	s.running = change.next
	s.mu.Unlock()
	s.closeAll(change.gone, reloadTimeout)
	for _, r := range change.made {
		r.Start()
	}
}

// abandon closes what was made for a change that will not be.
func (s *sinks) abandon(change *sinkChange) { s.closeAll(change.made, reloadTimeout) }

func (s *sinks) closeAll(list []*runningSink, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var closing sync.WaitGroup
	for _, r := range list {
		closing.Go(func() {
			if err := r.Close(ctx); err != nil {
				s.log.Error("closing a sink", "sink", r.config.Name, "error", err)
			}
		})
	}
	closing.Wait()
}

// close lets every sink deliver what the journal has.
func (s *sinks) close() {
	s.mu.Lock()
	var all []*runningSink
	for _, r := range s.running {
		all = append(all, r)
	}
	s.running = nil
	s.mu.Unlock()
	s.closeAll(all, sinkTimeout)
}

func (s *sinks) list() []*runningSink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedBy(s.running, func(r *runningSink) string { return r.config.Name })
}

func (s *sinks) stats() []telemetry.Sink {
	head := s.journal.Head()
	var all []telemetry.Sink
	for _, r := range s.list() {
		stats := r.Stats()
		all = append(all, telemetry.Sink{Name: r.config.Name, Lag: stats.Lag(head), Stats: stats})
	}
	return all
}

// ready says of each sink how it fares. One that cannot deliver does not make the proxy unfit: its records wait in the
// journal, and clients cannot be served better by any other proxy.
func (s *sinks) ready(checks map[string]string) {
	head := s.journal.Head()
	for _, r := range s.list() {
		state := "ok"
		if stats := r.Stats(); stats.Failing {
			state = fmt.Sprintf("cannot deliver: %d records wait in the journal (the log says why)", stats.Lag(head))
		}
		checks["sink "+r.config.Name] = state
	}
}
