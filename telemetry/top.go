package telemetry

import (
	"slices"
	"strings"
	"sync"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// A Traffic is what one principal, or one topic, has moved.
type Traffic struct {
	Name                          string // "other": all that are not named
	BytesRead, BytesWritten       int64  // of whole batches, as records count them
	MessagesRead, MessagesWritten int64
	Denied                        int64 // actions
}

// other is the name of those that have none in the metrics. No topic or principal is called so: it is no legal principal,
// and a topic of this name is counted under it.
const other = "other"

// A top keeps the traffic of the busiest names, at most limit of them, and sums up the rest. Nothing is counted twice and
// no sum ever shrinks: a name that makes room for a busier one leaves what it has in the rest.
type top struct {
	limit  int
	rest   Traffic
	named  map[string]*entry
	others map[string]int64 // what names that have no place moved lately, bytes and actions; at most limit of them
}

type entry struct {
	Traffic
	lately int64
}

func newTop(limit int) *top {
	return &top{limit: limit, rest: Traffic{Name: other}, named: map[string]*entry{}, others: map[string]int64{}}
}

// add counts what a record says under a name.
func (t *top) add(name string, r *access.Record) {
	e := t.named[name]
	if e == nil && name != other && len(t.named) < t.limit {
		e = &entry{Traffic: Traffic{Name: name}}
		t.named[name] = e
	}
	weight := r.GetBytes() + max(r.Count, 1)
	if e != nil {
		e.lately += weight
		e.Traffic.add(r)
		return
	}
	t.rest.add(r)
	if _, known := t.others[name]; known || len(t.others) < t.limit {
		t.others[name] += weight
	}
}

func (t *Traffic) add(r *access.Record) {
	switch {
	case r.Decision == access.Deny.String():
		t.Denied += max(r.Count, r.ResourceCount, 1)
	case r.Operation == access.OpRead.String():
		t.BytesRead += r.GetBytes()
		t.MessagesRead += r.GetMessages()
	case r.Operation == access.OpWrite.String() && r.Outcome != journal.OutcomeFailed:
		t.BytesWritten += r.GetBytes()
		t.MessagesWritten += r.GetMessages()
	}
}

// settle gives places to names that have lately been twice as busy as those that have one, and forgets half of what was
// lately.
func (t *top) settle() {
	for name, lately := range t.others {
		quiet := t.quietest()
		if quiet == nil || lately <= 2*quiet.lately {
			continue
		}
		t.rest.take(&quiet.Traffic)
		delete(t.named, quiet.Name)
		t.named[name] = &entry{Traffic: Traffic{Name: name}, lately: lately}
	}
	clear(t.others)
	for _, e := range t.named {
		e.lately /= 2
	}
}

func (t *top) quietest() *entry {
	var quiet *entry
	for _, e := range t.named {
		if quiet == nil || e.lately < quiet.lately {
			quiet = e
		}
	}
	return quiet
}

func (t *Traffic) take(o *Traffic) {
	t.BytesRead += o.BytesRead
	t.BytesWritten += o.BytesWritten
	t.MessagesRead += o.MessagesRead
	t.MessagesWritten += o.MessagesWritten
	t.Denied += o.Denied
}

// all are the named ones in the order of their names, and the rest.
func (t *top) all() []Traffic {
	list := make([]Traffic, 0, len(t.named)+1)
	for _, e := range t.named {
		list = append(list, e.Traffic)
	}
	slices.SortFunc(list, func(a, b Traffic) int { return strings.Compare(a.Name, b.Name) })
	return append(list, t.rest)
}

// A talkers counts by principal and by topic.
type talkers struct {
	mu                 sync.Mutex
	principals, topics *top
	counted            int
}

// settleEvery is after how many records places are given anew.
const settleEvery = 10_000

func newTalkers(limit int) *talkers {
	return &talkers{principals: newTop(limit), topics: newTop(limit)}
}

func (t *talkers) add(r *access.Record) {
	if r.Kind != journal.KindAccess {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Principal != "" {
		t.principals.add(r.Principal, r)
	}
	if r.ResourceType == access.ResTopic.String() && r.Resource != "" {
		t.topics.add(r.Resource, r)
	}
	if t.counted++; t.counted%settleEvery == 0 {
		t.principals.settle()
		t.topics.settle()
	}
}

func (t *talkers) stats() (principals, topics []Traffic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.principals.all(), t.topics.all()
}
