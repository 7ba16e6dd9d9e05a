package acl

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Rules is the Rego policy that reads the data.
//
//go:embed acl.rego
var Rules []byte

// A Binding is one ACL, in the words that Kafka's tools print.
type Binding struct {
	Type       string // TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER
	Name       string
	Pattern    string // LITERAL or PREFIXED
	Principal  string // "User:erp", "User:*"
	Host       string // an address, or "*"
	Operation  string // READ, ALL, …
	Permission string // ALLOW or DENY
}

// Settings are what brokers are configured with beside the ACLs.
type Settings struct {
	SuperUsers []string // super.users
	OpenIfNone bool     // allow.everyone.if.no.acl.found
}

// An entry is what data.json says of a binding under its pattern.
type entry struct {
	Principal  string `json:"principal"`
	Host       string `json:"host"`
	Operation  string `json:"operation"`
	Permission string `json:"permission"`
}

type patterns map[string]map[string][]entry // by resource type and name or prefix

type acls struct {
	SuperUsers []string `json:"super_users"`
	OpenIfNone bool     `json:"allow_everyone_if_no_acl_found"`
	Literal    patterns `json:"literal"`
	Prefixed   patterns `json:"prefixed"`
}

// Data returns data.json for bindings: the same text for the same bindings in any order.
func Data(bindings []Binding, s Settings) ([]byte, error) {
	out := acls{SuperUsers: sorted(s.SuperUsers), OpenIfNone: s.OpenIfNone, Literal: patterns{}, Prefixed: patterns{}}
	for i := range bindings {
		b := &bindings[i]
		var to patterns
		switch b.Pattern {
		case "LITERAL":
			to = out.Literal
		case "PREFIXED":
			to = out.Prefixed
		default:
			return nil, fmt.Errorf("an ACL on %s %q has pattern type %q, which no broker stores", b.Type, b.Name, b.Pattern)
		}
		if b.Permission != "ALLOW" && b.Permission != "DENY" {
			return nil, fmt.Errorf("an ACL on %s %q has permission %q: neither ALLOW nor DENY", b.Type, b.Name, b.Permission)
		}
		if to[b.Type] == nil {
			to[b.Type] = map[string][]entry{}
		}
		to[b.Type][b.Name] = append(to[b.Type][b.Name], entry{b.Principal, b.Host, b.Operation, b.Permission})
	}
	for _, p := range []patterns{out.Literal, out.Prefixed} {
		for _, names := range p {
			for name, entries := range names {
				slices.SortFunc(entries, compare)
				names[name] = slices.Compact(entries)
			}
		}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]acls{"acls": out}); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func compare(a, b entry) int {
	return slices.Compare([]string{a.Principal, a.Host, a.Operation, a.Permission}, []string{b.Principal, b.Host, b.Operation, b.Permission})
}

func sorted(s []string) []string {
	s = append([]string{}, s...) // never null
	slices.Sort(s)
	return slices.Compact(s)
}

// ParseSuperUsers reads the brokers' setting super.users: principals between semicolons.
func ParseSuperUsers(setting string) (principals []string) {
	for p := range strings.SplitSeq(setting, ";") {
		if p = strings.TrimSpace(p); p != "" {
			principals = append(principals, p)
		}
	}
	return principals
}
