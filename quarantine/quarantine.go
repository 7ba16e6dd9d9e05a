package quarantine

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorkeeper/access"
)

// A Quarantine says who may not go on. It concerns a session of which everything given is true: one of the sources, none
// of the exceptions, and each of the others. At least one condition beside the exceptions is given.
//
// Without operations and topics, nobody concerned may have a session at all. With them sessions go on, and what they
// name is denied: these operations, on these topics.
type Quarantine struct {
	ID string `json:"id"` // ULID

	Principal     string         `json:"principal,omitempty"` // Kafka's "Type:name", compared exactly
	Sources       []netip.Prefix `json:"sources,omitempty"`
	ExceptSources []netip.Prefix `json:"except_sources,omitempty"`
	ClientID      string         `json:"client_id,omitempty"`   // compared exactly
	Certificate   string         `json:"certificate,omitempty"` // SHA-256 of the client's certificate (DER), lower-case hex
	JA4           string         `json:"ja4,omitempty"`
	Session       string         `json:"session,omitempty"` // ULID

	Operations []access.Operation `json:"operations,omitempty"`
	Topics     []string           `json:"topics,omitempty"`

	Reason string    `json:"reason"`
	Actor  string    `json:"actor"` // who imposed it
	From   time.Time `json:"from"`
	Until  time.Time `json:"until,omitzero"` // zero: until it is lifted
}

// Limited says that sessions go on, and some actions are denied to them.
func (q *Quarantine) Limited() bool { return len(q.Operations)+len(q.Topics) > 0 }

// A Subject is what is known of a session.
type Subject struct {
	Principal   string // "" until it is settled
	Source      netip.Addr
	ClientID    string
	Certificate string
	JA4         string
	Session     string
}

// Concerns says whether the quarantine is about s.
func (q *Quarantine) Concerns(s *Subject) bool {
	return is(q.Principal, s.Principal) && is(q.ClientID, s.ClientID) && is(q.Certificate, s.Certificate) &&
		is(q.JA4, s.JA4) && is(q.Session, s.Session) &&
		(len(q.Sources) == 0 || within(q.Sources, s.Source)) && !within(q.ExceptSources, s.Source)
}

func is(want, got string) bool { return want == "" || want == got }

// within takes an IPv4 address for itself, however it came, and leaves a zone aside: no prefix has one.
func within(prefixes []netip.Prefix, a netip.Addr) bool {
	if len(prefixes) == 0 {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// covers says whether a limited quarantine is about an action. A topic of which only the id is known may be any.
func (q *Quarantine) covers(a *access.Action) bool {
	if len(q.Operations) > 0 && !slices.Contains(q.Operations, a.Operation) {
		return false
	}
	return len(q.Topics) == 0 || a.Type == access.ResTopic && (nameless(a) || slices.Contains(q.Topics, a.Name))
}

func nameless(a *access.Action) bool {
	return a.Type == access.ResTopic && a.Name == "" && a.TopicID != [16]byte{}
}

// String says what is quarantined, as people read it.
func (q *Quarantine) String() string {
	var parts []string
	add := func(word, value string) {
		if value != "" {
			parts = append(parts, word+" "+value)
		}
	}
	add("principal", q.Principal)
	add("source", prefixes(q.Sources))
	add("except source", prefixes(q.ExceptSources))
	if q.ClientID != "" {
		add("client id", strconv.Quote(q.ClientID))
	}
	add("certificate", q.Certificate)
	add("ja4", q.JA4)
	add("session", q.Session)
	if len(q.Operations) > 0 {
		add("only", strings.Join(names(q.Operations), ", "))
	}
	if len(q.Topics) > 0 {
		add("only on topic", strings.Join(q.Topics, ", "))
	}
	return strings.Join(parts, "; ")
}

func prefixes(list []netip.Prefix) string { return strings.Join(names(list), ", ") }

func names[T interface{ String() string }](list []T) []string {
	all := make([]string, len(list))
	for i, x := range list {
		all[i] = x.String()
	}
	return all
}

// Key, End and Check make a Quarantine an entry of a register.

// Key is the id.
func (q *Quarantine) Key() string { return q.ID }

// End is when it ends by itself; zero: never.
func (q *Quarantine) End() time.Time { return q.Until }
