package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/internal/disk"
	"doorkeeper/journal"
)

// A coverage keeps the last result of check --coverage, in memory and in a file, so that it stands in every checkpoint.
type coverage struct {
	path string

	mu   sync.Mutex
	last *admin.Coverage // nil: unknown
}

// coverageUnknown is the result before the first check.
const coverageUnknown = "unknown"

// openCoverage reads what was kept. A file that cannot be read is no reason not to start: the coverage is unknown then.
func (a *App) openCoverage() {
	c := &coverage{path: filepath.Join(a.state.dir, "coverage.json")}
	a.coverage = c
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var last admin.Coverage
	if err == nil {
		err = json.Unmarshal(text, &last)
	}
	if err != nil {
		a.log.Warn("what the last coverage check found cannot be read: run doorkeeper check --coverage again", "file", c.path, "error", err)
		return
	}
	c.last = &last
}

func (c *coverage) get() *admin.Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// record is the result as a checkpoint has it.
func (c *coverage) record() *access.Record_Coverage {
	last := c.get()
	if last == nil {
		return &access.Record_Coverage{Result: coverageUnknown}
	}
	return &access.Record_Coverage{Result: last.Result, Time: timestamppb.New(last.Time)}
}

// set keeps a new result. It counts even if it cannot be written down; the error says so.
func (c *coverage) set(next *admin.Coverage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = next
	text, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(c.path, append(text, '\n'), 0o600)
}

func (a *App) coverages() admin.Coverages {
	return admin.Coverages{Last: a.coverage.get, Set: a.setCoverage}
}

func (a *App) setCoverage(next *admin.Coverage, by admin.Actor) error {
	before := a.coverage.record().Result
	err := a.coverage.set(next)
	a.journal.Append(&access.Record{
		Kind: journal.KindControl, Operation: opReload, Target: "coverage", Before: before, After: next.Result, Actor: by.Record(),
	})
	a.log.Info("coverage", "result", next.Result, "by", by.Name)
	if err != nil {
		return fmt.Errorf("the result holds until the next start, but cannot be kept: %w", err)
	}
	return nil
}
