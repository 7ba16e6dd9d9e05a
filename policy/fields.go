package policy

import (
	"encoding/binary"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A field is a leaf of an input, and how the key of a cache says its value. Two questions whose keys say the same of every
// field that a policy reads get the same decision (mask.go).
type field struct {
	path string
	part part
	// key appends what the field's value is made of, in a form that ends by itself. nil: it is the same always, or it is
	// the clock's, and then the decision has an end.
	key func(dst []byte, q *question) []byte
}

// A part is where a field comes from.
type part uint16

const (
	partWho  part = 1 << iota // the session, the identity or the client
	partName                  // the action's resource
	partType                  // its type
	partOp                    // the operation
	partAPI                   // the request's API key
	partVersion
	partGroup
	partTransaction
	partReplica
	partClock
	partFixed

	partRequest = partAPI | partVersion | partGroup | partTransaction | partReplica
)

// aString appends a string with its length.
func aString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func strs(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = aString(dst, s)
	}
	return dst
}

func ofWho(path string, value func(w *who) string) field {
	return field{path, partWho, func(dst []byte, q *question) []byte { return aString(dst, value(q.who)) }}
}

func ofList(path string, value func(w *who) []string) field {
	return field{path, partWho, func(dst []byte, q *question) []byte { return strs(dst, value(q.who)) }}
}

func principalType(w *who) string { t, _ := splitPrincipal(w.identity.Principal); return t }
func principalName(w *who) string { _, n := splitPrincipal(w.identity.Principal); return n }

// Keys of what the request brings, shared by both formats.
var (
	keyName = func(dst []byte, q *question) []byte { return aString(dst, q.action.Name) }
	keyType = func(dst []byte, q *question) []byte { return append(dst, byte(q.action.Type)) }
	keyOp   = func(dst []byte, q *question) []byte { return append(dst, byte(q.action.Operation)) }
	keyAPI  = func(dst []byte, q *question) []byte { return binary.BigEndian.AppendUint16(dst, uint16(q.request.API)) }
	keyVer  = func(dst []byte, q *question) []byte {
		return binary.BigEndian.AppendUint16(dst, uint16(q.request.Version))
	}
	keyGroup = func(dst []byte, q *question) []byte { return aString(dst, q.request.Group) }
	keyTxn   = func(dst []byte, q *question) []byte { return aString(dst, q.request.TransactionalID) }
	keyRep   = func(dst []byte, q *question) []byte {
		return binary.BigEndian.AppendUint32(dst, uint32(q.request.ReplicaID))
	}
)

// ownFields are the leaves of our own input; kafkaFields those of the opa-kafka-plugin's. A test holds them against what
// the builders build. At most 64 of them: a mask is one word.
var ownFields = []field{
	ofWho("cluster", func(w *who) string { return w.session.Cluster }),
	ofWho("listener", func(w *who) string { return w.session.Listener }),
	ofWho("principal.type", principalType),
	ofWho("principal.name", principalName),
	ofWho("principal.source", func(w *who) string { return w.identity.Source }),
	ofWho("client.address", func(w *who) string { return host(w.session.Source) }),
	ofWho("client.source_from", func(w *who) string { return w.session.SourceFrom }),
	ofWho("client.peer", func(w *who) string { return host(w.session.Peer) }),
	ofWho("client.id", func(w *who) string { return w.client.ID }),
	ofWho("client.software.name", func(w *who) string { return w.client.SoftwareName }),
	ofWho("client.software.version", func(w *who) string { return w.client.SoftwareVersion }),
	ofWho("client.auth", func(w *who) string { return w.identity.Auth }),
	ofWho("client.tls.version", func(w *who) string { return w.tls().Version }),
	ofWho("client.tls.ja4", func(w *who) string { return w.tls().JA4 }),
	ofWho("client.tls.subject", func(w *who) string { return w.tls().Subject }),
	ofList("client.tls.san", func(w *who) []string { return w.tls().SAN }),
	ofWho("client.tls.issuer", func(w *who) string { return w.tls().Issuer }),
	ofWho("client.tls.fingerprint", func(w *who) string { return w.tls().Fingerprint }),
	ofWho("client.token.iss", func(w *who) string { return w.token().Iss }),
	ofWho("client.token.sub", func(w *who) string { return w.token().Sub }),
	ofWho("client.token.azp", func(w *who) string { return w.token().Azp }),
	ofList("client.token.scope", func(w *who) []string { return w.token().Scope }),
	ofList("client.token.groups", func(w *who) []string { return w.token().Groups }),
	ofWho("session.id", func(w *who) string { return string(w.session.ID[:]) }),
	{"request.api", partAPI, keyAPI},
	{"request.api_key", partAPI, keyAPI},
	{"request.version", partVersion, keyVer},
	{"request.group", partGroup, keyGroup},
	{"request.transactional_id", partTransaction, keyTxn},
	{"request.replica_id", partReplica, keyRep},
	{"action.operation", partOp, keyOp},
	{"action.resource.type", partType, keyType},
	{"action.resource.name", partName, keyName},
	{"action.resource.pattern", partFixed, nil},
	{"signals.state", partFixed, nil},
	{"signals.severity", partFixed, nil},
	{"signals.findings", partFixed, nil},
	{"time.minute", partClock, nil},
	{"time.hour", partClock, nil},
	{"time.weekday", partClock, nil},
}

var kafkaFields = []field{
	{"action.logIfAllowed", partFixed, nil},
	{"action.logIfDenied", partFixed, nil},
	{"action.operation", partOp, keyOp},
	{"action.resourcePattern.name", partName, keyName},
	{"action.resourcePattern.patternType", partFixed, nil},
	{"action.resourcePattern.resourceType", partType, keyType},
	{"action.resourcePattern.unknown", partFixed, nil},
	{"action.resourceReferenceCount", partFixed, nil},
	ofWho("requestContext.clientAddress", func(w *who) string { return host(w.session.Source) }),
	ofWho("requestContext.clientInformation.softwareName", func(w *who) string { return w.client.SoftwareName }),
	ofWho("requestContext.clientInformation.softwareVersion", func(w *who) string { return w.client.SoftwareVersion }),
	ofWho("requestContext.connectionId", func(w *who) string { return connectionID(w.session) }),
	{"requestContext.header.headerVersion", partFixed, nil},
	ofWho("requestContext.header.name.clientId", func(w *who) string { return w.client.ID }),
	{"requestContext.header.name.correlationId", partFixed, nil},
	{"requestContext.header.name.requestApiKey", partAPI, keyAPI},
	{"requestContext.header.name.requestApiVersion", partVersion, keyVer},
	ofWho("requestContext.header.data.clientId", func(w *who) string { return w.client.ID }),
	{"requestContext.header.data.correlationId", partFixed, nil},
	{"requestContext.header.data.requestApiKey", partAPI, keyAPI},
	{"requestContext.header.data.requestApiVersion", partVersion, keyVer},
	ofWho("requestContext.listenerName", func(w *who) string { return w.session.Listener }),
	ofWho("requestContext.principal.name", principalName),
	ofWho("requestContext.principal.principalType", principalType),
	ofWho("requestContext.securityProtocol", func(w *who) string { return securityProtocol(w.identity) }),
}

func (f Format) fields() []field {
	if f == OPAKafka {
		return kafkaFields
	}
	return ownFields
}

// A projection is the part of an input that a policy reads.
type projection struct {
	parts part
	who   []field // those that a who makes up come first in a key
	rest  []field
}

// projection takes the fields at, above and below the paths that are read. A path that leads to no field is never
// defined, whatever is asked, and so says nothing.
func (f Format) projection(read []ast.Ref) (p projection) {
	fields := f.fields()
	for i := range fields {
		x := &fields[i]
		path := strings.Split(x.path, ".")
		for _, ref := range read {
			if !meets(ref, path) {
				continue
			}
			p.parts |= x.part
			switch {
			case x.key == nil:
			case x.part == partWho:
				p.who = append(p.who, *x)
			default:
				p.rest = append(p.rest, *x)
			}
			break
		}
	}
	return p
}

// meets says whether one of a ref's constant beginning and a field's path is the beginning of the other. ref starts with
// input.
func meets(ref ast.Ref, path []string) bool {
	for i, name := range path {
		if i+1 >= len(ref) {
			return true
		}
		key, ok := ref[i+1].Value.(ast.String)
		if !ok {
			return !ast.IsConstant(ref[i+1].Value) // a variable may be any name, a number none
		}
		if string(key) != name {
			return false
		}
	}
	return true
}

func (p *projection) appendWho(dst []byte, q *question) []byte {
	for i := range p.who {
		dst = p.who[i].key(dst, q)
	}
	return dst
}

func (p *projection) appendRest(dst []byte, q *question) []byte {
	for i := range p.rest {
		dst = p.rest[i].key(dst, q)
	}
	return dst
}
