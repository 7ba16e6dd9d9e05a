package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"doorkeeper/test/kafka/truth"
)

// coverage is which versions of which APIs were asked, and by whom.
var coverage = asked{clients: map[[2]int16]bool{}, walker: map[[2]int16]bool{}}

type asked struct {
	mu      sync.Mutex
	clients map[[2]int16]bool
	walker  map[[2]int16]bool
}

func (a *asked) note(test string, sessions []*truth.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	into := a.clients
	if strings.HasPrefix(test, "TestWalk/") {
		into = a.walker
	}
	for _, s := range sessions {
		for _, c := range s.Calls {
			into[[2]int16{c.Key, c.Version}] = true
		}
	}
}

// String lists what only the walker asked.
func (a *asked) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	versions := map[int16][]int16{}
	n := 0
	for kv := range a.walker {
		if !a.clients[kv] {
			versions[kv[0]] = append(versions[kv[0]], kv[1])
			n++
		}
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		slices.Sort(versions[key])
		list = append(list, fmt.Sprintf("%s %v", truth.APIName(key), versions[key]))
	}
	return fmt.Sprintf("clients asked %d versions of APIs; %d more only the walker: %s", len(a.clients), n, strings.Join(list, "; "))
}
