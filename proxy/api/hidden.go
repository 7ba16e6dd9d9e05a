package api

import "doorkeeper/access"

// What a filter takes out of an answer is written down too: not each by itself, for a listing may name ten thousand groups,
// but in one call for each kind, with their number and the first names. So is what would have been taken out, were the
// policy carried out. The bits of authorized operations hide nothing, and are not written down.

// note writes down that a resource is not shown, or would not be. What is shown to everybody's satisfaction is nothing to
// note.
func (f *filter) note(op access.Operation, typ access.ResourceType, name string) {
	d := f.decide(op, typ, name)
	q := question{op, resource{typ: typ, name: name}}
	if !conceals(d) || f.noted[q] {
		return
	}
	if f.noted == nil {
		f.noted = make(map[question]bool)
	}
	f.noted[q] = true
	f.x.hidden.add(&Ask{Action: access.Action{Operation: op, Type: typ, Name: name}, Decision: d})
}

// conceals says whether a decision, or what would have been one, is no permission.
func conceals(d *access.Decision) bool {
	return d.Verdict != access.Allow || d.Would != nil || d.Candidate != nil && d.Candidate.Verdict != access.Allow
}
