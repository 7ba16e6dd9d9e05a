package api

import (
	"testing"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// deniesTopics denies some topics, refuses others and allows all else.
type deniesTopics struct{ denied, refused map[string]bool }

func (d deniesTopics) Decide(_ *access.Request, a *access.Action) *access.Decision {
	switch {
	case a.Type == access.ResTopic && d.denied[a.Name]:
		return &access.Decision{Verdict: access.Deny, Enforced: true, Rule: "denied"}
	case a.Type == access.ResTopic && d.refused[a.Name]:
		return &access.Decision{Verdict: access.Refuse, Enforced: true, Rule: "refused"}
	}
	return allowed
}

func (deniesTopics) Epoch(*access.Identity) uint64 { return 0 }

// The index of a large request finds what the search of a small one finds.
func TestDecidedFindsBothWays(t *testing.T) {
	for _, n := range []int{2, few + 8} {
		x := highExchange(t, int16(kmsg.DeleteTopics), 6)
		x.Env.Decider = deniesTopics{denied: map[string]bool{"b": true}}
		named := &access.Topic{Name: "b", ID: [16]byte{7}}
		x.AskTopic(access.OpDelete, named)
		x.AskTopic(access.OpDelete, &access.Topic{Name: "a"})
		for range n - 2 {
			x.AskCluster(access.OpDelete)
		}
		for what, d := range map[string]*access.Decision{
			"by name":   x.Decided(access.OpDelete, access.ResTopic, "b"),
			"by id":     x.DecidedTopic(access.OpDelete, "", [16]byte{7}),
			"by either": x.DecidedTopic(access.OpDelete, "other", [16]byte{7}),
		} {
			if d == nil || !d.Stops() {
				t.Errorf("%d actions: %s: %+v", n, what, d)
			}
		}
		if d := x.Decided(access.OpDelete, access.ResTopic, "a"); d == nil || d.Stops() {
			t.Errorf("%d actions: a: %+v", n, d)
		}
		if d := x.Decided(access.OpRead, access.ResTopic, "b"); d != nil {
			t.Errorf("%d actions: not asked: %+v", n, d)
		}
		x.Free()
	}
}
