package truth

import "fmt"

// Anonymous is the principal of a connection without authentication.
const Anonymous = "User:ANONYMOUS"

// ComparePrincipal requires that every access record names the principal. Those of the requests that a client makes
// before it has authenticated name nobody or ANONYMOUS. "*" allows any.
func ComparePrincipal(records []*Record, principal string) []string {
	if principal == "*" {
		return nil
	}
	var wrong []string
	for _, r := range records {
		before := r.API == "ApiVersions" || r.API == "SaslHandshake" || r.API == "SaslAuthenticate"
		if r.Kind == "access" && r.Principal != principal && !before {
			wrong = append(wrong, fmt.Sprintf("record %d (%s %s): principal %q, want %q", r.Seq, r.API, r.Resource, r.Principal, principal))
		}
	}
	return wrong
}
