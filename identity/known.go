package identity

import "sync"

// Known is a bounded set of principals that have authenticated before. It is safe for concurrent use.
type Known struct {
	mu    sync.Mutex
	limit int
	in    map[string]struct{}
	order []string // oldest at next, once it is full
	next  int
}

// NewKnown returns a set of at most limit principals (at least 1); the one that came first falls out first.
func NewKnown(limit int) *Known {
	return &Known{limit: max(limit, 1), in: map[string]struct{}{}}
}

// Add puts a principal in.
func (k *Known) Add(principal string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.in[principal]; ok {
		return
	}
	k.in[principal] = struct{}{}
	if len(k.order) < k.limit {
		k.order = append(k.order, principal)
		return
	}
	delete(k.in, k.order[k.next])
	k.order[k.next] = principal
	k.next = (k.next + 1) % k.limit
}

// Has says whether a principal is in.
func (k *Known) Has(principal string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.in[principal]
	return ok
}
