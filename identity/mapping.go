package identity

import (
	"fmt"
	"regexp"
	"strings"
)

// A Mapping turns a certificate's name into a user name, by the rules of Kafka's ssl.principal.mapping.rules. It is
// immutable.
type Mapping struct{ rules []rule }

// A rule is DEFAULT if it has no pattern: the name as it is.
type rule struct {
	pattern     *pattern
	replacement []part
	lower       bool
	upper       bool
}

// The grammar is Kafka's own (SslPrincipalMapper), which RE2 reads as Java does. \s is spelled out, for Go's lacks \v.
const ruleGrammar = `(DEFAULT)|RULE:((\\.|[^\\/])*)/((\\.|[^\\/])*)/([LU]?).*?|(.*?)`

var (
	ruleSplitter = regexp.MustCompile(`[ \t\n\v\f\r]*(` + ruleGrammar + `)[ \t\n\v\f\r]*(,[ \t\n\v\f\r]*|$)`)
	ruleParser   = regexp.MustCompile(`\A(?:` + ruleGrammar + `)`)
)

// ParseMapping reads rules: each RULE:pattern/replacement/[LU] or DEFAULT, or several of them with commas between, so
// that a broker's setting can be pasted as it is. Empty rules are ignored, as in Kafka; no entries at all are DEFAULT,
// which is Kafka's default. Patterns are Java's as far as RE2 has the same; what it has not is an error that says so
// (lookaround, backreferences, possessive quantifiers). So is what Kafka would only notice when a client comes: a
// replacement that names a group which is not there.
func ParseMapping(rules []string) (*Mapping, error) {
	m := &Mapping{}
	if len(rules) == 0 {
		m.rules = []rule{{}}
	}
	for _, entry := range rules {
		for _, split := range ruleSplitter.FindAllStringSubmatch(strings.TrimSpace(entry), -1) {
			if err := m.add(split[1]); err != nil {
				return nil, fmt.Errorf("principal mapping rule %q: %w", split[1], err)
			}
		}
	}
	return m, nil
}

func (m *Mapping) add(text string) error {
	at := ruleParser.FindStringSubmatchIndex(text)
	if at[1] != len(text) {
		return fmt.Errorf("not understood from %q on: neither DEFAULT nor RULE:pattern/replacement/ with L, U or nothing behind it", text[at[1]:])
	}
	group := func(n int) (string, bool) {
		if at[2*n] < 0 {
			return "", false
		}
		return text[at[2*n]:at[2*n+1]], true
	}
	if _, ok := group(1); ok {
		m.rules = append(m.rules, rule{})
		return nil
	}
	source, ok := group(2)
	if !ok {
		return nil // an empty rule
	}
	p, err := compileJava(source)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	replacement, _ := group(4)
	parts, err := parseReplacement(replacement, p.whole)
	if err != nil {
		return fmt.Errorf("replacement: %w", err)
	}
	flag, _ := group(6)
	m.rules = append(m.rules, rule{pattern: p, replacement: parts, lower: flag == "L", upper: flag == "U"})
	return nil
}

// maxDN bounds the names that rules are applied to, in bytes.
const maxDN = 16 << 10

// Name maps a distinguished name, as RFC 2253 prints it, to a user name (without "User:"): by the first rule whose
// pattern matches all of it. No rule is an error, upon which a broker closes the connection, and so is a name that
// Java's and Go's patterns would not read alike (see usable).
func (m *Mapping) Name(dn string) (string, error) {
	if len(dn) > maxDN {
		return "", fmt.Errorf("distinguished name of %d bytes: more than %d", len(dn), maxDN)
	}
	for i := range m.rules {
		r := &m.rules[i]
		if r.pattern == nil {
			return dn, nil
		}
		if err := r.pattern.usable(dn); err != nil {
			return "", err
		}
		if r.pattern.matches(dn) {
			return r.apply(dn), nil
		}
	}
	return "", fmt.Errorf("no principal mapping rule matches the distinguished name %q", dn)
}

func (r *rule) apply(dn string) string {
	name := r.pattern.replaceAll(dn, r.replacement)
	switch {
	case r.lower:
		return javaLower(name)
	case r.upper:
		return javaUpper(name)
	}
	return name
}
