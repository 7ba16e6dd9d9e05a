package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"doorkeeper/access"
)

// Bounds of what is kept of a token's claims; what goes beyond them is left out.
const (
	maxItems = 100 // scopes, groups
	maxItem  = 256 // bytes of one of them, and of a jti
)

// parseJWT reads the claims of a compact JWS (RFC 7519): three parts, of which the last, the signature, is empty in an
// unsecured one. It verifies nothing: the broker does, and only its success makes the claim an identity. Encrypted and
// opaque tokens cannot be read.
func parseJWT(token []byte, o OAuth) claim {
	parts := bytes.Split(token, []byte{'.'})
	if len(parts) != 3 {
		return claim{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimRight(parts[1], "=")))
	if err != nil || !utf8.Valid(payload) {
		return claim{}
	}
	claims, ok := readClaims(payload, o)
	if !ok {
		return claim{}
	}
	// Kafka trims the subject in one validator and not in the other, so a name with space around it is not clear.
	name, ok := text(claims[o.principalClaim()], maxName)
	if !ok || !nameable(name) || strings.TrimSpace(name) != name {
		return claim{}
	}
	jti, _ := text(claims["jti"], maxItem)
	iss, _ := text(claims["iss"], maxName)
	return claim{principal: userPrefix + name, source: access.Mapped,
		credential: tokenCredential(jti, iss), token: configured(claims, o)}
}

// readClaims collects the claims that are wanted from a JSON object. Names match to the letter (encoding/json's structs
// would take "SUB" for "sub"), and none may come twice: parsers differ in which one they take.
func readClaims(payload []byte, o OAuth) (map[string]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(payload))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	claims := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, false
		}
		if !wanted(name, o) {
			continue
		}
		if _, twice := claims[name]; twice {
			return nil, false
		}
		claims[name] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, false
	}
	return claims, !d.More()
}

func wanted(name string, o OAuth) bool {
	switch name {
	case "jti", "iss", "sub", "azp", "scope", "groups":
		return true
	}
	return name == o.principalClaim()
}

// configured fills in the claims that the configuration lists.
func configured(claims map[string]json.RawMessage, o OAuth) *access.Token {
	t := &access.Token{}
	for _, name := range o.Claims {
		value := claims[name]
		switch name {
		case "iss":
			t.Iss, _ = text(value, maxName)
		case "sub":
			t.Sub, _ = text(value, maxName)
		case "azp":
			t.Azp, _ = text(value, maxName)
		case "scope":
			t.Scope = list(value, true)
		case "groups":
			t.Groups = list(value, false)
		}
	}
	return t
}

// text reads a string of at most limit bytes.
func text(value json.RawMessage, limit int) (string, bool) {
	var s string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &s) != nil || len(s) > limit {
		return "", false
	}
	return s, true
}

// list reads an array of strings, or one string; a scope's string holds many (RFC 8693, section 4.2).
func list(value json.RawMessage, split bool) []string {
	var items []string
	if s, ok := text(value, maxItems*(maxItem+1)); ok {
		items = []string{s}
		if split {
			items = strings.Fields(s)
		}
		return bounded(items)
	}
	var raw []json.RawMessage
	if json.Unmarshal(value, &raw) != nil {
		return nil
	}
	for _, r := range raw {
		if s, ok := text(r, maxItem); ok {
			items = append(items, s)
		}
	}
	return bounded(items)
}

// bounded copies what fits, so that no item keeps a longer string alive.
func bounded(items []string) []string {
	var kept []string
	for _, s := range items {
		if s != "" && len(s) <= maxItem && len(kept) < maxItems {
			kept = append(kept, strings.Clone(s))
		}
	}
	return kept
}
