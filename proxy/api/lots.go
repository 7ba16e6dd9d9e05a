package api

import "doorkeeper/access"

// A lot is many actions of one kind, of which only the number and the first names are kept: one record.
type lot struct {
	kind
	first Ask
	names []string // the first foldOver
	count int
}

type lots []lot

// maxLots bounds the lots that are told apart by their rules: a rule's name may be made of a resource's.
const maxLots = 16

// add puts an action with others of its kind.
func (l *lots) add(a *Ask) {
	of := l.of(a)
	if of.count++; of.count <= foldOver {
		of.names = append(of.names, nameOf(&a.Action))
	}
}

// join puts a whole lot with others of its kind, under another decision.
func (l *lots) join(o *lot, d *access.Decision) {
	of := l.of(&Ask{Action: o.first.Action, Decision: d})
	of.count += o.count
	of.names = append(of.names, o.names[:min(len(o.names), foldOver-len(of.names))]...)
}

// of returns the lot that an action belongs to.
func (l *lots) of(a *Ask) *lot {
	of := l.find(kindOf(a))
	if of == nil && len(*l) >= maxLots {
		a.Decision = bySeveral(a.Decision)
		of = l.find(kindOf(a))
	}
	if of == nil {
		*l = append(*l, lot{kind: kindOf(a), first: *a})
		of = &(*l)[len(*l)-1]
	}
	return of
}

func (l lots) find(k kind) *lot {
	for i := range l {
		if l[i].kind == k {
			return &l[i]
		}
	}
	return nil
}

// bySeveral is a decision that stands for those of several rules.
func bySeveral(d *access.Decision) *access.Decision {
	s := *d
	s.Rule, s.Reason = "", "by several rules"
	if s.Would != nil {
		s.Would = &access.Would{Verdict: s.Would.Verdict}
	}
	if s.Candidate != nil {
		s.Candidate = &access.Candidate{Verdict: s.Candidate.Verdict, Policy: s.Candidate.Policy}
	}
	return &s
}

// call completes what the calls of one request have in common by a lot.
func (l *lot) call(c access.Call) *access.Call {
	f := callOf(c, &l.first)
	if l.count > 1 {
		f.Action.Name, f.Action.TopicID, f.Names, f.Count = "", [16]byte{}, l.names, l.count
	}
	return f
}
