package policy

import (
	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The document of the opa-kafka-plugin. Its serializer writes header.name, older policies read header.data: both are
// there. What only a broker's inside knows has a fixed value: the correlation id, and the counts and flags that were for
// the broker's audit log.

// kafkaParts are the parts of the document that a who makes up.
type kafkaParts struct {
	clientID                                                        *ast.Term
	address, information, connection, listener, principal, protocol [2]*ast.Term
}

func (w *who) kafkaParts() *kafkaParts {
	if p := w.kafka.Load(); p != nil {
		return p
	}
	typ, name := splitPrincipal(w.identity.Principal)
	p := &kafkaParts{
		clientID: text(w.client.ID),
		address:  item("clientAddress", text("/"+host(w.session.Source))),
		information: item("clientInformation", object(
			item("softwareName", text(w.client.SoftwareName)), item("softwareVersion", text(w.client.SoftwareVersion)))),
		connection: item("connectionId", text(connectionID(w.session))),
		listener:   item("listenerName", text(w.session.Listener)),
		principal:  item("principal", object(item("name", text(name)), item("principalType", text(typ)))),
		protocol:   item("securityProtocol", text(securityProtocol(w.identity))),
	}
	w.kafka.Store(p)
	return p
}

func kafkaInput(q *question) ast.Value {
	p := q.who.kafkaParts()
	header := object(
		item("clientId", p.clientID),
		item("correlationId", number(0)),
		item("requestApiKey", number(int(q.request.API))),
		item("requestApiVersion", number(int(q.request.Version))),
	)
	return ast.NewObject(
		item("action", object(
			item("logIfAllowed", ast.InternedTerm(true)),
			item("logIfDenied", ast.InternedTerm(true)),
			item("operation", word(q.action.Operation.String())),
			item("resourcePattern", object(
				item("name", text(q.action.Name)),
				item("patternType", word("LITERAL")),
				item("resourceType", word(q.action.Type.String())),
				item("unknown", ast.InternedTerm(false)),
			)),
			item("resourceReferenceCount", number(1)),
		)),
		item("requestContext", object(
			p.address, p.information, p.connection,
			item("header", object(item("headerVersion", number(1)), item("name", header), item("data", header))),
			p.listener, p.principal, p.protocol,
		)),
	)
}

// connectionID has the form of a broker's connection ids.
func connectionID(s *access.Session) string { return s.Local.String() + "-" + s.Source.String() + "-0" }

// securityProtocol is Kafka's SecurityProtocol of a client's connection.
func securityProtocol(i *access.Identity) string {
	sasl := i.Auth != "" && i.Auth != "TLS"
	switch {
	case i.TLS != nil && sasl:
		return "SASL_SSL"
	case i.TLS != nil:
		return "SSL"
	case sasl:
		return "SASL_PLAINTEXT"
	}
	return "PLAINTEXT"
}
