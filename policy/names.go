package policy

import (
	"unicode/utf8"

	"doorkeeper/access"
)

// unnameable says why an action is denied without asking: a name of it is none that a policy could judge. A policy that
// reads a pattern over names must not meet one that Kafka would never create, or one that broker and policy could read
// differently.
func unnameable(r *access.Request, a *access.Action) string {
	switch {
	case a.Type == access.ResTopic && a.Name != access.AllResources && !legalTopic(a.Name):
		return "it is no legal topic name"
	case !legalName(a.Name):
		return "the resource's name is not UTF-8 or longer than 1024 bytes"
	case !legalName(r.Identity.Principal):
		return "the principal's name is not UTF-8 or longer than 1024 bytes"
	case !legalName(r.Group) || !legalName(r.TransactionalID):
		return "the group or transactional id is not UTF-8 or longer than 1024 bytes"
	}
	return ""
}

func legalName(s string) bool { return len(s) <= maxString && utf8.ValidString(s) }

// legalTopic is Kafka's Topic.isValid.
func legalTopic(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 249 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
