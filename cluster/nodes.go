package cluster

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// A Node is a broker's address as the cluster advertises it.
type Node struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int32  `json:"port"`
	Rack string `json:"rack,omitempty"` // "": none, or not known
}

// maxHost bounds a host name, in bytes: more than any DNS name.
const maxHost = 255

func (n Node) usable() bool {
	return n.ID >= 0 && n.Host != "" && len(n.Host) <= maxHost && len(n.Rack) <= maxHost && n.Port > 0 && n.Port <= 65535
}

// nodes is a snapshot.
type nodes struct {
	byID  map[int32]Node
	list  []Node  // by id
	order []int32 // as they were learned, oldest first
}

// news says whether a list holds anything that is not known.
func (s *nodes) news(list []Node) bool {
	for i := range list {
		if known, ok := s.byID[list[i].ID]; list[i].usable() && (!ok || known.differs(list[i])) {
			return true
		}
	}
	return false
}

func (n Node) differs(other Node) bool {
	return n.Host != other.Host || n.Port != other.Port || (other.Rack != "" && n.Rack != other.Rack)
}

// with returns the snapshot that knows the list, and the nodes that are new or have a new address.
func (s *nodes) with(list []Node) (next *nodes, changed []Node) {
	next = &nodes{byID: maps.Clone(s.byID), order: slices.Clone(s.order)}
	for _, n := range list {
		known, ok := next.byID[n.ID]
		if !n.usable() || (ok && !known.differs(n)) {
			continue
		}
		n.Host, n.Rack = strings.Clone(n.Host), strings.Clone(cmp.Or(n.Rack, known.Rack))
		next.byID[n.ID] = n
		if !ok {
			next.order = append(next.order, n.ID)
		}
		if n.Host != known.Host || n.Port != known.Port {
			changed = append(changed, n)
		}
	}
	for len(next.order) > maxNodes {
		delete(next.byID, next.order[0])
		next.order = next.order[1:]
	}
	next.list = slices.SortedFunc(maps.Values(next.byID), func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return next, changed
}

// tokens is a snapshot of the owners of delegation tokens.
type tokens struct {
	owner map[string]string
	order []string // oldest first
}

func (s *tokens) with(id, owner string) *tokens {
	next := &tokens{owner: maps.Clone(s.owner), order: slices.Clone(s.order)}
	if _, ok := next.owner[id]; !ok {
		next.order = append(next.order, id)
	}
	next.owner[id] = owner
	if len(next.order) > maxTokens {
		delete(next.owner, next.order[0])
		next.order = next.order[1:]
	}
	return next
}
