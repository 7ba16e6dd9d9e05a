package identity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/access"
)

func TestJWTPrincipal(t *testing.T) {
	tests := []struct {
		token string
		claim string
		want  string // "": cannot be read
	}{
		{jwt(`{"sub":"erp"}`), "", "User:erp"},
		{jwt(`{"sub":"erp","preferred_username":"x"}`), "preferred_username", "User:x"},
		{jwt(`{"SUB":"root","sub":"erp"}`), "", "User:erp"},
		{jwt(`{"SUB":"root"}`), "", ""},
		{jwt(`{"sub":"erp","sub":"root"}`), "", ""},
		{jwt(`{"sub":"erp","s\u0075b":"root"}`), "", ""},
		{jwt(`{"sub":42}`), "", ""},
		{jwt(`{"sub":null}`), "", ""},
		{jwt(`{"sub":["erp"]}`), "", ""},
		{jwt(`{"sub":""}`), "", ""},
		{jwt(`{"sub":" erp"}`), "", ""},
		{jwt(`{"sub":"\ud800"}`), "", ""},
		{jwt(`{"sub":"` + strings.Repeat("x", maxName+1) + `"}`), "", ""},
		{jwt(`{"sub":"erp"`), "", ""},
		{jwt(`["sub","erp"]`), "", ""},
		{jwt("{\"sub\":\"er\xffp\"}"), "", ""},
		{jwt(``), "", ""},
		{strings.TrimSuffix(jwt(`{"sub":"erp"}`), "cHJvb2Zwcm9vZg") + "", "", "User:erp"}, // unsecured
		{"a.b", "", ""},
		{"a.b.c.d.e", "", ""},
		{"a.!.c", "", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		if got := parseJWT([]byte(test.token), OAuth{PrincipalClaim: test.claim}).principal; got != test.want {
			t.Errorf("%q: got %q, want %q", test.token, got, test.want)
		}
	}
}

func TestJWTClaims(t *testing.T) {
	const payload = `{"iss":"i","sub":"s","azp":"a","scope":"read  write","groups":["g1",2,"g2"],"jti":"j","other":{"x":[1]}}`
	all := OAuth{Claims: []string{"iss", "sub", "azp", "scope", "groups"}}
	tests := []struct {
		payload string
		o       OAuth
		want    *access.Token
	}{
		{payload, all, &access.Token{Iss: "i", Sub: "s", Azp: "a", Scope: []string{"read", "write"}, Groups: []string{"g1", "g2"}}},
		{payload, OAuth{Claims: []string{"groups"}}, &access.Token{Groups: []string{"g1", "g2"}}},
		{payload, OAuth{}, &access.Token{}},
		{`{"sub":"s","scope":["a","b c"],"groups":"one group"}`, all,
			&access.Token{Sub: "s", Scope: []string{"a", "b c"}, Groups: []string{"one group"}}},
		{`{"sub":"s","scope":{},"groups":7,"iss":[],"azp":null}`, all, &access.Token{Sub: "s"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, parseJWT([]byte(jwt(test.payload)), test.o).token); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.payload, diff)
		}
	}
}

func TestJWTBounds(t *testing.T) {
	var groups []string
	for i := range 2 * maxItems {
		groups = append(groups, fmt.Sprintf("%q", fmt.Sprint("g", i)))
	}
	groups[0] = `"` + strings.Repeat("x", maxItem+1) + `"`
	token := parseJWT([]byte(jwt(`{"sub":"s","groups":[`+strings.Join(groups, ",")+`]}`)), OAuth{Claims: []string{"groups"}}).token
	if len(token.Groups) != maxItems || token.Groups[0] != "g1" {
		t.Errorf("%d groups, first %q", len(token.Groups), token.Groups[0])
	}
}

func TestBearerMessage(t *testing.T) {
	j := jwt(`{"sub":"erp"}`)
	tests := []struct {
		message string
		want    string
	}{
		{"n,,\x01auth=Bearer " + j + "\x01\x01", "User:erp"},
		{"n,,\x01auth=bEARER   " + j + "\x01\x01", "User:erp"},
		{"n,a=erp,\x01auth=Bearer " + j + "\x01\x01", "User:erp"},
		{"n,a=root,\x01auth=Bearer " + j + "\x01\x01", ""},
		{"n,,\x01host=h\x01port=1\x01auth=Bearer " + j + "\x01\x01", "User:erp"},
		{"n,,\x01auth=Bearer " + j + "\x01auth=Bearer " + jwt(`{"sub":"root"}`) + "\x01\x01", ""},
		{"n,,\x01auth=Basic " + j + "\x01\x01", ""},
		{"n,,\x01auth=Bearer " + j + "\x01", ""},
		{"n,,auth=Bearer " + j + "\x01\x01", ""},
		{"\x01auth=Bearer " + j + "\x01\x01", ""},
		{"n,,\x01\x01", ""},
		{"n,,\x01", ""},
		{"\x01", ""},
		{"", ""},
	}
	for _, test := range tests {
		if got := parseBearer([]byte(test.message), OAuth{}).principal; got != test.want {
			t.Errorf("%q: got %q, want %q", test.message, got, test.want)
		}
	}
}
