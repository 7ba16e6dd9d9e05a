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
// be silenced by leaving the field out. fields.go lists the same fields once more, for the keys of caches.

// maxString bounds what a policy sees of a string that the client chose, such as its client.id. A longer one is cut and
// ends in an ellipsis, so that it equals no honest one. Names that decide are not cut: see unnameable.
const maxString = 1024

const ellipsis = "…"

// text is a string as a policy sees it: UTF-8, and bounded.
func text(s string) *ast.Term {
	if len(s) > maxString {
		s = s[:maxString-len(ellipsis)] + ellipsis
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

func item(key string, value *ast.Term) [2]*ast.Term { return ast.Item(word(key), value) }

func number(n int) *ast.Term { return ast.InternedTerm(n) }

// words are the terms of strings that are not a client's: keys, and the names of operations, types and APIs.
var words = func() map[string]*ast.Term {
	all := map[string]*ast.Term{}
	for _, w := range strings.Fields(`
		cluster listener principal client session request action signals time type name source address source_from peer id
		software version auth tls token ja4 subject san issuer fingerprint iss sub azp scope groups api api_key group
		transactional_id replica_id operation resource pattern state severity findings minute hour weekday LITERAL`) {
		all[w] = ast.StringTerm(w)
	}
	return all
}()

func word(w string) *ast.Term {
	if t := words[w]; t != nil {
		return t
	}
	return ast.InternedTerm(w)
}

// splitPrincipal splits Kafka's "Type:name".
func splitPrincipal(principal string) (typ, name string) {
	typ, name, ok := strings.Cut(principal, ":")
	if !ok {
		return "", principal
	}
	return typ, name
}

// host is an address without its port, "" where there is none.
func host(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.Addr().Unmap().WithZone("").String()
}

// ownParts are the parts of the input that a who makes up.
type ownParts struct{ cluster, listener, principal, client, session [2]*ast.Term }

func (w *who) ownParts() *ownParts {
	if p := w.own.Load(); p != nil {
		return p
	}
	p := &ownParts{
		cluster:   item("cluster", text(w.session.Cluster)),
		listener:  item("listener", text(w.session.Listener)),
		principal: item("principal", principalTerm(w.identity)),
		client:    item("client", clientTerm(w)),
		session:   item("session", object(item("id", ast.StringTerm(w.session.ID.String())))),
	}
	w.own.Store(p)
	return p
}

func ownInput(q *question) ast.Value {
	p := q.who.ownParts()
	return ast.NewObject(
		p.cluster, p.listener, p.principal, p.client, p.session,
		item("request", requestTerm(q.request)),
		item("action", actionTerm(&q.action)),
		noSignals,
		item("time", timeTerm(q.now)),
	)
}

// noSignals is what detection says while there is nothing to say.
var noSignals = item("signals", object(
	item("state", ast.StringTerm("ready")),
	item("severity", number(0)),
	item("findings", ast.InternedEmptyArray),
))

func principalTerm(i *access.Identity) *ast.Term {
	typ, name := splitPrincipal(i.Principal)
	return object(item("type", text(typ)), item("name", text(name)), item("source", text(i.Source)))
}

func clientTerm(w *who) *ast.Term {
	c := w.client
	return object(
		item("address", text(host(w.session.Source))),
		item("source_from", text(w.session.SourceFrom)),
		item("peer", text(host(w.session.Peer))),
		item("id", text(c.ID)),
		item("software", object(item("name", text(c.SoftwareName)), item("version", text(c.SoftwareVersion)))),
		item("auth", text(w.identity.Auth)),
		item("tls", tlsTerm(w.tls())),
		item("token", tokenTerm(w.token())),
	)
}

// tls is never nil: what is not there is empty.
func (w *who) tls() *access.TLS {
	if w.identity.TLS == nil {
		return &noTLS
	}
	return w.identity.TLS
}

func (w *who) token() *access.Token {
	if w.identity.Token == nil {
		return &noToken
	}
	return w.identity.Token
}

var (
	noTLS   access.TLS
	noToken access.Token
)

func tlsTerm(t *access.TLS) *ast.Term {
	return object(
		item("version", text(t.Version)), item("ja4", text(t.JA4)), item("subject", text(t.Subject)),
		item("san", texts(t.SAN)), item("issuer", text(t.Issuer)), item("fingerprint", text(t.Fingerprint)),
	)
}

func tokenTerm(t *access.Token) *ast.Term {
	return object(
		item("iss", text(t.Iss)), item("sub", text(t.Sub)), item("azp", text(t.Azp)),
		item("scope", texts(t.Scope)), item("groups", texts(t.Groups)),
	)
}

func requestTerm(r *access.Request) *ast.Term {
	return object(
		item("api", word(APIName(r.API))),
		item("api_key", number(int(r.API))),
		item("version", number(int(r.Version))),
		item("group", text(r.Group)),
		item("transactional_id", text(r.TransactionalID)),
		item("replica_id", number(int(r.ReplicaID))),
	)
}

func actionTerm(a *access.Action) *ast.Term {
	return object(
		item("operation", word(a.Operation.String())),
		item("resource", object(
			item("type", word(a.Type.String())),
			item("name", text(a.Name)),
			item("pattern", word("LITERAL")),
		)),
	)
}

func timeTerm(now time.Time) *ast.Term {
	now = minute(now)
	return object(
		item("minute", ast.StringTerm(now.Format(time.RFC3339))),
		item("hour", number(now.Hour())),
		item("weekday", word(now.Weekday().String())),
	)
}

// minute is the beginning of a time's minute, in UTC: as exactly as policies see the clock.
func minute(now time.Time) time.Time { return now.UTC().Truncate(time.Minute) }
