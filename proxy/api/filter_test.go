package api

import (
	"errors"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// counts is a decider that denies one operation, and takes its time.
type counts struct {
	asked  int
	denies access.Operation
	with   access.Verdict
	clock  *time.Time
	takes  time.Duration
}

func (c *counts) Decide(_ *access.Request, a *access.Action) *access.Decision {
	c.asked++
	if c.clock != nil {
		*c.clock = c.clock.Add(c.takes)
	}
	if a.Operation == c.denies {
		return &access.Decision{Verdict: c.with, Enforced: true}
	}
	return allowed
}

func (*counts) Epoch(*access.Identity) uint64 { return 0 }

func TestFilterAsksOnce(t *testing.T) {
	x := highExchange(t, int16(kmsg.ListTransactions), 0)
	d := &counts{denies: access.OpRead, with: access.Deny}
	x.Env.Decider = d
	f := x.filter()
	for range 3 {
		if !f.shows(access.OpDescribe, access.ResTopic, "a") || f.shows(access.OpRead, access.ResTopic, "a") {
			t.Error("it does not answer as the decider does")
		}
	}
	if d.asked != 2 || f.refused {
		t.Errorf("asked %d times, refused %v", d.asked, f.refused)
	}
}

// An answer of many names ends the connection once the policy has had its time, and asks nothing more.
func TestFilterEndsInTime(t *testing.T) {
	clock := time.Unix(1, 0)
	x := highExchange(t, int16(kmsg.ListTransactions), 0)
	d := &counts{clock: &clock, takes: 10 * time.Millisecond}
	x.Env.Decider = d
	x.Env.Now = func() time.Time { return clock }
	f := x.filter()
	for i := range 1000 {
		f.shows(access.OpDescribe, access.ResTopic, string(rune('a'+i)))
	}
	if d.asked != 101 || !errors.Is(f.err(), errFilter) || !f.undecided() {
		t.Errorf("asked %d times in 10 ms each; error %v, undecided %v", d.asked, f.err(), f.undecided())
	}
}

// watches is a decider of which nothing is carried out.
type watches struct{ *counts }

func (watches) Watches() bool { return true }

// Where nothing is carried out, a slow policy ends nothing and hides nothing either; it is not asked any longer.
func TestFilterOfAWatchedPolicyLetsPass(t *testing.T) {
	clock := time.Unix(1, 0)
	x := highExchange(t, int16(kmsg.ListTransactions), 0)
	d := &counts{clock: &clock, takes: 10 * time.Millisecond}
	x.Env.Decider = watches{d}
	x.Env.Now = func() time.Time { return clock }
	f := x.filter()
	for i := range 1000 {
		if !f.shows(access.OpDescribe, access.ResTopic, string(rune('a'+i))) {
			t.Fatalf("name %d is hidden", i)
		}
	}
	if d.asked != 101 || f.err() != nil || f.undecided() {
		t.Errorf("asked %d times; error %v", d.asked, f.err())
	}
}

func TestFilterOperations(t *testing.T) {
	const all = int32(0b1101_1111_1000) // of a TOPIC, as AclEntry.supportedOperations has it
	for _, c := range []struct {
		name       string
		d          Decider
		bits, want int32
	}{
		{"no policy", AllowAll{}, all, all},
		{"not asked for", &counts{denies: access.OpRead, with: access.Deny}, unasked, unasked},
		{"one denied", &counts{denies: access.OpRead, with: access.Deny}, all, all &^ (1 << access.OpRead)},
		{"what the broker's own authorizer denies stays so", &counts{}, 1 << access.OpDescribe, 1 << access.OpDescribe},
		{"none", &counts{}, 0, 0},
	} {
		x := highExchange(t, int16(kmsg.DescribeTopicPartitions), 0)
		x.Env.Decider = c.d
		f := x.filter()
		if got := f.operations(c.bits, access.ResTopic, "a"); got != c.want || f.refused {
			t.Errorf("%s: %b, want %b; refused %v", c.name, got, c.want, f.refused)
		}
	}
	x := highExchange(t, int16(kmsg.DescribeTopicPartitions), 0)
	x.Env.Decider = &counts{denies: access.OpRead, with: access.Refuse}
	f := x.filter()
	if f.operations(all, access.ResTopic, "a"); !f.refused {
		t.Error("an operation that could not be decided is not noted")
	}
}
