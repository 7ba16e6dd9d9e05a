package journal

import (
	"testing"
	"time"

	"doorkeeper/access"
)

// What an answer named before its denial was accounted is found under that name, however often it was named, and whatever
// of the denial was forgotten meanwhile; and no id is given twice.
func TestReferencesAreFound(t *testing.T) {
	denial := func(name string) *access.Call {
		return &access.Call{
			Request: newSpan("", 0).Request, Decision: &access.Decision{Verdict: access.Deny, Enforced: true},
			Action: access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: name},
		}
	}
	for name, play := range map[string]func(l *Log, j *Journal, named func(*access.Call)){
		"the first": func(l *Log, _ *Journal, named func(*access.Call)) {
			c := denial("a")
			named(c)
			l.Call(c)
		},
		"two under way at a time": func(l *Log, _ *Journal, named func(*access.Call)) {
			c, d := denial("a"), denial("a")
			named(c)
			named(d)
			l.Call(d)
			l.Call(c)
		},
		"one of another session that named nothing": func(l *Log, _ *Journal, named func(*access.Call)) {
			c := denial("a")
			named(c)
			l.Call(denial("a"))
			l.Call(c)
		},
		"repeats": func(l *Log, j *Journal, named func(*access.Call)) {
			for range 3 {
				c := denial("a")
				named(c)
				l.Call(c)
			}
			j.Tick(l.journal.opt.Now())
		},
		"answered after the interval": func(l *Log, j *Journal, named func(*access.Call)) {
			c := denial("a")
			named(c)
			j.Tick(l.journal.opt.Now().Add(time.Hour))
			l.Call(denial("a"))
			l.Call(c)
		},
		"pushed out before it was answered": func(l *Log, j *Journal, named func(*access.Call)) {
			c, d := denial("a"), denial("a")
			named(c)
			named(d)
			for j.denials.byKey[keyOfDenial(l.session, c)] != nil {
				j.denials.pop()
			}
			l.Call(c)
			l.Call(d)
		},
	} {
		t.Run(name, func(t *testing.T) {
			j, l, _ := newLog()
			var refs []string
			play(l, j, func(c *access.Call) {
				c.Ref = j.Refer(l.session, c)
				refs = append(refs, c.Ref.ID)
			})
			found := map[string]int{}
			for _, r := range accesses(j) {
				found[r.Id]++
				if found[r.Id] > 1 {
					t.Errorf("%s is two records", r.Id)
				}
			}
			for _, ref := range refs {
				if found[ref] == 0 {
					t.Errorf("%s is no record", ref)
				}
			}
		})
	}
}

// A denial that goes on is found under its newest sum: the first record may be out of reach by then.
func TestReferencesFollowTheSums(t *testing.T) {
	j, l, clock := newLog()
	c := &access.Call{
		Request: newSpan("", 0).Request, Decision: &access.Decision{Verdict: access.Deny, Enforced: true},
		Action: access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: "a"},
	}
	l.Call(c)
	l.Call(c)
	*clock = clock.Add(time.Minute)
	l.Tick(*clock)
	all := accesses(j)
	if ref := j.Refer(l.session, c); len(all) != 2 || ref.ID != all[1].Id || ref.Free() {
		t.Errorf("%v refers to %v", all, ref)
	}
}
