package policy

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The input of our own contract (input.schema.json). Every field is always there: a rule that denies by a field must not
// be silenced by leaving the field out. Parts that stay the same are built once and shared: cluster and listener by a
// session's life, principal and client as long as they are the same.

// maxString bounds what a policy sees of a string that the client chose, such as its client.id. A longer one is cut and
// ends in an ellipsis, so that it equals no honest one. Names that decide are not cut: see nameable.
const maxString = 1024

const ellipsis = "…"

// text is a string as a policy sees it: UTF-8, and bounded.
func text(s string) *ast.Term {
	if len(s) > maxString {
		s = s[:maxString-len(ellipsis)]
		for !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		s += ellipsis
	}
	return ast.InternedTerm(strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// maxList bounds lists that a client's certificate or token brings.
const maxList = 256

func texts(list []string) *ast.Term {
	terms := make([]*ast.Term, 0, min(len(list), maxList))
	for _, s := range list[:min(len(list), maxList)] {
		terms = append(terms, text(s))
	}
	return ast.ArrayTerm(terms...)
}

func object(items ...[2]*ast.Term) *ast.Term { return ast.ObjectTerm(items...) }

func item(key string, value *ast.Term) [2]*ast.Term { return ast.Item(ast.InternedTerm(key), value) }

// splitPrincipal splits Kafka's "Type:name".
func splitPrincipal(principal string) (typ, name string) {
	typ, name, ok := strings.Cut(principal, ":")
	if !ok {
		return "", principal
	}
	return typ, name
}

func address(a netip.AddrPort) *ast.Term {
	if !a.IsValid() {
		return ast.InternedEmptyString
	}
	return ast.StringTerm(a.Addr().Unmap().WithZone("").String())
}

func doorkeeperInput(s *access.Session, r *access.Request, a *access.Action, now time.Time) ast.Value {
	return object(
		item("cluster", text(s.Cluster)),
		item("listener", text(s.Listener)),
		item("principal", principalTerm(r.Identity)),
		item("client", clientTerm(s, r.Identity, r.Client)),
		item("session", object(item("id", ast.StringTerm(s.ID.String())))),
		item("request", requestTerm(r)),
		item("action", actionTerm(a)),
		item("signals", noSignals),
		item("time", timeTerm(now)),
	).Value
}

// noSignals is what detection says while there is nothing to say.
var noSignals = object(
	item("state", ast.StringTerm("ready")),
	item("severity", ast.InternedTerm(0)),
	item("findings", ast.InternedEmptyArray),
)

func principalTerm(i *access.Identity) *ast.Term {
	typ, name := splitPrincipal(i.Principal)
	return object(item("type", text(typ)), item("name", text(name)), item("source", text(i.Source)))
}

func clientTerm(s *access.Session, i *access.Identity, c *access.Client) *ast.Term {
	return object(
		item("address", address(s.Source)),
		item("source_from", text(s.SourceFrom)),
		item("peer", address(s.Peer)),
		item("id", text(c.ID)),
		item("software", object(item("name", text(c.SoftwareName)), item("version", text(c.SoftwareVersion)))),
		item("auth", text(i.Auth)),
		item("tls", tlsTerm(i.TLS)),
		item("token", tokenTerm(i.Token)),
	)
}

func tlsTerm(t *access.TLS) *ast.Term {
	if t == nil {
		t = &access.TLS{}
	}
	return object(
		item("version", text(t.Version)), item("ja4", text(t.JA4)), item("subject", text(t.Subject)),
		item("san", texts(t.SAN)), item("issuer", text(t.Issuer)), item("fingerprint", text(t.Fingerprint)),
	)
}

func tokenTerm(t *access.Token) *ast.Term {
	if t == nil {
		t = &access.Token{}
	}
	return object(
		item("iss", text(t.Iss)), item("sub", text(t.Sub)), item("azp", text(t.Azp)),
		item("scope", texts(t.Scope)), item("groups", texts(t.Groups)),
	)
}

func requestTerm(r *access.Request) *ast.Term {
	return object(
		item("api", ast.InternedTerm(apiName(r.API))),
		item("api_key", ast.InternedTerm(int(r.API))),
		item("version", ast.InternedTerm(int(r.Version))),
		item("group", text(r.Group)),
		item("transactional_id", text(r.TransactionalID)),
		item("replica_id", ast.InternedTerm(int(r.ReplicaID))),
	)
}

func actionTerm(a *access.Action) *ast.Term {
	return object(
		item("operation", ast.InternedTerm(a.Operation.String())),
		item("resource", object(
			item("type", ast.InternedTerm(a.Type.String())),
			item("name", text(a.Name)),
			item("pattern", ast.InternedTerm("LITERAL")),
		)),
	)
}

func timeTerm(now time.Time) *ast.Term {
	now = now.UTC().Truncate(time.Minute)
	return object(
		item("minute", ast.StringTerm(now.Format(time.RFC3339))),
		item("hour", ast.InternedTerm(now.Hour())),
		item("weekday", ast.InternedTerm(now.Weekday().String())),
	)
}
