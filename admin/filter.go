package admin

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// FilterWords are the words by which records are selected, the same in every command.
var FilterWords = []string{
	"kind", "principal", "source", "client_id", "session", "group", "api", "operation", "resource", "decision", "since", "until",
}

// SessionWords are those of them that a session, which is no record, can be selected by. Its api is the last one
// called, and its time the one when it opened.
var SessionWords = []string{"principal", "source", "client_id", "session", "api", "since", "until"}

// A Filter selects records or sessions: every word given must match, one of its values is enough.
//
// Values are compared whole and without regard to case, * stands for anything (User:erp*). A source is an address, an
// address with its port, or a prefix (10.0.0.0/8). Since is included, until is not.
type Filter struct {
	words        []word
	since, until time.Time
}

type word struct {
	name     string
	values   []string
	prefixes []netip.Prefix // of source
}

// parseFilter takes the filter's words out of q: what is left there is nobody's.
func parseFilter(q url.Values, known []string, now time.Time) (*Filter, error) {
	f := &Filter{}
	for _, name := range FilterWords {
		values := q[name]
		q.Del(name)
		if len(values) == 0 {
			continue
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s does not select here: use %s", name, strings.Join(known, ", "))
		}
		var err error
		switch name {
		case "since":
			f.since, err = parseTime(values[len(values)-1], now)
		case "until":
			f.until, err = parseTime(values[len(values)-1], now)
		default:
			err = f.add(name, values)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, nil
}

// maxValues bounds what one request can make every record be compared with.
const maxValues = 100

func (f *Filter) add(name string, values []string) error {
	if len(values) > maxValues {
		return fmt.Errorf("more than %d values", maxValues)
	}
	w := word{name: name}
	for _, value := range values {
		if name == "source" && strings.Contains(value, "/") {
			prefix, err := netip.ParsePrefix(value)
			if err != nil {
				return fmt.Errorf("%q is no prefix: write it as in 10.0.0.0/8", value)
			}
			w.prefixes = append(w.prefixes, prefix.Masked())
			continue
		}
		w.values = append(w.values, strings.ToLower(value))
	}
	f.words = append(f.words, w)
	return nil
}

// parseTime reads RFC 3339, or how long ago: "2h".
func parseTime(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-23T03:00:00Z, or 2h for two hours ago", text)
	}
	return now.Add(-ago), nil
}

// Record says whether a record is selected. A gap always is: it may stand for records that are.
func (f *Filter) Record(r *access.Record) bool {
	if r.Kind == journal.KindGap {
		return true
	}
	return f.during(r.Time.AsTime()) && f.matches(func(name string) []string {
		switch name {
		case "kind":
			return []string{r.Kind}
		case "principal":
			return []string{r.Principal}
		case "source":
			return []string{r.Source}
		case "client_id":
			return []string{r.ClientId}
		case "session":
			return []string{r.Session}
		case "group":
			return []string{r.Group, r.GroupInferred}
		case "api":
			return []string{r.Api}
		case "operation":
			return []string{r.Operation}
		case "resource":
			if len(r.Resources) > 0 {
				return r.Resources
			}
			return []string{r.Resource}
		case "decision":
			return []string{r.Decision}
		}
		return nil
	})
}

// Session says whether a session is selected.
func (f *Filter) Session(s *Session) bool {
	return f.during(s.Opened) && f.matches(func(name string) []string {
		switch name {
		case "principal":
			return []string{s.Principal}
		case "source":
			return []string{s.Source}
		case "client_id":
			return []string{s.ClientID}
		case "session":
			return []string{s.ID}
		case "api":
			return []string{s.LastAPI}
		}
		return nil
	})
}

func (f *Filter) during(t time.Time) bool {
	return (f.since.IsZero() || !t.Before(f.since)) && (f.until.IsZero() || t.Before(f.until))
}

func (f *Filter) matches(get func(word string) []string) bool {
	for i := range f.words {
		if !slices.ContainsFunc(get(f.words[i].name), f.words[i].match) {
			return false
		}
	}
	return true
}

func (w *word) match(got string) bool {
	if got == "" {
		return false
	}
	if w.name == "source" {
		return w.matchSource(got)
	}
	got = strings.ToLower(got)
	return slices.ContainsFunc(w.values, func(want string) bool { return wildcard(want, got) })
}

func (w *word) matchSource(got string) bool {
	host := got
	if full, err := netip.ParseAddrPort(got); err == nil {
		host = full.Addr().String()
	}
	for _, want := range w.values {
		if want == got || want == host {
			return true
		}
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(w.prefixes, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// wildcard compares with * for any run of characters, in time linear in s for each star.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == s
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// leftover names the first parameter that nobody took.
func leftover(q url.Values, known ...string) error {
	for name := range q {
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown parameter %q: known are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
