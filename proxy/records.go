package proxy

import (
	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A recordedDecider is a connection's decider while the journal may fail: what could not be recorded is refused, as
// records.on_failure says. What the policy denies stays denied. An answer that is under way is not asked about: for what
// is in flight the journal keeps room.
type recordedDecider struct {
	api.Decider
	journal *journal.Journal
}

// Decide implements api.Decider.
func (d recordedDecider) Decide(r *access.Request, a *access.Action) *access.Decision {
	said := d.Decider.Decide(r, a)
	read, write := carriesRecords(r, a)
	if said.Stops() || !read && !write {
		return said
	}
	if err := d.journal.Accepts(read); err != nil {
		return &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: err.Error(), Policy: said.Policy}
	}
	return said
}

// carriesRecords says whether an action of a request is about a topic's records, which then pass. A follower's reads are
// reads, though they ask for nothing.
func carriesRecords(r *access.Request, a *access.Action) (read, write bool) {
	if a.Type != access.ResTopic {
		return false, false
	}
	switch kmsg.Key(r.API) {
	case kmsg.Fetch, kmsg.ShareFetch:
		return true, false
	case kmsg.Produce:
		return false, true
	}
	return false, false
}

// Epoch implements api.Decider: it moves with the journal's failures, so that the sessions of incremental fetches are
// asked about again.
func (d recordedDecider) Epoch(id *access.Identity) uint64 {
	return d.Decider.Epoch(id) + d.journal.Epoch()
}

// Decreed implements api.Decreed.
func (d recordedDecider) Decreed(r *access.Request, a *access.Action) *access.Decision {
	return api.Decreed(d.Decider, r, a)
}

// Watches implements api.Watches.
func (d recordedDecider) Watches() bool { return api.Watches(d.Decider) }
