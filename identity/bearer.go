package identity

import (
	"bytes"

	"doorkeeper/access"
)

// parseBearer reads a client's OAUTHBEARER message (RFC 7628, section 3.1): a GS2 header, then key=value pairs that end
// in \x01 each, then one more \x01. The pair auth holds "Bearer <token>". Grammar as Kafka's
// OAuthBearerClientInitialResponse.
//
// An authorization id must be the principal, as Kafka demands; else it is unclear whose name counts. A pair auth that
// comes twice is not read: Kafka takes the last one, another broker might not.
func parseBearer(b []byte, o OAuth) claim {
	authzid, rest, ok := cutGS2(b)
	if !ok || !bytes.HasPrefix(rest, []byte{1}) || !bytes.HasSuffix(rest, []byte{1, 1}) {
		return claim{}
	}
	var token []byte
	for pairs := rest[1 : len(rest)-1]; len(pairs) > 0; {
		var pair []byte
		pair, pairs, _ = bytes.Cut(pairs, []byte{1})
		key, value, ok := bytes.Cut(pair, []byte{'='})
		if !ok {
			return claim{}
		}
		if string(key) != "auth" {
			continue
		}
		if token != nil {
			return claim{}
		}
		if token, ok = cutBearer(value); !ok {
			return claim{}
		}
	}
	if token == nil {
		return claim{}
	}
	c := parseJWT(token, o)
	if len(authzid) > 0 && userPrefix+string(authzid) != c.principal {
		return claim{}
	}
	return c
}

// cutBearer cuts the scheme off: "Bearer", in any case, and at least one space.
func cutBearer(value []byte) (token []byte, ok bool) {
	scheme, token, ok := bytes.Cut(value, []byte{' '})
	token = bytes.TrimLeft(token, " ")
	return token, ok && bytes.EqualFold(scheme, []byte("bearer")) && len(token) > 0
}

// OAuth says how a listener reads OAUTHBEARER tokens (configuration, oauth).
type OAuth struct {
	PrincipalClaim string   // the claim that the brokers take for the principal; "": "sub"
	Claims         []string // of iss, sub, azp, scope, groups: what policies and records see
}

func (o OAuth) principalClaim() string {
	if o.PrincipalClaim == "" {
		return "sub"
	}
	return o.PrincipalClaim
}

// credential names a token by what its issuer calls it. Both may be absent.
func tokenCredential(jti, iss string) access.Credential {
	c := access.Credential{Type: "token"}
	if jti != "" {
		c.ID = "jti=" + jti
	}
	if iss != "" {
		if c.ID != "" {
			c.ID += " "
		}
		c.ID += "iss=" + iss
	}
	return c
}
