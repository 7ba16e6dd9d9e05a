package api

import (
	"fmt"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// accounted lists the calls of a request, a line each.
func accounted(x *Exchange, bytesOut int64, failed bool) (list []string) {
	x.calls(bytesOut, failed, func(c *access.Call) {
		s := printed([]Ask{{Action: c.Action}})[0]
		if c.Names != nil {
			s += fmt.Sprintf(" %d: %s..%s (%d)", c.Count, c.Names[0], c.Names[len(c.Names)-1], len(c.Names))
		}
		s += fmt.Sprintf(" %v", c.Decision.Verdict)
		if c.Error != 0 {
			s += fmt.Sprintf(" error %d", c.Error)
		}
		if c.Each {
			s += " each"
		}
		list = append(list, s)
	})
	return list
}

func TestCallsOfARequest(t *testing.T) {
	x := highExchange(t, int16(kmsg.OffsetFetch), 5)
	defer x.Free()
	x.Session.Broker, x.BytesIn, x.Throttle = 3, 50, 9
	x.Ask(access.OpDescribe, access.ResGroup, "g")
	x.Ask(access.OpDescribe, access.ResTopic, "a")
	x.Actions[1].Error = 29
	var calls []access.Call
	x.calls(70, true, func(c *access.Call) { calls = append(calls, *c) })
	want := []access.Call{
		{Request: &x.Request, Action: x.Actions[0].Action, Decision: allowed, Failed: true, BytesIn: 50, BytesOut: 70, Throttle: 9, Broker: 3},
		{Request: &x.Request, Action: x.Actions[1].Action, Decision: allowed, Failed: true, BytesIn: 50, BytesOut: 70, Throttle: 9, Broker: 3, Error: 29},
	}
	if d := cmp.Diff(want, calls, cmp.Comparer(func(a, b *access.Request) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestRequestWithoutActions(t *testing.T) {
	x := highExchange(t, int16(kmsg.ApiVersions), 3)
	defer x.Free()
	if d := cmp.Diff([]string{"NONE allow"}, accounted(x, 1, false)); d != "" {
		t.Error(d)
	}
}

func TestManyActionsFold(t *testing.T) {
	x := highExchange(t, int16(kmsg.DeleteTopics), 5)
	defer x.Free()
	for i := range 101 {
		x.Ask(access.OpDelete, access.ResTopic, fmt.Sprintf("t%03d", i))
	}
	if d := cmp.Diff([]string{"DELETE TOPIC 101: t000..t099 (100) allow each"}, accounted(x, 1, false)); d != "" {
		t.Error(d)
	}
	x.Actions = x.Actions[:100]
	if got := accounted(x, 1, false); len(got) != 100 || got[99] != "DELETE TOPIC t099 allow each" {
		t.Errorf("%d calls, the last %q", len(got), got[len(got)-1])
	}
}

// What was decided or answered otherwise is not folded into the rest.
func TestFoldsKeepKindsApart(t *testing.T) {
	x := highExchange(t, int16(kmsg.OffsetCommit), 5)
	defer x.Free()
	x.Ask(access.OpRead, access.ResGroup, "g")
	for i := range 250 {
		x.Ask(access.OpRead, access.ResTopic, fmt.Sprintf("t%03d", i))
	}
	denied := &access.Decision{Verdict: access.Deny, Enforced: true, Rule: "r"}
	x.Actions[7].Decision = denied
	for i := 101; i <= 210; i++ {
		x.Actions[i].Error = 3
	}
	want := []string{
		"READ GROUP g allow",
		"READ TOPIC 139: t000..t210 (100) allow", // without t006, and t101 to t210
		"READ TOPIC t006 deny",
		"READ TOPIC 110: t100..t199 (100) allow error 3",
	}
	if d := cmp.Diff(want, accounted(x, 1, false)); d != "" {
		t.Error(d)
	}
}

func TestNamelessTopicAppearsByItsID(t *testing.T) {
	a := access.Action{Type: access.ResTopic, TopicID: [16]byte{0xfb, 0xef, 1}}
	if got := nameOf(&a); got != "--8BAAAAAAAAAAAAAAAAAA" {
		t.Errorf("%q", got)
	}
}

// A decision may ask for a record of each access where the API would be summed.
func TestDecisionAsksForEachRecord(t *testing.T) {
	x := highExchange(t, int16(kmsg.Heartbeat), 0)
	defer x.Free()
	x.Ask(access.OpRead, access.ResGroup, "g")
	x.Actions[0].Decision = &access.Decision{Record: access.Each, Enforced: true}
	if d := cmp.Diff([]string{"READ GROUP g allow each"}, accounted(x, 1, false)); d != "" {
		t.Error(d)
	}
}
