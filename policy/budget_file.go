package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/internal/disk"
)

// budgetFile is what of the budgets is kept over a restart.
type budgetFile struct {
	Version int          `json:"version"`
	Budgets []keptBudget `json:"budgets"`
}

type keptBudget struct {
	Cluster string    `json:"cluster"`
	Key     string    `json:"key"`
	Value   string    `json:"value"`
	Unit    string    `json:"unit"`
	Amount  int64     `json:"amount"`
	Window  string    `json:"window"`
	Start   time.Time `json:"start"` // of the window that used counts
	Used    int64     `json:"used"`
	Bytes   int64     `json:"bytes,omitempty"` // of a budget of messages
}

const (
	budgetVersion = 1
	maxBudgetFile = 64 << 20 // bytes that are read: more than a full table makes
)

// snapshot is what is to be kept: windows that are open, in a fixed order.
func (b *budgets) snapshot(wall int64) budgetFile {
	b.mu.Lock()
	all := make([]*counter, 0, len(b.byKey))
	for _, c := range b.byKey {
		all = append(all, c)
	}
	b.mu.Unlock()
	f := budgetFile{Version: budgetVersion, Budgets: []keptBudget{}}
	for _, c := range all {
		k := &c.key
		if used := c.used.Load(); used > 0 && wall/int64(k.window) <= c.window.Load() {
			f.Budgets = append(f.Budgets, keptBudget{
				Cluster: k.cluster, Key: k.key, Value: k.value, Unit: k.unit(), Amount: k.amount, Window: k.window.String(),
				Start: c.ends().Add(-k.window), Used: used, Bytes: c.bytes.Load(),
			})
		}
	}
	slices.SortFunc(f.Budgets, func(a, b keptBudget) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Window, b.Window), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Amount, b.Amount))
	})
	return f
}

// restore takes over what was kept. An entry whose window is over, or that says what cannot be, is left out.
func (b *budgets) restore(f budgetFile, wall int64) {
	for _, k := range f.Budgets {
		window, err := time.ParseDuration(k.Window)
		start := k.Start.UnixNano()
		if err != nil || window <= 0 || k.Amount <= 0 || k.Used <= 0 || k.Unit != "bytes" && k.Unit != "messages" ||
			start%int64(window) != 0 || wall-start >= int64(window) || start-wall >= int64(window) || len(b.byKey) >= b.limit {
			continue
		}
		key := budgetKey{cluster: k.Cluster, key: k.Key, value: k.Value, messages: k.Unit == "messages", amount: k.Amount, window: window}
		c := &counter{key: key, table: b}
		c.window.Store(start / int64(window))
		c.used.Store(k.Used)
		c.bytes.Store(max(0, k.Bytes))
		if k.Used >= k.Amount {
			c.spent.Store(c.window.Load() + 1)
		}
		b.byKey[key] = c
	}
}

// readBudgets reads the file; nothing, if there is none. One that cannot be understood is set aside: warning says so.
func readBudgets(path string) (f budgetFile, warning, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return f, nil, err
	}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil, nil
	}
	if err != nil {
		return f, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxBudgetFile))
	if err = errors.Join(err, in.Close()); err != nil {
		return f, nil, err
	}
	if warning = json.Unmarshal(text, &f); warning == nil && f.Version != budgetVersion {
		warning = fmt.Errorf("version %d, not %d", f.Version, budgetVersion)
	}
	if warning == nil {
		return f, nil, nil
	}
	aside := path + ".corrupt"
	if err := os.Rename(path, aside); err != nil {
		return f, nil, fmt.Errorf("%s: %w; and it cannot be set aside: %w", path, warning, err)
	}
	return budgetFile{}, fmt.Errorf("%s: %w; set aside as %s: all budgets begin at nothing", path, warning, aside), nil
}

// writeBudgets replaces the file in one step.
func writeBudgets(path string, f budgetFile) error {
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(text, '\n'), 0o600)
}

// A keeper writes the budgets down, some time after the first change, in a goroutine of its own.
type keeper struct {
	delay  time.Duration
	write  func() error
	failed func(error)

	dirty atomic.Bool
	wake  chan struct{} // holds one
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
	last  error // of the last write; read after done
}

func newKeeper(delay time.Duration, write func() error, failed func(error)) *keeper {
	k := &keeper{delay: delay, write: write, failed: failed, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go k.run()
	return k
}

// changed notes a change. It is called for every charge: mostly it reads one flag.
func (k *keeper) changed() {
	if k.dirty.Load() || !k.dirty.CompareAndSwap(false, true) {
		return
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run waits for a change, lets more of them come, and writes. A write that took long makes the next wait longer, so
// that it takes a twentieth of the time at most; one that failed is tried again.
func (k *keeper) run() {
	defer close(k.done)
	wait := k.delay
	for {
		select {
		case <-k.wake:
		case <-k.stop:
			k.flush()
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-k.stop:
			timer.Stop()
			k.flush()
			return
		}
		begin := time.Now()
		k.flush()
		wait = max(k.delay, 20*time.Since(begin))
	}
}

// flush writes if there is something unwritten. What is charged while it writes is another change.
func (k *keeper) flush() {
	if !k.dirty.Swap(false) {
		return
	}
	if k.last = k.write(); k.last == nil {
		return
	}
	k.changed()
	if k.failed != nil {
		k.failed(k.last)
	}
}

// close stops the keeper after a last write, and returns the error of that.
func (k *keeper) close() (err error) {
	k.once.Do(func() {
		close(k.stop)
		<-k.done
		err = k.last
	})
	return err
}
