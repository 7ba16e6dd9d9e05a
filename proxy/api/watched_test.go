package api

import (
	"errors"
	"testing"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where nothing is carried out, a request passes although it names more than can be asked about, with a record that says
// how much was not asked; and so does one of a follower that is none. What we and a broker could read differently ends the
// connection all the same.
func TestWhatPassesWhileAPolicyIsWatched(t *testing.T) {
	all := lowLarge(20_400)
	for _, q := range large(10_150) {
		all[q] = Lookup(q.Key()).Max
	}
	for q, v := range all {
		q.SetVersion(v)
		x := highExchange(t, q.Key(), v)
		d := &counts{}
		x.Env.Decider = watches{d}
		if err := x.Decode(q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		if err := x.Derive(); err != nil {
			t.Errorf("%s: %v", x.API.Name(), err)
			continue
		}
		if err := x.Enforce(); err != nil || x.Local() != nil || x.Edited() {
			t.Errorf("%s does not pass as it came: %v", x.API.Name(), err)
		}
		var unasked int
		x.calls(0, false, func(c *access.Call) {
			if c.Decision.Would != nil && c.Decision.Would.Verdict == access.Refuse && c.Decision.Verdict == access.Allow {
				unasked += c.Count
			}
		})
		if len(x.Actions) != maxActions || unasked < 150 {
			t.Errorf("%s: %d actions, %d were not asked about", x.API.Name(), len(x.Actions), unasked)
		}
		x.Free()
	}
	strange := func(d Decider) error {
		x := highExchange(t, int16(kmsg.ListOffsets), 7)
		x.Env.Decider = d
		q := &kmsg.ListOffsetsRequest{ReplicaID: -3, Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "a"}}}
		q.SetVersion(7)
		if err := x.Decode(q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		err := x.Derive()
		if err == nil && x.Actions[0].Operation != access.OpClusterAction {
			t.Error("a follower's right was not asked for")
		}
		return err
	}
	if err := strange(&counts{}); !errors.As(err, new(replicaError)) {
		t.Errorf("replica -3: %v", err)
	}
	if err := strange(watches{&counts{}}); err != nil {
		t.Errorf("replica -3 while nothing is carried out: %v", err)
	}
	x := highExchange(t, int16(kmsg.Metadata), 12)
	x.Env.Decider = watches{&counts{}}
	q := &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{Topic: ptr("a"), TopicID: idOfB}}}
	q.SetVersion(12)
	if err := x.Decode(q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	if err := x.Derive(); !errors.Is(err, errNameAndID) {
		t.Errorf("an entry with name and id: %v", err)
	}
}
