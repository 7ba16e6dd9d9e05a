package quarantine

import (
	"doorkeeper/access"
)

// A Set is what is in force: immutable, and quick to ask however much is in it. A nil Set is empty.
type Set struct {
	whole  index // what ends sessions
	scoped index // what denies actions
}

// index finds quarantines by one condition of theirs that must be equal; only those by source alone are tried one by
// one.
type index struct {
	by     map[fact][]entry
	kinds  uint8 // of the facts in by, a bit each
	others []entry
}

// An entry is a quarantine with the answers that it gives.
type entry struct {
	*Quarantine
	deny, refuse *access.Decision
}

// A fact is one thing known of a session.
type fact struct {
	kind  uint8
	value string
}

const (
	session uint8 = iota
	certificate
	principal
	clientID
	ja4
)

// newSet returns nil if there is nothing in it.
func newSet(all []*Quarantine) *Set {
	if len(all) == 0 {
		return nil
	}
	s := &Set{}
	for _, q := range all {
		if q.Limited() {
			s.scoped.add(q)
		} else {
			s.whole.add(q)
		}
	}
	return s
}

func (x *index) add(q *Quarantine) {
	e := entry{
		Quarantine: q,
		deny:       &access.Decision{Verdict: access.Deny, Enforced: true, Rule: q.Rule(), Reason: q.Reason},
		refuse:     &access.Decision{Verdict: access.Refuse, Enforced: true, Rule: q.Rule(), Reason: q.Reason},
	}
	wants := Subject{Principal: q.Principal, ClientID: q.ClientID, Certificate: q.Certificate, JA4: q.JA4, Session: q.Session}
	for _, f := range wants.facts() {
		if f.value != "" {
			if x.by == nil {
				x.by = map[fact][]entry{}
			}
			x.by[f] = append(x.by[f], e)
			x.kinds |= 1 << f.kind
			return
		}
	}
	x.others = append(x.others, e)
}

// facts lists what a quarantine can be found by, the most telling first.
func (s *Subject) facts() [5]fact {
	return [5]fact{{session, s.Session}, {certificate, s.Certificate}, {principal, s.Principal}, {clientID, s.ClientID}, {ja4, s.JA4}}
}

// find returns the first entry that concerns s and, if a is given, is about a.
func (x *index) find(s *Subject, a *access.Action) (entry, bool) {
	if x.kinds != 0 {
		for _, f := range s.facts() {
			if f.value == "" || x.kinds>>f.kind&1 == 0 {
				continue
			}
			if e, ok := first(x.by[f], s, a); ok {
				return e, true
			}
		}
	}
	return first(x.others, s, a)
}

func first(list []entry, s *Subject, a *access.Action) (entry, bool) {
	for _, e := range list {
		if e.Concerns(s) && (a == nil || e.covers(a)) {
			return e, true
		}
	}
	return entry{}, false
}

// Bars returns a quarantine under which s may have no session; nil if there is none.
func (s *Set) Bars(who *Subject) *Quarantine {
	if s == nil {
		return nil
	}
	e, _ := s.whole.find(who, nil)
	return e.Quarantine
}

// Limits says whether there are quarantines that Decide could find.
func (s *Set) Limits() bool { return s != nil && (s.scoped.kinds != 0 || len(s.scoped.others) > 0) }

// Decide returns what is to be decided of an action, above every policy; nil if no quarantine is about it.
//
// A topic whose name nobody knows may be the one that is quarantined: that is refused, and the client comes back with
// fresh metadata.
func (s *Set) Decide(who *Subject, a *access.Action) *access.Decision {
	if !s.Limits() {
		return nil
	}
	e, ok := s.scoped.find(who, a)
	switch {
	case !ok:
		return nil
	case len(e.Topics) > 0 && nameless(a):
		return e.refuse
	}
	return e.deny
}

// Rule names the quarantine in records.
func (q *Quarantine) Rule() string { return "quarantine " + q.ID }

// Know takes over what an identity and a client say; both may be nil.
func (s *Subject) Know(identity *access.Identity, client *access.Client) {
	if identity != nil {
		s.Principal = identity.Principal
		if t := identity.TLS; t != nil {
			s.Certificate, s.JA4 = t.Fingerprint, t.JA4
		}
	}
	if client != nil {
		s.ClientID = client.ID
	}
}
