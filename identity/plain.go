package identity

import (
	"bytes"

	"doorkeeper/access"
)

// parsePlain reads [authzid] NUL authcid NUL passwd (RFC 4616), exactly three parts, as Kafka does.
//
// Kafka refuses an authorization id that is not the user. Another broker may take either for the principal, so a
// message in which they differ counts as one that cannot be read.
func parsePlain(b []byte) claim {
	authzid, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return claim{}
	}
	user, password, ok := bytes.Cut(rest, []byte{0})
	if !ok || len(password) == 0 || bytes.IndexByte(password, 0) >= 0 || len(user) > maxName {
		return claim{}
	}
	if len(authzid) > 0 && !bytes.Equal(authzid, user) {
		return claim{}
	}
	name := string(user)
	if !nameable(name) {
		return claim{}
	}
	return claim{principal: userPrefix + name, source: access.Observed}
}
