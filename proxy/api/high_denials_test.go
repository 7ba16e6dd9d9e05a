package api

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A denialCase is a request of which something may not pass: what the broker gets of it, what it answers, and what the
// client gets. The expected values are what Kafka 4.3's KafkaApis, ControllerApis and AuthHelper do.
type denialCase struct {
	name     string
	from, to int16 // versions; to 0: the highest
	q        kmsg.Request
	denied   []string // actions, as printed writes them
	refused  []string
	knows    []access.Topic  // topics that were seen
	asks     []kmsg.Request  // what is asked before
	hears    []kmsg.Response // the answers to that
	passes   kmsg.Request    // what the broker gets; nil: nothing
	answer   kmsg.Response   // what it answers
	want     kmsg.Response   // what the client gets
	ends     error           // the connection ends with it
}

// says decides as a table says, and allows the rest.
type says struct {
	verdicts map[string]access.Verdict
	enforced bool
}

func (s says) Decide(_ *access.Request, a *access.Action) *access.Decision {
	v := s.verdicts[printed([]Ask{{Action: *a}})[0]]
	return &access.Decision{Verdict: v, Enforced: v == access.Allow || s.enforced}
}

func (says) Epoch(*access.Identity) uint64 { return 0 }

func (c *denialCase) decider(enforced bool) says {
	s := says{verdicts: map[string]access.Verdict{}, enforced: enforced}
	for _, a := range c.denied {
		s.verdicts[a] = access.Deny
	}
	for _, a := range c.refused {
		s.verdicts[a] = access.Refuse
	}
	return s
}

const (
	noBits    = math.MinInt32 // authorized operations that were not asked for
	topicBits = 1<<access.OpRead | 1<<access.OpWrite | 1<<access.OpCreate | 1<<access.OpDescribe | 1<<access.OpDelete |
		1<<access.OpAlter | 1<<access.OpDescribeConfigs | 1<<access.OpAlterConfigs
	groupBits = 1<<access.OpRead | 1<<access.OpDescribe | 1<<access.OpDelete | 1<<access.OpDescribeConfigs | 1<<access.OpAlterConfigs

	saysTopic   = "Topic authorization failed."
	saysGroup   = "Group authorization failed."
	saysCluster = "Cluster authorization failed."
	saysLoading = "The coordinator is loading and hence can't process requests."
)

func TestHighDenials(t *testing.T) {
	holdDenials(t, highDenials, highRows)
}

// holdDenials runs cases in every version that they are of, and holds that each row has one where something is denied
// and one where something is refused.
func holdDenials(t *testing.T, cases []denialCase, rows []*API) {
	covered := map[int16]map[string]bool{}
	for i := range cases {
		c := &cases[i]
		a := Lookup(c.q.Key())
		if covered[a.Key] == nil {
			covered[a.Key] = map[string]bool{}
		}
		covered[a.Key]["denied"] = covered[a.Key]["denied"] || len(c.denied) > 0
		covered[a.Key]["refused"] = covered[a.Key]["refused"] || len(c.refused) > 0
		to := c.to
		if to == 0 && !strings.HasSuffix(c.name, " in v0") {
			to = a.Max
		}
		for v := c.from; v <= to; v++ {
			t.Run(fmt.Sprintf("%s/%s/v%d", a.Name(), c.name, v), func(t *testing.T) { c.run(t, a.Key, v) })
			t.Run(fmt.Sprintf("%s/%s/v%d/not enforced", a.Name(), c.name, v), func(t *testing.T) { c.runUnenforced(t, a.Key, v) })
		}
	}
	for _, a := range rows {
		if _, nothing := asksNothing[kmsg.Key(a.Key)]; nothing {
			continue
		}
		for _, what := range []string{"denied", "refused"} {
			if !covered[a.Key][what] {
				t.Errorf("%s has no case where something is %s", a.Name(), what)
			}
		}
	}
}

// asked brings a request of the case over the wire, and enforces what a decider says.
func (c *denialCase) asked(t *testing.T, key, version int16, d Decider) (*Exchange, error) {
	t.Helper()
	x := highExchange(t, key, version)
	x.Env.Decider = d
	x.Session.Broker = 1
	x.Env.Cluster.LearnTopics(c.knows)
	derived(t, x, c.q)
	questions := x.Questions()
	if d, is := d.(says); is && d.enforced {
		if len(questions) != len(c.asks) {
			t.Fatalf("asked before: %+v", questions)
		}
		for i, q := range questions {
			sameMessage(t, q.GetVersion(), q.AppendTo(nil), c.asks[i])
			x.Hear(c.hears[i])
		}
	} else if len(questions) > 0 {
		t.Errorf("asked before, with nothing to carry out: %+v", questions)
	}
	return x, x.Enforce()
}

func (c *denialCase) run(t *testing.T, key, version int16) {
	x, err := c.asked(t, key, version, c.decider(true))
	if c.passes == nil && c.ends != nil {
		if !errors.Is(err, c.ends) {
			t.Errorf("enforced with %v, want %v", err, c.ends)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.passes == nil {
		local := x.Local()
		if local == nil {
			t.Fatalf("the broker is asked: %+v", x.Body)
		}
		sameMessage(t, version, local.AppendTo(nil), c.want)
		return
	}
	if x.Local() != nil {
		t.Fatalf("the broker is not asked: %+v", x.Local())
	}
	sameMessage(t, version, x.AppendBody(nil), c.passes)
	x.Slim()
	c.answer.SetVersion(version)
	out, err := x.Respond(nil, frameOf(c.answer))
	if c.ends != nil {
		if !errors.Is(err, c.ends) {
			t.Errorf("answered with %v, want %v", err, c.ends)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	head := 4
	if c.answer.IsFlexible() {
		head = 5
	}
	sameMessage(t, version, out[head:], c.want)
}

// runUnenforced holds that a denial that is not carried out changes no byte, neither way.
func (c *denialCase) runUnenforced(t *testing.T, key, version int16) {
	x, err := c.asked(t, key, version, c.decider(false))
	if err != nil || x.Local() != nil || x.Edited() {
		t.Fatalf("error %v, local %v, edited %v", err, x.Local(), x.Edited())
	}
	if c.answer == nil {
		return
	}
	c.answer.SetVersion(version)
	in := frameOf(c.answer)
	if out, err := x.Respond(nil, in); err != nil || &in[0] != &out[0] {
		t.Errorf("the answer was changed, error %v", err)
	}
}

// sameMessage compares a body with what it should be, by field and then by byte.
func sameMessage(t *testing.T, version int16, got []byte, want interface {
	SetVersion(int16)
	AppendTo([]byte) []byte
}) {
	t.Helper()
	want.SetVersion(version)
	bytesWant := want.AppendTo(nil)
	decode := func(b []byte) any {
		m := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		m.(interface{ SetVersion(int16) }).SetVersion(version)
		if err := m.(interface{ ReadFrom([]byte) error }).ReadFrom(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		return m
	}
	if d := cmp.Diff(decode(bytesWant), decode(got), cmp.AllowUnexported(kmsg.Tags{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !bytes.Equal(got, bytesWant) {
		t.Errorf("the same fields, other bytes: %x, want %x", got, bytesWant)
	}
}

func join(lists ...[]denialCase) (all []denialCase) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var highDenials = join(adminDenials, tokenDenials, groupDenials, shareDenials, streamsDenials, listDenials)
