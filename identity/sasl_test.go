package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"doorkeeper/access"
)

func jwt(claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"RS256"}`)) + "." + b64([]byte(claims)) + "." + b64([]byte("proofproof"))
}

func bearer(authzid, claims string) string {
	return "n," + authzid + ",\x01auth=Bearer " + jwt(claims) + "\x01\x01"
}

const (
	serverFirst = "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"
	clientFinal = "c=biws,r=abcdef,p=cHJvb2Zwcm9vZg=="
	serverFinal = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
)

// A move is one message: of the client (its token) or of the broker (bytes and code).
type move struct {
	client string
	server string
	code   int16
	want   string // outcome, and the identity's principal and source
}

// Transcripts of exchanges, as what an observer makes of them.
func TestTranscripts(t *testing.T) {
	tests := []struct {
		name      string
		mechanism string
		moves     []move
	}{
		{"plain", "PLAIN", []move{{"\x00erp\x00secret", "", 0, "success User:erp observed"}}},
		{"plain with authzid", "PLAIN", []move{{"erp\x00erp\x00secret", "", 0, "success User:erp observed"}}},
		{"plain for another", "PLAIN", []move{{"root\x00erp\x00secret", "", 0, "success User:? unverified"}}},
		{"plain, four parts", "PLAIN", []move{{"\x00erp\x00sec\x00ret", "", 0, "success User:? unverified"}}},
		{"plain, two parts", "PLAIN", []move{{"\x00erp", "", 0, "success User:? unverified"}}},
		{"plain, no user", "PLAIN", []move{{"\x00\x00secret", "", 0, "success User:? unverified"}}},
		{"plain, no password", "PLAIN", []move{{"\x00erp\x00", "", 0, "success User:? unverified"}}},
		{"plain, not UTF-8", "PLAIN", []move{{"\x00er\xffp\x00secret", "", 0, "success User:? unverified"}}},
		{"plain, replacement character", "PLAIN", []move{{"\x00er\uFFFDp\x00secret", "", 0, "success User:? unverified"}}},
		{"plain, Unicode", "PLAIN", []move{{"\x00jürgen\x00secret", "", 0, "success User:jürgen observed"}}},
		{"plain, endless", "PLAIN", []move{{"\x00" + strings.Repeat("x", maxName+1) + "\x00secret", "", 0, "success User:? unverified"}}},
		{"plain, wrong", "PLAIN", []move{{"\x00erp\x00secret", "", 58, "failure User:? none"}}},

		{"scram", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:erp observed"}}},
		{"scram, escapes", "SCRAM-SHA-512", []move{
			{"n,,n=e=2Cr=3Dp=3D2C,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:e,r=p=2C observed"}}},
		{"scram, authzid", "SCRAM-SHA-512", []move{
			{"n,a=erp,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:erp observed"}}},
		{"scram for another", "SCRAM-SHA-512", []move{
			{"n,a=root,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:? unverified"}}},
		{"scram, lower-case escape", "SCRAM-SHA-512", []move{
			{"n,,n=e=2cp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:? unverified"}}},
		{"scram, beyond ASCII", "SCRAM-SHA-512", []move{
			{"n,,n=jürgen,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:? unverified"}}},
		{"scram, reserved extension", "SCRAM-SHA-512", []move{
			{"n,,m=x,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:erp observed"}}},
		{"scram, name in the second message", "SCRAM-SHA-512", []move{
			{"n,,n=erp,r=abc", serverFirst, 0, "pending"},
			{"n,,n=root,r=abc", serverFinal, 0, "success User:erp observed"}}},
		{"scram, token", "SCRAM-SHA-256", []move{
			{"n,,n=tok-1,r=abc,tokenauth=true", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success Token:tok-1 observed delegation_token tok-1"}}},
		{"scram, token with an owner", "SCRAM-SHA-256", []move{
			{"n,,n=tok-2,r=abc,x=y,tokenauth=TRUE", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:owner observed delegation_token tok-2"}}},
		{"scram, tokenauth=false", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc,tokenauth=false", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:erp observed"}}},
		{"scram, tokenauth twice", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc,tokenauth=true,tokenauth=false", serverFirst, 0, "pending"},
			{clientFinal, serverFinal, 0, "success User:? unverified"}}},
		{"scram, refused at once", "SCRAM-SHA-256", []move{{"n,,n=erp,r=abc", "", 58, "failure User:? none"}}},
		{"scram, refused at last", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, "", 58, "failure User:? none"}}},
		{"scram, error in the message", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, "e=invalid-proof", 0, "failure User:? none"}}},
		{"scram, success too early", "SCRAM-SHA-256", []move{{"n,,n=erp,r=abc", serverFinal, 0, "error"}}},
		{"scram, challenge too late", "SCRAM-SHA-256", []move{
			{"n,,n=erp,r=abc", serverFirst, 0, "pending"},
			{clientFinal, serverFirst, 0, "error"}}},
		{"scram, nothing", "SCRAM-SHA-256", []move{{"", "", 0, "error"}}},

		{"bearer", "OAUTHBEARER", []move{
			{bearer("", `{"sub":"erp","iss":"https://idp","jti":"42"}`), "", 0, "success User:erp mapped token jti=42 iss=https://idp"}}},
		{"bearer, error, end", "OAUTHBEARER", []move{
			{bearer("", `{"sub":"erp"}`), `{"status":"invalid_token"}`, 0, "pending"},
			{"\x01", "", 58, "failure User:? none"}}},
		// Kafka processes a second token instead of \x01: the identity is the second one's.
		{"bearer, error, another token", "OAUTHBEARER", []move{
			{bearer("", `{"sub":"root"}`), `{"status":"invalid_token"}`, 0, "pending"},
			{bearer("", `{"sub":"erp"}`), "", 0, "success User:erp mapped token"}}},
		{"bearer, error, end, success all the same", "OAUTHBEARER", []move{
			{bearer("", `{"sub":"erp"}`), `{"status":"invalid_token"}`, 0, "pending"},
			{"\x01", "", 0, "success User:? unverified"}}},
		{"bearer, opaque", "OAUTHBEARER", []move{{"n,,\x01auth=Bearer opaque\x01\x01", "", 0, "success User:? unverified"}}},

		{"kerberos", "GSSAPI", []move{
			{"\x60\x01", "\x60\x02", 0, "accepted User:? unverified"},
			{"", "\x05\x04", 0, "accepted User:? unverified"},
			{"\x05\x04", "", 0, "accepted User:? unverified"}}},
		{"kerberos, refused", "GSSAPI", []move{{"\x60\x01", "", 58, "failure User:? none"}}},
	}
	owner := func(id string) (string, bool) { return "User:owner", id == "tok-2" }
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewSASL(Options{Owner: owner})
			s.Handshake(test.mechanism, 1)
			if err := s.HandshakeAnswer(0); err != nil {
				t.Fatal(err)
			}
			for i, m := range test.moves {
				if got := play(t, s, m); got != m.want {
					t.Errorf("move %d: got %q, want %q", i, got, m.want)
				}
			}
		})
	}
}

func play(t *testing.T, s *SASL, m move) string {
	t.Helper()
	if err := s.Token([]byte(m.client)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Answer([]byte(m.server), m.code)
	if err != nil {
		return "error"
	}
	if r.Identity == nil {
		return r.Outcome.String()
	}
	got := []string{r.Outcome.String(), r.Identity.Principal, r.Identity.Source,
		r.Identity.Credential.Type, r.Identity.Credential.ID}
	return strings.TrimSpace(strings.Join(got, " "))
}

// In raw mode the observer must know the answer after which requests follow.
func TestRaw(t *testing.T) {
	tests := map[string][]move{
		"PLAIN":         {{"\x00erp\x00secret", "", 0, "success User:erp observed"}},
		"SCRAM-SHA-256": {{"n,,n=erp,r=abc", serverFirst, 0, "pending"}, {clientFinal, serverFinal, 0, "success User:erp observed"}},
		"OAUTHBEARER":   {{bearer("", `{"sub":"erp"}`), "", 0, "success User:erp mapped token"}},
	}
	for mechanism, moves := range tests {
		s := NewSASL(Options{})
		s.Handshake(mechanism, 0)
		if s.Raw() {
			t.Errorf("%s: raw before the broker has answered", mechanism)
		}
		if err := s.HandshakeAnswer(0); err != nil {
			t.Fatal(err)
		}
		for i, m := range moves {
			if !s.Raw() {
				t.Errorf("%s: move %d: no longer raw", mechanism, i)
			}
			if got := play(t, s, m); got != m.want {
				t.Errorf("%s: move %d: got %q, want %q", mechanism, i, got, m.want)
			}
		}
		if s.Raw() || s.Open() {
			t.Errorf("%s: still raw %v, open %v", mechanism, s.Raw(), s.Open())
		}
	}
}

func TestRawUnreadable(t *testing.T) {
	s := NewSASL(Options{})
	s.Handshake("GSSAPI", 0)
	if err := s.HandshakeAnswer(0); !errors.Is(err, ErrUnreadable) {
		t.Errorf("error %v", err)
	}
	s.Handshake("GSSAPI", 0) // no SASL on this listener: what follows are requests
	if err := s.HandshakeAnswer(34); err != nil || s.Raw() || s.Open() {
		t.Errorf("error %v, raw %v, open %v", err, s.Raw(), s.Open())
	}
}

func TestRawFailureIsTheEndOfTheConnection(t *testing.T) {
	s := NewSASL(Options{})
	s.Handshake("PLAIN", 0)
	s.HandshakeAnswer(0)
	s.Token([]byte("\x00erp\x00secret"))
	r, ok := s.Lost()
	if !ok || r.Outcome != Failure || r.Identity.Principal != Unknown || r.Identity.Auth != "PLAIN" {
		t.Errorf("got %+v, %v", r, ok)
	}
	if _, ok := s.Lost(); ok {
		t.Error("lost twice")
	}
}

func TestOrder(t *testing.T) {
	s := NewSASL(Options{})
	if err := s.HandshakeAnswer(0); !errors.Is(err, ErrOrder) {
		t.Errorf("answer without handshake: %v", err)
	}
	if err := s.Token([]byte("\x00erp\x00secret")); err != nil {
		t.Error(err)
	}
	if _, err := s.Answer(nil, 0); !errors.Is(err, ErrOrder) {
		t.Errorf("success without handshake: %v", err)
	}
	s.Handshake("PLAIN", 1)
	if err := s.Token(nil); !errors.Is(err, ErrOrder) {
		t.Errorf("token before the handshake's answer: %v", err)
	}
	s.HandshakeAnswer(0)
	s.Token(nil)
	if err := s.Token(nil); !errors.Is(err, ErrOrder) {
		t.Errorf("two tokens: %v", err)
	}
}

// With re-authentication off the broker answers 34 to a second handshake and token, and the connection lives on.
func TestSecondLoginRefused(t *testing.T) {
	s := NewSASL(Options{})
	s.Handshake("PLAIN", 1)
	s.HandshakeAnswer(0)
	play(t, s, move{client: "\x00erp\x00secret"})
	s.Handshake("PLAIN", 1)
	if err := s.HandshakeAnswer(34); err != nil {
		t.Fatal(err)
	}
	if got := play(t, s, move{"\x00root\x00secret", "", 34, ""}); got != "failure User:? none" {
		t.Errorf("got %q", got)
	}
	if s.Open() {
		t.Error("open")
	}
}

func TestAcceptedIsNoFailureAtTheEnd(t *testing.T) {
	s := NewSASL(Options{})
	s.Handshake("AWS_MSK_IAM", 1)
	s.HandshakeAnswer(0)
	if got := play(t, s, move{client: "{}"}); got != "accepted User:? unverified" {
		t.Errorf("got %q", got)
	}
	if _, ok := s.Lost(); ok || s.Open() {
		t.Error("an exchange that may be over counts as failed")
	}
}

func TestFailedNameIsDisclosedOnceItSucceeded(t *testing.T) {
	known := NewKnown(10)
	login := func(message string, code int16) string {
		s := NewSASL(Options{Known: known})
		s.Handshake("PLAIN", 1)
		s.HandshakeAnswer(0)
		return play(t, s, move{message, "", code, ""})
	}
	steps := []struct{ got, want string }{
		{login("\x00erp\x00wrong", 58), "failure User:? none"},
		{login("\x00erp\x00right", 0), "success User:erp observed"},
		{login("\x00erp\x00wrong", 58), "failure User:erp none"},
		{login("\x00hunter2\x00erp", 58), "failure User:? none"},
	}
	for i, step := range steps {
		if step.got != step.want {
			t.Errorf("step %d: got %q, want %q", i, step.got, step.want)
		}
	}
}

func TestMechanismName(t *testing.T) {
	s := NewSASL(Options{})
	for name, want := range map[string]string{
		"SCRAM-SHA-256": "SCRAM-SHA-256", "AWS_MSK_IAM": "AWS_MSK_IAM", "plain": "?", "": "?",
		"A\nB": "?", strings.Repeat("X", 21): "?",
	} {
		s.Handshake(name, 1)
		if s.Mechanism() != want {
			t.Errorf("%q: got %q", name, s.Mechanism())
		}
	}
}

func TestSame(t *testing.T) {
	id := func(principal, source string, c access.Credential) *access.Identity {
		return &access.Identity{Principal: principal, Source: source, Credential: c}
	}
	token := access.Credential{Type: tokenType, ID: "1"}
	tests := []struct {
		a, b *access.Identity
		want bool
	}{
		{id("User:a", "observed", access.Credential{}), id("User:a", "observed", access.Credential{}), true},
		{id("User:a", "observed", access.Credential{}), id("User:a", "mapped", access.Credential{}), true},
		{id("User:a", "observed", access.Credential{}), id("User:b", "observed", access.Credential{}), false},
		{id("Token:1", "observed", token), id("User:a", "observed", token), true},
		{id("Token:1", "observed", token), id("User:a", "observed", access.Credential{}), false},
		{id(Unknown, "unverified", access.Credential{}), id(Unknown, "unverified", access.Credential{}), true},
		{id(Unknown, "observed", access.Credential{}), id(Unknown, "unverified", access.Credential{}), false},
	}
	for i, test := range tests {
		if got := Same(test.a, test.b); got != test.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestResolve(t *testing.T) {
	owner := func(id string) (string, bool) { return "User:" + id, id != "2" }
	token := &access.Identity{Principal: "Token:1", Auth: "SCRAM-SHA-256"}
	want := &access.Identity{Principal: "User:1", Auth: "SCRAM-SHA-256"}
	if diff := cmp.Diff(want, Resolve(token, owner)); diff != "" {
		t.Error(diff)
	}
	if token.Principal != "Token:1" {
		t.Error("changed an identity that others hold")
	}
	for _, principal := range []string{"Token:2", "User:1"} {
		id := &access.Identity{Principal: principal}
		if Resolve(id, owner) != id {
			t.Errorf("%s: another one", principal)
		}
	}
}

// franz-go's clients write what we read.
func TestAgainstFranzGo(t *testing.T) {
	user := "e,r=p"
	token := oauth.Auth{Token: jwt(`{"sub":"e,r=p"}`), Extensions: map[string]string{"logicalCluster": "lkc-1"}}
	tests := []struct {
		mechanism sasl.Mechanism
		parse     func([]byte) claim
		want      string
	}{
		{plain.Auth{User: user, Pass: "secret"}.AsMechanism(), parsePlain, "User:e,r=p"},
		{plain.Auth{User: user, Pass: "secret", Zid: user}.AsMechanism(), parsePlain, "User:e,r=p"},
		{scram.Auth{User: user, Pass: "secret"}.AsSha256Mechanism(), parseScram, "User:e,r=p"},
		{scram.Auth{User: user, Pass: "secret", IsToken: true}.AsSha512Mechanism(), parseScram, "Token:e,r=p"},
		{token.AsMechanism(), func(b []byte) claim { return parseBearer(b, OAuth{}) }, "User:e,r=p"},
	}
	for _, test := range tests {
		_, message, err := test.mechanism.Authenticate(context.Background(), "broker")
		if err != nil {
			t.Fatal(err)
		}
		if got := test.parse(message).principal; got != test.want {
			t.Errorf("%s: %q: got %q", test.mechanism.Name(), message, got)
		}
	}
}

// Nothing of what the client must keep to itself stays in the observer or gets into an identity, at any moment.
func TestNoSecretStays(t *testing.T) {
	const secret = "5ecr3t-"
	signed := jwt(`{"sub":"erp","jti":"42","password":"` + secret + `"}`)
	exchanges := map[string][]move{
		"PLAIN": {{"\x00erp\x00" + secret, "", 0, ""}},
		"SCRAM-SHA-256": {
			{"n,,n=erp,r=" + secret, "r=" + secret + ",s=" + secret + ",i=4096", 0, ""},
			{"c=biws,r=" + secret + ",p=" + secret, "v=" + secret, 0, ""}},
		"OAUTHBEARER": {
			{"n,,\x01auth=Bearer " + signed + "\x01\x01", `{"status":"` + secret + `"}`, 0, ""},
			{"n,,\x01auth=Bearer " + signed + "\x01x=" + secret + "\x01\x01", "", 0, ""}},
		"GSSAPI": {{secret, secret, 0, ""}},
	}
	forbidden := append([]string{secret}, strings.Split(signed, ".")...)
	for mechanism, moves := range exchanges {
		s := NewSASL(Options{Known: NewKnown(10), OAuth: OAuth{Claims: []string{"sub", "iss"}}})
		check := func(what string, v any) {
			for _, text := range append(allStrings(reflect.ValueOf(v), nil), fmt.Sprintf("%+v %#v", v, v)) {
				for _, f := range forbidden {
					if strings.Contains(text, f) {
						t.Errorf("%s: %s holds %q", mechanism, what, f)
					}
				}
			}
		}
		s.Handshake(mechanism, 1)
		s.HandshakeAnswer(0)
		for _, m := range moves {
			s.Token([]byte(m.client))
			check("the observer after a token", s)
			r, err := s.Answer([]byte(m.server), m.code)
			if err != nil {
				t.Fatal(err)
			}
			check("the observer after an answer", s)
			check("the result", r)
		}
	}
	s := NewSASL(Options{})
	s.Handshake("PLAIN", 1)
	s.HandshakeAnswer(0)
	play(t, s, move{"\x00" + secret + "\x00erp", "", 58, ""}) // typed into the wrong field
	for _, text := range allStrings(reflect.ValueOf(s), nil) {
		if strings.Contains(text, secret) {
			t.Error("a failed login's name stays")
		}
	}
}

// allStrings walks through everything that a value reaches, whether exported or not.
func allStrings(v reflect.Value, found []string) []string {
	switch v.Kind() {
	case reflect.String:
		return append(found, v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return allStrings(v.Elem(), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			found = allStrings(v.Field(i), found)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return append(found, string(v.Bytes()))
		}
		for i := range v.Len() {
			found = allStrings(v.Index(i), found)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			found = allStrings(v.MapIndex(key), allStrings(key, found))
		}
	}
	return found
}

func TestKnown(t *testing.T) {
	k := NewKnown(2)
	for _, p := range []string{"a", "b", "a", "c"} {
		k.Add(p)
	}
	if k.Has("a") || !k.Has("b") || !k.Has("c") {
		t.Errorf("holds %v", k.in)
	}
	for i := range 100 {
		k.Add(fmt.Sprint(i))
	}
	if len(k.in) != 2 || len(k.order) != 2 || !k.Has("98") || !k.Has("99") {
		t.Errorf("holds %v", k.in)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x00erp\x00secret"))
	f.Fuzz(func(t *testing.T, b []byte) { checkClaim(t, parsePlain(b)) })
}

func FuzzScram(f *testing.F) {
	f.Add([]byte("n,a=erp,m=x,n=e=2Cr=3Dp,r=abc,tokenauth=true"))
	f.Fuzz(func(t *testing.T, b []byte) { checkClaim(t, parseScram(b)) })
}

func FuzzBearer(f *testing.F) {
	f.Add([]byte(bearer("a=erp", `{"sub":"erp","scope":"a b","groups":["x"],"iss":"i","jti":"j"}`)), "sub")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		checkClaim(t, parseBearer(b, OAuth{PrincipalClaim: name, Claims: []string{"iss", "sub", "azp", "scope", "groups"}}))
	})
}

func FuzzJWT(f *testing.F) {
	f.Add(`{"sub":"erp","scope":"a b","groups":["x",1],"iss":"i","jti":"j"}`)
	f.Add(`{"sub":"erp","s\u0075b":"root"}`)
	f.Fuzz(func(t *testing.T, payload string) {
		checkClaim(t, parseJWT([]byte(jwt(payload)), OAuth{Claims: []string{"iss", "sub", "azp", "scope", "groups"}}))
	})
}

// checkClaim holds what every claim promises, whatever was sent.
func checkClaim(t *testing.T, c claim) {
	if c.principal == "" {
		if !reflect.DeepEqual(c, claim{}) {
			t.Errorf("a claim without a principal: %+v", c)
		}
		return
	}
	kind, name, _ := strings.Cut(c.principal, ":")
	if (kind != "User" && kind != "Token") || !nameable(name) {
		t.Errorf("principal %q", c.principal)
	}
	if len(c.credential.ID) > 3*maxName {
		t.Errorf("credential of %d bytes", len(c.credential.ID))
	}
	if c.token != nil && (len(c.token.Scope) > maxItems || len(c.token.Groups) > maxItems) {
		t.Errorf("%d scopes, %d groups", len(c.token.Scope), len(c.token.Groups))
	}
}

// FuzzSASL plays arbitrary messages in arbitrary order.
func FuzzSASL(f *testing.F) {
	f.Add("PLAIN", int16(0), []byte("\x00a\x00b"), []byte(""), []byte(""), []byte(""))
	f.Add("SCRAM-SHA-256", int16(1), []byte("n,,n=a,r=b"), []byte(serverFirst), []byte(clientFinal), []byte(serverFinal))
	f.Fuzz(func(t *testing.T, mechanism string, version int16, c1, s1, c2, s2 []byte) {
		s := NewSASL(Options{Known: NewKnown(1)})
		s.Handshake(mechanism, version)
		s.HandshakeAnswer(0)
		s.Token(c1)
		s.Answer(s1, 0)
		s.Token(c2)
		r, err := s.Answer(s2, 0)
		if err != nil {
			return
		}
		if r.Outcome != Pending && (r.Identity == nil || r.Identity.Principal == "" || r.Identity.Source == "") {
			t.Errorf("result %+v", r)
		}
		s.Lost()
		if s.Open() || s.claim.principal != "" {
			t.Errorf("left behind: %+v", s)
		}
	})
}
