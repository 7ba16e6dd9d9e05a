package policy

import (
	"unicode/utf8"

	"doorkeeper/access"
)

// unnameable is the denial of a question with a name that no policy can judge: a rule over a pattern of names must not
// meet one that Kafka would never create, or one that broker and policy could read differently. nil: there is none.
func (p *program) unnameable(q *question) *answer {
	a := &q.action
	switch {
	case a.Type == access.ResTopic && a.Name != access.AllResources && !legalTopic(a.Name):
		return p.badTopic
	case !legalName(a.Name):
		return p.badResource
	case !legalName(q.who.identity.Principal):
		return p.badPrincipal
	case p.reads.parts&partGroup != 0 && !legalName(q.request.Group), p.reads.parts&partTransaction != 0 && !legalName(q.request.TransactionalID):
		return p.badGroup
	}
	return nil
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
