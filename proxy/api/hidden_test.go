package api

import (
	"fmt"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupsListed accounts for a ListGroups whose answer names so many groups.
func groupsListed(t *testing.T, d Decider, groups int) (calls []string) {
	t.Helper()
	x := highExchange(t, int16(kmsg.ListGroups), 0)
	x.Env.Decider = d
	derived(t, x, &kmsg.ListGroupsRequest{})
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
	r := &kmsg.ListGroupsResponse{}
	for i := range groups {
		r.Groups = append(r.Groups, kmsg.ListGroupsResponseGroup{Group: fmt.Sprint("g", i)})
	}
	if _, err := x.Respond(nil, frameOf(r)); err != nil {
		t.Fatal(err)
	}
	x.calls(0, false, func(c *access.Call) {
		s := printed([]Ask{{Action: c.Action}})[0]
		if c.Names != nil {
			s += fmt.Sprintf(" %d: %s..%s", c.Count, c.Names[0], c.Names[len(c.Names)-1])
		}
		s += fmt.Sprintf(" %v %s", c.Decision.Verdict, c.Decision.Rule)
		if c.Decision.Would != nil {
			s += fmt.Sprintf(" would %v", c.Decision.Would.Verdict)
		}
		if c.Hidden {
			s += " hidden"
		}
		calls = append(calls, s)
	})
	return calls
}

// judges decides by a function.
type judges func(a *access.Action) *access.Decision

func (f judges) Decide(_ *access.Request, a *access.Action) *access.Decision { return f(a) }
func (judges) Epoch(*access.Identity) uint64                                 { return 0 }

// What an answer hides is written down, in one record for each kind, however much it is.
func TestWhatIsHiddenIsWrittenDown(t *testing.T) {
	named := acl("DESCRIBE GROUP g0,DESCRIBE GROUP g1")
	for _, c := range []struct {
		name   string
		d      Decider
		groups int
		want   []string
	}{
		{"nothing", named, 2, []string{"DESCRIBE GROUP * allow "}},
		{"one", named, 3, []string{"DESCRIBE GROUP * allow ", "DESCRIBE GROUP g2 deny  hidden"}},
		{"some", named, 12, []string{"DESCRIBE GROUP * allow ", "DESCRIBE GROUP 10: g2..g11 deny  hidden"}},
		{"many", named, 10_002, []string{"DESCRIBE GROUP * allow ", "DESCRIBE GROUP 10000: g2..g101 deny  hidden"}},
		{"what would be hidden", judges(func(a *access.Action) *access.Decision {
			d := &access.Decision{Enforced: true}
			switch {
			case a.Type == access.ResCluster:
				d.Verdict = access.Deny // or nothing is asked about the groups
			case a.Name > "g5":
				d.Would = &access.Would{Verdict: access.Deny}
			}
			return d
		}), 10, []string{"DESCRIBE GROUP * allow ", "DESCRIBE GROUP 4: g6..g9 allow  would deny hidden"}},
		{"by a rule a group", judges(func(a *access.Action) *access.Decision {
			return &access.Decision{Verdict: access.Deny, Enforced: true, Rule: a.Name}
		}), 100, func() []string {
			want := []string{"DESCRIBE GROUP * allow "}
			for i := range maxLots {
				want = append(want, fmt.Sprintf("DESCRIBE GROUP g%d deny g%d hidden", i, i))
			}
			return append(want, "DESCRIBE GROUP 84: g16..g99 deny  hidden")
		}()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, groupsListed(t, c.d, c.groups)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
