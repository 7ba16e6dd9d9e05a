package identity

import (
	"strings"
	"unicode/utf8"

	"doorkeeper/access"
)

const (
	userPrefix  = "User:"
	tokenPrefix = "Token:"

	// maxName bounds a name, in bytes. Kafka has no bound; a longer name is one that cannot be read, since a shortened
	// one could be somebody else's.
	maxName = 1024
)

// nameable says that a broker reads the same name as we do: valid UTF-8 (Java puts U+FFFD where it is not, and not
// always as many as Go), not empty and not too long.
func nameable(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError)
}

// tokenType is the type of a delegation token's credential.
const tokenType = "delegation_token"

// Resolve returns the identity of a delegation token ("Token:<id>") as its owner's, which is what the broker's
// principal is, if owner knows it by now. Any other identity, and one whose owner is not known, it returns unchanged.
func Resolve(id *access.Identity, owner func(id string) (string, bool)) *access.Identity {
	tokenID, ok := strings.CutPrefix(id.Principal, tokenPrefix)
	if !ok || owner == nil {
		return id
	}
	principal, ok := owner(tokenID)
	if !ok {
		return id
	}
	resolved := *id
	resolved.Principal = principal
	return &resolved
}

// Same says whether a re-authentication kept the principal, as a broker demands (KIP-368). Of two logins with the same
// delegation token it does not matter whether its owner was known already. What cannot be read is never the same as
// what can.
func Same(before, after *access.Identity) bool {
	if before.Credential.Type == tokenType && before.Credential == after.Credential {
		return true
	}
	unverified := before.Source == access.Unverified
	return before.Principal == after.Principal && unverified == (after.Source == access.Unverified)
}
