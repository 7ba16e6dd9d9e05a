package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/sink"
	"doorkeeper/telemetry"
)

// sinkTimeout is how long a sink may take to write what is left when it is closed.
const sinkTimeout = 10 * time.Second

// sinks are the running sinks, by name.
type sinks struct {
	journal *journal.Journal
	log     *slog.Logger

	mu      sync.Mutex
	running map[string]*runningSink
}

type runningSink struct {
	config config.Sink
	file   *sink.File
}

// A sinkChange is the way from the running sinks to others: what is new is open already, what is gone still runs.
type sinkChange struct {
	next   map[string]*runningSink
	opened []*runningSink
	gone   []*runningSink
}

// plan opens what is new. A sink that stays as it is keeps its place in the journal.
func (s *sinks) plan(next []config.Sink) (*sinkChange, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := &sinkChange{next: map[string]*runningSink{}}
	paths := map[string]*runningSink{}
	for _, r := range s.running {
		paths[r.config.Path] = r
	}
	for _, c := range next {
		old := paths[c.Path]
		if old != nil && old.config == c {
			change.next[c.Name] = old
			continue
		}
		if old != nil {
			s.abandon(change)
			return nil, fmt.Errorf("sink %s: a sink that goes on in the same file (%s) cannot change otherwise while it runs: give it a new path, or restart", c.Name, c.Path)
		}
		opened, err := s.open(c)
		if err != nil {
			s.abandon(change)
			return nil, err
		}
		change.opened = append(change.opened, opened)
		change.next[c.Name] = opened
	}
	for _, r := range s.running {
		if change.next[r.config.Name] != r {
			change.gone = append(change.gone, r)
		}
	}
	return change, nil
}

func (s *sinks) open(c config.Sink) (*runningSink, error) {
	file, err := sink.OpenFile(s.journal, sink.FileOptions{
		Name: c.Name, Path: c.Path, MaxBytes: int64(c.Rotate.MaxBytes), Keep: c.Rotate.Keep, Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	return &runningSink{c, file}, nil
}

// commit makes the change.
func (s *sinks) commit(change *sinkChange) {
	s.mu.Lock()
	s.running = change.next
	s.mu.Unlock()
	s.closeAll(change.gone)
}

// abandon closes what was opened for a change that will not be made.
func (s *sinks) abandon(change *sinkChange) { s.closeAll(change.opened) }

func (s *sinks) closeAll(list []*runningSink) {
	ctx, cancel := context.WithTimeout(context.Background(), sinkTimeout)
	defer cancel()
	for _, r := range list {
		if err := r.file.Close(ctx); err != nil {
			s.log.Error("closing a sink", "sink", r.config.Name, "error", err)
		}
	}
}

// close lets every sink write what the journal has.
func (s *sinks) close() {
	s.mu.Lock()
	var all []*runningSink
	for _, r := range s.running {
		all = append(all, r)
	}
	s.running = nil
	s.mu.Unlock()
	s.closeAll(all)
}

func (s *sinks) list() []*runningSink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedBy(s.running, func(r *runningSink) string { return r.config.Name })
}

func (s *sinks) stats() []telemetry.Sink {
	head := s.journal.Head().Seq
	var all []telemetry.Sink
	for _, r := range s.list() {
		stats := r.file.Stats()
		all = append(all, telemetry.Sink{
			Name: r.config.Name, Lag: max(head-stats.Seq, 0), Records: stats.Records, Bytes: stats.Bytes,
			Rotations: stats.Rotations, Errors: stats.Errors, Failing: stats.Failing,
		})
	}
	return all
}

// ready says of each sink whether it can write.
func (s *sinks) ready(checks map[string]error) {
	for _, r := range s.list() {
		var err error
		if r.file.Stats().Failing {
			err = errors.New("cannot write; records wait in memory (the log says why)")
		}
		checks["sink "+r.config.Name] = err
	}
}
