package policy

import (
	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// kafkaInput is the document of the opa-kafka-plugin. Its serializer writes header.name, older policies read header.data;
// both are there. What the proxy does not know of a broker's inside has a fixed value: the correlation id, and the
// counts and flags that only the broker's audit log used.
func kafkaInput(s *access.Session, r *access.Request, a *access.Action) ast.Value {
	header := object(
		item("clientId", text(r.Client.ID)),
		item("correlationId", ast.InternedTerm(0)),
		item("requestApiKey", ast.InternedTerm(int(r.API))),
		item("requestApiVersion", ast.InternedTerm(int(r.Version))),
	)
	typ, name := splitPrincipal(r.Identity.Principal)
	protocol := text(securityProtocol(r.Identity))
	return object(
		item("action", object(
			item("logIfAllowed", ast.InternedTerm(true)),
			item("logIfDenied", ast.InternedTerm(true)),
			item("operation", ast.InternedTerm(a.Operation.String())),
			item("resourcePattern", object(
				item("name", text(a.Name)),
				item("patternType", ast.InternedTerm("LITERAL")),
				item("resourceType", ast.InternedTerm(a.Type.String())),
				item("unknown", ast.InternedTerm(false)),
			)),
			item("resourceReferenceCount", ast.InternedTerm(1)),
		)),
		item("requestContext", object(
			item("clientAddress", text("/"+s.Source.Addr().Unmap().WithZone("").String())),
			item("clientInformation", object(
				item("softwareName", text(r.Client.SoftwareName)),
				item("softwareVersion", text(r.Client.SoftwareVersion)),
			)),
			item("connectionId", text(s.Local.String()+"-"+s.Source.String()+"-0")),
			item("header", object(
				item("headerVersion", ast.InternedTerm(1)),
				item("name", header),
				item("data", header),
			)),
			item("listenerName", text(s.Listener)),
			item("principal", object(item("name", text(name)), item("principalType", text(typ)))),
			item("securityProtocol", protocol),
		)),
	).Value
}

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
