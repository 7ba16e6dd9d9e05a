package sink

import (
	"slices"
	"strings"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// A Filter selects records: every list that is not empty must have a value that matches. Values are compared whole and
// without regard to case; * stands for anything.
type Filter struct {
	Kind, Decision, Resource, Principal []string
}

// folded is f with its values as passes wants them.
func (f Filter) folded() Filter {
	fold := func(values []string) (all []string) {
		for _, v := range values {
			all = append(all, strings.ToLower(v))
		}
		return all
	}
	return Filter{fold(f.Kind), fold(f.Decision), fold(f.Resource), fold(f.Principal)}
}

// passes says whether the sink sends r. What an investigation begins with cannot be left out.
func (f *Filter) passes(r *access.Record) bool {
	return mandatory(r) ||
		selects(f.Kind, r.Kind) && selects(f.Decision, r.Decision) && selects(f.Principal, r.Principal) && f.resource(r)
}

// mandatory are the records that no filter leaves out and no rollup sums.
func mandatory(r *access.Record) bool {
	switch r.Kind {
	case journal.KindControl, journal.KindFinding, journal.KindGap:
		return true
	case journal.KindAuthn:
		return r.Operation == journal.OpFailure
	}
	return r.Decision == access.Deny.String()
}

// resource: a request for more resources than its record names may be for one that is selected.
func (f *Filter) resource(r *access.Record) bool {
	if selects(f.Resource, r.Resource) || r.ResourceCount > int64(len(r.Resources)) {
		return true
	}
	return slices.ContainsFunc(r.Resources, func(name string) bool { return selects(f.Resource, name) })
}

func selects(patterns []string, value string) bool {
	if len(patterns) == 0 {
		return true
	}
	value = strings.ToLower(value)
	return value != "" && slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, value) })
}

// wildcard compares with * for any run of characters, in time linear in s for each star.
func wildcard(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	s, ok := strings.CutPrefix(s, first)
	if !ok || !star {
		return ok && s == ""
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s, rest = s[at+len(part):], more
	}
}
