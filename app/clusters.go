package app

import (
	"errors"
	"log/slog"
	"sync"

	"doorkeeper/cluster"
)

// clusters is what is known of each cluster, opened once per name for the life of the process: connections of a
// cluster that a reload took away go on, and need it.
type clusters struct {
	dir string
	log *slog.Logger

	mu     sync.RWMutex
	byName map[string]*cluster.Cluster
}

func newClusters(dir string, log *slog.Logger) *clusters {
	return &clusters{dir: dir, log: log, byName: map[string]*cluster.Cluster{}}
}

// open returns the cluster of that name; fresh says that it was not open before.
func (cs *clusters) open(name string) (c *cluster.Cluster, fresh bool, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c := cs.byName[name]; c != nil {
		return c, false, nil
	}
	c, warning, err := cluster.Open(cluster.Options{
		Name: name, Dir: cs.dir,
		Failed: func(err error) {
			cs.log.Error("what is known of a cluster could not be written: after a restart clients may not find its brokers", "cluster", name, "error", err)
		},
	})
	if err != nil {
		return nil, false, err
	}
	if warning != nil {
		cs.log.Warn("what was known of a cluster cannot be read; it is learned again", "cluster", name, "error", warning)
	}
	cs.byName[name] = c
	return c, true, nil
}

// id is Kafka's own id of a cluster, "" while it is unknown.
func (cs *clusters) id(name string) string {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	if c := cs.byName[name]; c != nil {
		return c.ID()
	}
	return ""
}

// forget closes clusters that were opened for a plan that failed.
func (cs *clusters) forget(names []string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, name := range names {
		if err := cs.closeOne(name); err != nil {
			cs.log.Error("closing what was opened for a configuration that is refused", "cluster", name, "error", err)
		}
	}
}

// close writes what is not written yet.
func (cs *clusters) close() error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var errs []error
	for name := range cs.byName {
		errs = append(errs, cs.closeOne(name))
	}
	return errors.Join(errs...)
}

func (cs *clusters) closeOne(name string) error {
	c := cs.byName[name]
	delete(cs.byName, name)
	return c.Close()
}
