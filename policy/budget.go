package policy

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
)

// A budgetKey says what one budget counts: whose, of what, how much in which windows. Two decisions with the same
// budget share its counter.
type budgetKey struct {
	cluster  string
	key      string // "principal", "source", "certificate", "topic", or a label's name
	value    string
	messages bool // counts messages, else bytes
	amount   int64
	window   time.Duration
}

// others is the value under which a budget counts that found no counter of its own (maxCounters).
const others = "*"

func (k *budgetKey) unit() string {
	if k.messages {
		return "messages"
	}
	return "bytes"
}

func (k *budgetKey) String() string {
	return fmt.Sprintf("%d %s per %s by %s", k.amount, k.unit(), windowName(k.window), k.key)
}

// windowName writes a window as a policy does: 24h, not 24h0m0s.
func windowName(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// A counter counts one budget in fixed windows, which are aligned to UTC: those of a day begin at midnight, those of an
// hour at the full hour. (A week's begin on a Thursday, as the Unix epoch did.)
//
// Charges are atomic additions. One that falls on the very end of a window may count in the next one, never in none.
type counter struct {
	key   budgetKey
	table *budgets

	window   atomic.Int64 // number of the window that used counts
	used     atomic.Int64
	bytes    atomic.Int64 // of a budget of messages: their bytes, to know what a message weighs
	promised atomic.Int64 // bytes that may come for requests in flight
	spent    atomic.Int64 // number of the last window in which it was spent, plus one; 0: never
	gone     atomic.Bool  // out of the table: whoever holds it asks for another

	rolling sync.Mutex // held while the window changes
}

// at returns the number of the window at a time in Unix nanoseconds, and makes it the counter's. A clock that was set
// back does not open an old window again.
func (c *counter) at(wall int64) int64 {
	w := wall / int64(c.key.window)
	if w > c.window.Load() {
		c.roll(w)
	}
	return w
}

func (c *counter) roll(w int64) {
	c.rolling.Lock()
	defer c.rolling.Unlock()
	if w > c.window.Load() {
		c.used.Store(0) // before the window: who sees the new one adds to its own sum
		c.bytes.Store(0)
		c.window.Store(w)
	}
}

// charge counts what was moved. Negative amounts give back what was not, and only within the window.
func (c *counter) charge(wall, bytes, messages int64) {
	c.at(wall)
	n := bytes
	if c.key.messages {
		n = messages
		c.bytes.Add(bytes)
	}
	if c.used.Add(n) >= c.key.amount {
		c.spent.Store(c.window.Load() + 1)
	}
	c.table.changed()
}

// giveBack undoes a charge, or what of it was in this window.
func (c *counter) giveBack(wall, charged, bytes, messages int64) {
	if c.at(charged) != c.at(wall) {
		return
	}
	n := bytes
	if c.key.messages {
		n = messages
		c.bytes.Add(-bytes)
	}
	c.used.Add(-n)
	c.table.changed()
}

// isSpent says whether nothing is left in this window.
func (c *counter) isSpent(wall int64) bool {
	c.at(wall)
	return c.used.Load() >= c.key.amount
}

// left is how many bytes may still move in this window, as far as is known: messages are taken to weigh what those
// before did.
func (c *counter) left(wall int64) int64 {
	c.at(wall)
	used := c.used.Load()
	n := c.key.amount - used
	if !c.key.messages || n <= 0 {
		return n
	}
	if used <= 0 {
		return scale(n, unknownWeight, 1)
	}
	return max(1, scale(n, max(1, c.bytes.Load()), used))
}

// unknownWeight is what a message is taken to weigh before one was seen, in bytes.
const unknownWeight = 1 << 10

// ends is when the window ends that is open.
func (c *counter) ends() time.Time {
	return time.Unix(0, (c.window.Load()+1)*int64(c.key.window)).UTC()
}

// epoch moves when the budget is spent, and when it is whole again.
func (c *counter) epoch(wall int64) uint64 {
	spent := c.spent.Load()
	switch {
	case spent == 0:
		return 0
	case spent > c.at(wall):
		return uint64(2*spent - 1)
	}
	return uint64(2 * spent)
}

// maxCounters bounds the counters. Windows that are over make room; while all are open, who is new shares one counter
// for all that have none: a flood of new sources can neither push another's counter out nor get one more budget each.
const maxCounters = 1 << 16

// budgets are all counters.
type budgets struct {
	mu    sync.Mutex
	byKey map[budgetKey]*counter
	limit int
	swept int64 // when it was last looked for windows that are over, Unix nanoseconds
	keep  *keeper
}

// changed notes that there is something to write down.
func (b *budgets) changed() {
	if b.keep != nil {
		b.keep.changed()
	}
}

// counter finds or makes a counter.
func (b *budgets) counter(k budgetKey, wall int64) *counter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.byKey[k]; c != nil {
		return c
	}
	if len(b.byKey) >= b.limit && wall-b.swept >= int64(time.Second) {
		b.swept = wall
		b.sweep(wall)
	}
	if len(b.byKey) >= b.limit {
		k.value = others
		if c := b.byKey[k]; c != nil {
			return c
		}
	}
	c := &counter{key: k, table: b}
	c.at(wall)
	b.byKey[k] = c
	return c
}

// sweep drops counters whose window is over.
func (b *budgets) sweep(wall int64) {
	for k, c := range b.byKey {
		if wall/int64(k.window) > c.window.Load() {
			c.gone.Store(true)
			delete(b.byKey, k)
		}
	}
}

// budgetKeys makes the keys of a decision's budgets.
func (h *holder) budgetKeys(d *access.Decision, topic string, into []budgetKey) []budgetKey {
	for _, b := range d.Limits.Budgets {
		k := budgetKey{cluster: h.cluster, amount: b.Bytes, window: b.Window}
		if b.Messages > 0 {
			k.amount, k.messages = b.Messages, true
		}
		if k.amount <= 0 || k.window <= 0 {
			continue
		}
		k.key, k.value = h.keyOf(b.Key, d, topic)
		into = append(into, k)
	}
	return into
}

// keyOf says whose a budget is. A certificate or label that is not there leaves the principal, and a principal that
// anybody can be leaves the source.
func (h *holder) keyOf(key string, d *access.Decision, topic string) (string, string) {
	switch key {
	case "source":
		return key, h.source
	case "certificate":
		if h.certificate != "" {
			return key, h.certificate
		}
	case "topic":
		return key, topic
	case "", "principal":
	default:
		if v, ok := d.Labels[key]; ok {
			return key, v
		}
	}
	if h.shared {
		return "source", h.source
	}
	return "principal", h.principal
}
