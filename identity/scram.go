package identity

import (
	"bytes"
	"strings"

	"doorkeeper/access"
)

// parseScram reads a client-first-message (RFC 5802, section 7) within Kafka's limits (ScramMessages): ASCII names in
// which "," is =2C and "=" is =3D, an authorization id only if it is the same name, and the extension tokenauth=true of
// a delegation token (KIP-48), with which the name is the token's id.
func parseScram(b []byte) claim {
	authzid, rest, ok := cutGS2(b)
	if !ok {
		return claim{}
	}
	if bytes.HasPrefix(rest, []byte("m=")) { // a mandatory extension, which Kafka skips
		if _, rest, ok = bytes.Cut(rest, []byte{','}); !ok {
			return claim{}
		}
	}
	field, rest, _ := bytes.Cut(rest, []byte{','})
	escaped, ok := bytes.CutPrefix(field, []byte("n="))
	if !ok {
		return claim{}
	}
	name, ok := unescape(escaped)
	if !ok || (len(authzid) > 0 && string(authzid) != name) {
		return claim{}
	}
	nonce, extensions, _ := bytes.Cut(rest, []byte{','})
	if len(nonce) < 3 || !bytes.HasPrefix(nonce, []byte("r=")) {
		return claim{}
	}
	token, ok := tokenAuth(extensions)
	switch {
	case !ok:
		return claim{}
	case token:
		return claim{principal: tokenPrefix + name, source: access.Observed,
			credential: access.Credential{Type: tokenType, ID: name}}
	}
	return claim{principal: userPrefix + name, source: access.Observed}
}

// cutGS2 cuts the header "n,[a=authzid]," off (RFC 5801). Kafka takes no other binding flag; "y" says the same of the
// client's name.
func cutGS2(b []byte) (authzid, rest []byte, ok bool) {
	if len(b) < 2 || (b[0] != 'n' && b[0] != 'y') || b[1] != ',' {
		return nil, nil, false
	}
	authzid, rest, ok = bytes.Cut(b[2:], []byte{','})
	if !ok {
		return nil, nil, false
	}
	if len(authzid) == 0 {
		return nil, rest, true
	}
	authzid, ok = bytes.CutPrefix(authzid, []byte("a="))
	return authzid, rest, ok && len(authzid) > 0
}

// unescape reads a saslname: \x01 to \x7F without "," and "=", which are =2C and =3D (upper case).
func unescape(b []byte) (string, bool) {
	if len(b) > 3*maxName {
		return "", false
	}
	var s strings.Builder
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '=' && bytes.HasPrefix(b[i:], []byte("=2C")):
			s.WriteByte(',')
			i += 2
		case c == '=' && bytes.HasPrefix(b[i:], []byte("=3D")):
			s.WriteByte('=')
			i += 2
		case c == '=' || c == 0 || c > 0x7F:
			return "", false
		default:
			s.WriteByte(c)
		}
	}
	return s.String(), nameable(s.String())
}

// tokenAuth looks for tokenauth=true (in any case, as Java's parseBoolean has it) among the extensions. Named twice it
// is not ok: Kafka takes the last one, another broker might not.
func tokenAuth(extensions []byte) (token, ok bool) {
	seen := false
	for len(extensions) > 0 {
		var field []byte
		field, extensions, _ = bytes.Cut(extensions, []byte{','})
		key, value, _ := bytes.Cut(field, []byte{'='})
		if string(key) != "tokenauth" {
			continue
		}
		if seen {
			return false, false
		}
		seen, token = true, bytes.EqualFold(value, []byte("true"))
	}
	return token, true
}

// readScram says what a server message means: the first is the challenge (r=…), the second proves success (v=…). e=… is
// an error in either.
func readScram(server []byte, step int) (Outcome, error) {
	switch {
	case bytes.HasPrefix(server, []byte("e=")):
		return Failure, nil
	case step == 1 && (bytes.HasPrefix(server, []byte("r=")) || bytes.HasPrefix(server, []byte("m="))):
		return Pending, nil
	case step == 2 && bytes.HasPrefix(server, []byte("v=")):
		return Success, nil
	}
	return Failure, ErrAnswer
}
